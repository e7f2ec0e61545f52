"""The nouns of steadying a listener: card, the wish for one, and its way to a feed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from safety.core.types import ConversationId, Cue, Label, Level, PersonId, TenantId


@dataclass(frozen=True, slots=True)
class Card:
    """One guided step shown to a listener.

    `say` is the sentence to send or speak, `why` one line for the listener, `avoid` what not to
    say now. `flow` names the state machine that the card belongs to.
    """

    id: str
    flow: str
    version: str
    say: str
    why: str
    avoid: str


@dataclass(frozen=True, slots=True)
class CardWish:
    """What is known when a card is chosen.

    `place_open` while a place cue is not cleared; `on_call` while a voice call is live; `shown`
    the ids of cards already shown in this conversation, oldest first.
    """

    level: Level
    labels: frozenset[Label]
    cues: frozenset[Cue]
    place_open: bool
    on_call: bool
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CardPush:
    """A card on its way to one listener. `listener_id` is empty while no listener is known.

    `seq` is its place in the feed of its conversation: 1 and up, without a gap.
    """

    seq: int
    tenant: TenantId
    conversation_id: ConversationId
    listener_id: PersonId
    level: Level
    card: Card
    at: datetime
