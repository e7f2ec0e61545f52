"""The nouns of bringing a person in: case, policy, ladder, page, receipt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from safety.core.types import CaseId, ConversationId, Level, PageId, PersonId, TenantId


class Duty(StrEnum):
    """What a person on the roster is there for."""

    COUNSELLOR = "counsellor"
    SUPERVISOR = "supervisor"
    LEAD = "lead"
    DUTY_MANAGER = "duty_manager"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be paged. `contacts` maps a channel to that channel's address.

    `levels` are the levels this person's qualification allows; empty means none.
    """

    id: PersonId
    name: str
    duties: frozenset[Duty]
    contacts: Mapping[str, str]
    levels: frozenset[Level] = frozenset(Level)


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a step reaches: up to `count` people on duty as `duty`, each over every channel.

    `count` 0 means everybody on duty; `anyone` widens it to the whole roster, on duty or not.
    """

    duty: Duty
    channels: tuple[str, ...]
    count: int = 0
    anyone: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One rung: `after_s` seconds after the ladder started for this level."""

    after_s: float
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class LevelPolicy:
    """The rungs of one level. The last one repeats every `repeat_s` seconds until somebody takes
    charge; 0 means that this level has no pages of its own (a daily list).

    `accept_s` and `first_words_s` are the deadlines for acknowledging and for the first message
    to the client.
    """

    steps: tuple[Step, ...]
    repeat_s: float
    accept_s: float
    first_words_s: float


@dataclass(frozen=True, slots=True)
class EscalationPolicy:
    """Who is reached, how, and when, for each level; frozen into a case when it opens."""

    version: str
    levels: Mapping[Level, LevelPolicy]


class CaseStatus(StrEnum):
    """Open: nobody has it. Acknowledged: somebody saw the page. Taken: a first message went to
    the client. Closed: a professional ended it with a reason."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    TAKEN = "taken"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Ladder:
    """Where an escalation stands.

    `step` is the index of the next rung to climb; `paged` who was paged since it started at this
    level; `due_at` when to climb, None when nothing is to come.
    """

    level: Level
    started_at: datetime
    step: int
    paged: tuple[PersonId, ...]
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Case:
    """One client's open episode. The level rises by itself and falls only by a professional."""

    id: CaseId
    tenant: TenantId
    client_id: PersonId
    conversation_id: ConversationId
    level: Level
    status: CaseStatus
    opened_at: datetime
    owner: PersonId | None
    policy: EscalationPolicy
    ladder: Ladder
    version: int


@dataclass(frozen=True, slots=True)
class PageOrder:
    """The wish to reach one person over one channel, before it has a row."""

    person_id: PersonId
    channel: str
    step: int


@dataclass(frozen=True, slots=True)
class Climb:
    """What the ladder says at one moment: its new position, whom to page, what to write down.

    `notes` are timeline entries in plain codes, such as `nobody_on_duty:counsellor`: what did
    not happen is an entry too.
    """

    ladder: Ladder
    orders: tuple[PageOrder, ...] = ()
    notes: tuple[str, ...] = ()


class PageState(StrEnum):
    """How far a page came.

    pending → sending → sent → delivered → seen; `failed` will be tried again, `undeliverable`
    never; `withdrawn` because the case was taken or closed before it left.
    """

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    SEEN = "seen"
    FAILED = "failed"
    UNDELIVERABLE = "undeliverable"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Page:
    """One try to reach one person for one case.

    It carries a case number and a level, never a word of the chat. `attempt` counts from 1;
    `is_repeat` is true when an earlier attempt may have reached the person already.
    """

    id: PageId
    tenant: TenantId
    case_id: CaseId
    person_id: PersonId
    channel: str
    level: Level
    step: int
    attempt: int
    is_repeat: bool
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a channel said when it took a page: its own reference, and how far it came."""

    reference: str
    state: PageState = PageState.SENT
