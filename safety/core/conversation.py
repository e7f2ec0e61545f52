"""What is remembered of a live conversation between two events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from safety.core.events import Chip
from safety.core.types import ConversationId, Cue, EventId, Level, PersonId, TenantId, Turn


class SeenCue(NamedTuple):
    """A circumstance and the event time at which it was last seen."""

    cue: Cue
    at: datetime


class Conversation(NamedTuple):
    """The small, encrypted, short-lived memory of one conversation. A tuple, because every event
    makes new ones.

    `subject` is whose case is open here: the client, or a stand-in while no client is known.
    `window` holds the last turns, oldest first. `level` is the highest so far; `open_level` what
    its open case stands at, None without one. `with_professional` while a counsellor is with the
    client: then a silence is theirs to read. `silence_due_at` is the event time at which the
    client's silence next raises the level. `card_seq` numbers the cards of its feed. `version`
    counts writes and guards against two workers at once; 0 means never stored.
    """

    tenant: TenantId
    conversation_id: ConversationId
    version: int = 0
    client_id: PersonId | None = None
    listener_id: PersonId | None = None
    subject: PersonId | None = None
    window: tuple[Turn, ...] = ()
    level: Level | None = None
    open_level: Level | None = None
    with_professional: bool = False
    prior_risk_at: datetime | None = None
    wish_at: datetime | None = None
    place_at: datetime | None = None
    call_since: datetime | None = None
    chips: tuple[Chip, ...] = ()
    cues: tuple[SeenCue, ...] = ()
    shown: tuple[str, ...] = ()
    last_client_at: datetime | None = None
    card_seq: int = 0
    silence_due_at: datetime | None = None

    @property
    def key(self) -> tuple[TenantId, ConversationId]:
        """What tells one conversation from all others."""
        return (self.tenant, self.conversation_id)


@dataclass(frozen=True, slots=True)
class Decision:
    """What triage makes of one event, or of a silence, in its context.

    `level` is what it calls for (None: nothing of its own). `reasons` are rule ids, for the audit
    trail. `urgent` asks the ladder to climb at once.
    """

    event_id: EventId
    level: Level | None
    reasons: tuple[str, ...]
    at: datetime
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class CaseUpdate:
    """What a conversation adds to its client's case: perhaps a level, and turns as evidence.

    `level` None adds evidence to a case that is open. `urgent` makes the ladder climb at once even
    where the level stays: the call dropped, the session ended. `taken_by` is the professional whose
    words to the client these turns are: from then on somebody has taken charge.
    """

    tenant: TenantId
    conversation_id: ConversationId
    client_id: PersonId
    level: Level | None
    reasons: tuple[str, ...]
    at: datetime
    turns: tuple[Turn, ...] = ()
    urgent: bool = False
    taken_by: PersonId | None = None
