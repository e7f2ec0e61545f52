"""The delivery law: what was polled is committed only after every consequence of it is durable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from safety.core.errors import SafetyError, Unavailable, UnreadableRecord
from safety.core.events import Event
from safety.core.ports import Checkpoint, DeadLetter, DeadLetters, Record, Source, nowhere
from streams.codec import Decoded, decode

UNHANDLED = "unhandled"
"""The reason of a record that could be read but whose event could not be handled.

Nobody has looked at what it says: that is a safety event, and the observer must make it heard.
"""


class Observer(Protocol):
    """Is told what happened, to count it. Never sees a record."""

    def polled(self, records: int) -> None:
        """So many records came."""

    def unknown_fields(self, fields: int) -> None:
        """So many fields were left out of readable records."""

    def dead_lettered(self, reason: str, field: str | None) -> None:
        """One record is in the dead letters, durably."""


class Unobserved:
    """An observer for those who count nothing."""

    def polled(self, records: int) -> None:
        """Nothing."""

    def unknown_fields(self, fields: int) -> None:
        """Nothing."""

    def dead_lettered(self, reason: str, field: str | None) -> None:
        """Nothing."""


class Consumer:
    """Carries records from a source to a handler, at least once, in order within a conversation.

    `handle` takes a batch and returns once its effects are durable. It raises Unavailable to have
    everything again later, and one of `poison` when the batch can never be handled as it is.
    """

    def __init__(
        self,
        source: Source,
        dead_letters: DeadLetters,
        handle: Callable[[Sequence[Event]], None],
        *,
        limit: int = 500,
        timeout_s: float = 0.5,
        checkpoint: Checkpoint = nowhere,
        observer: Observer | None = None,
        poison: tuple[type[Exception], ...] = (SafetyError,),
    ) -> None:
        self._source = source
        self._dead_letters = dead_letters
        self._handle = handle
        self._limit = limit
        self._timeout_s = timeout_s
        self._checkpoint = checkpoint
        self._observer: Observer = Unobserved() if observer is None else observer
        self._poison = poison

    def run_once(self) -> int:
        """One batch from poll to commit; how many records it had.

        Raises Unavailable when something is away: nothing was committed, the same records come
        again, and the caller decides how long to wait.
        """
        records = self._source.poll(self._limit, self._timeout_s)
        if not records:
            return 0
        with self._committed_or_rewound():
            self._checkpoint("polled")
            readable = self._bury_unreadable(records)
            self._checkpoint("dead_lettered")
            self._handle_all(readable)
            self._checkpoint("handled")
            self._source.commit(records)
            self._checkpoint("offset_committed")
        self._observer.polled(len(records))
        return len(records)

    @contextmanager
    def _committed_or_rewound(self) -> Iterator[None]:
        """Whatever goes wrong, a source that is polled on must not skip what it handed out."""
        done = False
        try:
            yield
            done = True
        finally:
            if not done:
                self._source.rewind()

    def _bury_unreadable(self, records: Sequence[Record]) -> list[tuple[Record, Event]]:
        """Put what is no event into the dead letters, durably; give back the rest."""
        readable: list[tuple[Record, Event]] = []
        letters: list[DeadLetter] = []
        unknown_fields = 0
        for record in records:
            outcome = _read(record)
            if isinstance(outcome, DeadLetter):
                letters.append(outcome)
            else:
                readable.append((record, outcome.event))
                unknown_fields += outcome.unknown_fields
        self._bury(letters)
        if unknown_fields:
            self._observer.unknown_fields(unknown_fields)
        return readable

    def _handle_all(self, readable: Sequence[tuple[Record, Event]]) -> None:
        """The whole batch at once; if it is poisoned, one by one, burying what still fails."""
        if not readable:
            return
        try:
            self._handle([event for _, event in readable])
        except Unavailable:
            raise
        except self._poison:
            self._handle_each(readable)

    def _handle_each(self, readable: Sequence[tuple[Record, Event]]) -> None:
        for record, event in readable:
            try:
                self._handle([event])
            except Unavailable:
                raise
            except self._poison:
                self._bury([DeadLetter(record, UNHANDLED)])

    def _bury(self, letters: Sequence[DeadLetter]) -> None:
        if not letters:
            return
        self._dead_letters.send(letters)
        for letter in letters:
            self._observer.dead_lettered(letter.reason, letter.field)


def _read(record: Record) -> Decoded | DeadLetter:
    try:
        return decode(record.value)
    except UnreadableRecord as error:
        return DeadLetter(record, error.reason, error.field)
