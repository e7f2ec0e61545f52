"""The promises between the rooms and the floor. Each docstring says what may be relied on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from safety.core.cards import Card, CardPush, CardWish
from safety.core.cases import Case, Climb, EscalationPolicy, Ladder, Page, Person, Receipt
from safety.core.conversation import CaseUpdate, Conversation
from safety.core.events import Event
from safety.core.types import (
    Assessment,
    ConversationId,
    EventId,
    Level,
    TenantId,
    Utterance,
)

ConversationKey = tuple[TenantId, ConversationId]
EventKey = tuple[TenantId, EventId]

Checkpoint = Callable[[str], None]
"""Called with the name of the seam just reached; tests raise there to play a crash."""


def nowhere(_name: str) -> None:
    """The checkpoint of production: nothing happens."""


class Clock(Protocol):
    """Time as an argument."""

    def now(self) -> datetime:
        """The current moment, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary origin, never running backwards."""

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`; a fake clock returns at once, having moved itself."""


@dataclass(frozen=True, slots=True)
class Record:
    """Bytes with a position: what a stream hands out before anybody has read them."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that is not an event, with the reason and, if one is to blame, the field."""

    record: Record
    reason: str
    field: str | None = None


class Source(Protocol):
    """A stream of records, read by one thread."""

    def poll(self, limit: int, timeout_s: float) -> Sequence[Record]:
        """Up to `limit` records after the last polled ones, in order within a partition.

        Returns an empty sequence after `timeout_s` seconds without any. Raises SourceUnavailable.
        """

    def commit(self, records: Sequence[Record]) -> None:
        """Make `records` count as handled, for good: a restarted reader starts after them.

        May be called twice. What was polled but not committed is polled again after a restart or
        a rebalance. Raises SourceUnavailable; then nothing may be assumed committed.
        """

    def rewind(self) -> None:
        """Poll again from the committed position: what was polled since is handed out once more."""

    def close(self) -> None:
        """Leave the stream. Commits nothing."""


class DeadLetters(Protocol):
    """Where records go that cannot be read."""

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """Durable when this returns. Keyed by (topic, partition, offset): sending the same letter
        again keeps one. Raises Unavailable, and then the offset must not move.
        """


class Classifier(Protocol):
    """A reader of messages."""

    @property
    def versions(self) -> Mapping[str, str]:
        """Every part that has a say, with its version."""

    def assess(self, utterances: Sequence[Utterance]) -> list[Assessment]:
        """One assessment for each utterance, in order. No side effects; may be called twice.

        Raises ClassifierUnavailable when it cannot say: never an empty answer instead.
        """


@dataclass(frozen=True, slots=True)
class Recall:
    """What the store knows before a batch: events already handled, conversations as they stand."""

    seen: frozenset[EventKey]
    conversations: Mapping[ConversationKey, Conversation]


@dataclass(frozen=True, slots=True)
class Reading:
    """A message's assessment with what triage made of it, as it is kept."""

    event: Event
    assessment: Assessment
    level: Level | None
    reasons: tuple[str, ...]


class Transaction(Protocol):
    """All consequences of one batch: everything or nothing, at the end of the `with` block."""

    def remember(self, events: Sequence[tuple[Event, Level | None]]) -> None:
        """Write each event's idempotence marker and level. Raises Conflict if one is there."""

    def save_conversations(self, conversations: Sequence[Conversation]) -> None:
        """Write each as version + 1. Raises Conflict if the stored version is another one."""

    def save_readings(self, readings: Sequence[Reading]) -> None:
        """Keep what fired, with versions and spans and no text (R-DET-10)."""

    def update_cases(self, updates: Sequence[CaseUpdate], escalation: Escalation) -> None:
        """Open or raise the client's case, keep evidence encrypted under the case's key, and
        write the first pages. Updates are applied in order. Raises Conflict on a race."""

    def push_cards(self, pushes: Sequence[CardPush]) -> None:
        """Append to the conversations' feeds, under the numbers they carry."""

    def due_conversations(self, now: datetime, limit: int) -> list[Conversation]:
        """Conversations whose silence is due, locked for this transaction; locked ones skipped."""


class Store(Protocol):
    """The memory that survives a crash."""

    def recall(
        self, events: Sequence[EventKey], conversations: Sequence[ConversationKey]
    ) -> Recall:
        """What is known of these. Takes no lock. Raises StoreUnavailable."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Committed when the block ends, rolled back if it raises. Raises StoreUnavailable, also
        when the commit itself failed; then the effects are either all there or all absent."""


class Escalation(Protocol):
    """How people are brought in, as the store needs it while it opens and raises cases. Pure."""

    @property
    def policy(self) -> EscalationPolicy:
        """The policy of today, frozen into each case that opens."""

    def start(
        self, policy: EscalationPolicy, level: Level, now: datetime, before: Ladder | None
    ) -> Climb:
        """The first climb at `level`; `before` is the ladder of a case that rises."""


PickCard = Callable[[CardWish], Card | None]
"""Chooses the next card, or None when silence is better. Pure."""

ClimbLadder = Callable[[Case, datetime], Climb]
"""Climbs what is due. Pure."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt: a receipt, or the code of what went wrong.

    `undeliverable` is true when the provider will never take it.
    """

    receipt: Receipt | None = None
    error: str | None = None
    undeliverable: bool = False


class PageDesk(Protocol):
    """The pages waiting to leave, shared by any number of dispatchers."""

    def climb_due(self, now: datetime, limit: int, climb: ClimbLadder) -> int:
        """In one transaction: lock up to `limit` cases whose ladder is due (locked ones skipped),
        climb each, write ladder, pages and timeline. Returns how many climbed."""

    def claim(self, now: datetime, lease_s: float, limit: int) -> list[Page]:
        """Take up to `limit` due pages, most urgent first, for `lease_s` seconds. Durable before
        it returns. Nobody else gets them until the lease ends; a page whose lease ended is handed
        out again, marked as a repeat."""

    def settle(self, page: Page, outcome: Outcome, now: datetime) -> None:
        """Write down what came of it, if `page.attempt` is still the current one; a failed page
        is due again later, an undeliverable one makes its ladder climb at once."""


class Notifier(Protocol):
    """One channel to people."""

    channel: str

    def send(self, page: Page, person: Person) -> Receipt:
        """Hand the page over; returns once the channel has taken it.

        Raises Undeliverable when it never will, NotifierUnavailable when it may or may not have.
        The text comes from case number and level alone.
        """
