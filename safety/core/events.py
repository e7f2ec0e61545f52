"""What can happen on the platform (R-IN-01), as frozen plain types.

Every event carries its tenant, its conversation, the pseudonymous id and role of whoever caused
it, and the moment it happened there (aware, any offset). `event_id` makes redelivery harmless: a
message's is its `message_id`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from safety.core.types import ConversationId, EventId, Modality, PersonId, Role, TenantId


class EventType(StrEnum):
    """The wire names of the event types."""

    MESSAGE = "message"
    CALL_START = "call_start"
    CALL_END = "call_end"
    CALL_DROP = "call_drop"
    SESSION_START = "session_start"
    SESSION_END = "session_end"
    SESSION_EXTEND = "session_extend"
    TYPING = "typing"
    READ = "read"
    PAYMENT = "payment"
    GIFT = "gift"
    LOCATION_SHARE = "location_share"
    LISTENER_ONLINE = "listener_online"
    LISTENER_OFFLINE = "listener_offline"
    CARD_EVENT = "card_event"
    LISTENER_HELP = "listener_help"


class CardAction(StrEnum):
    """What a listener did with a card."""

    SHOWN = "shown"
    SENT = "sent"
    EDITED = "edited"
    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    DISMISSED = "dismissed"


class Chip(StrEnum):
    """One-tap observations of a listener on a call; the value is what the button says."""

    ROOFTOP = "天台"
    WINDOW = "窗边"
    BRIDGE = "桥"
    RIVERSIDE = "江边"
    TRAFFIC = "车声"
    WIND = "风声"
    CRYING = "哭"
    GASPING = "喘"
    QUIET = "很安静"


PLACE_CHIPS = frozenset({Chip.ROOFTOP, Chip.WINDOW, Chip.BRIDGE, Chip.RIVERSIDE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened on the platform."""

    type: EventType
    event_id: EventId
    tenant: TenantId
    conversation_id: ConversationId
    sender_id: PersonId
    role: Role
    sent_at: datetime
    session_id: str | None = None
    client_id: PersonId | None = None
    listener_id: PersonId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Event):
    """Words. `asr_confidence` in [0, 1] is the transcriber's own, None for typed text."""

    text: str
    modality: Modality = Modality.TEXT
    asr_confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending(Event):
    """A payment or a gift; `amount_minor` in the currency's smallest unit (fen)."""

    amount_minor: int
    currency: str = "CNY"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationShare(Event):
    """The client shared where they are; `place` is free text and as confidential as chat."""

    place: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardEvent(Event):
    """A listener acted on a card."""

    card: str
    action: CardAction


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerHelp(Event):
    """A listener pressed the help button (`chip` None) or tapped what they hear or see."""

    chip: Chip | None = None
