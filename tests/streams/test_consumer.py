"""The delivery law: nothing is lost, whatever breaks, and no bad record is dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety.core.errors import (
    InvalidRequest,
    SourceUnavailable,
    StoreUnavailable,
    UnreadableRecord,
)
from safety.core.events import Event
from safety.core.ports import DeadLetter, Record
from streams.codec import decode
from streams.consumer import UNHANDLED, Consumer
from streams.memory import MemorySource, MemoryStream
from tests.streams.wire import message

SEAMS = ["polled", "dead_lettered", "handled", "offset_committed"]
BAD = b"not an event"


class Crash(Exception):
    """The process ends here."""


class Letters:
    """Dead letters in memory, one for each place; refuses while `away`."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int, int], DeadLetter] = {}
        self.away = False

    def send(self, letters: Sequence[DeadLetter]) -> None:
        if self.away:
            raise SourceUnavailable("the dead letter topic is away")
        for letter in letters:
            record = letter.record
            self.kept[record.topic, record.partition, record.offset] = letter

    @property
    def reasons(self) -> list[str]:
        return [letter.reason for letter in self.kept.values()]


class Counts:
    """An observer that adds up."""

    def __init__(self) -> None:
        self.records = 0
        self.fields = 0
        self.dead: list[tuple[str, str | None]] = []

    def polled(self, records: int) -> None:
        self.records += records

    def unknown_fields(self, fields: int) -> None:
        self.fields += fields

    def dead_lettered(self, reason: str, field: str | None) -> None:
        self.dead.append((reason, field))


class World:
    """A stream, a handler that remembers, and consumers that come back after every crash."""

    def __init__(self, partitions: int = 2) -> None:
        self.stream = MemoryStream(partitions=partitions)
        self.letters = Letters()
        self.counts = Counts()
        self.handled: list[str] = []
        self.batches: list[int] = []
        self.fail_once: list[Exception] = []
        self.poisoned: dict[str, Exception] = {}
        self.crash_at: list[str] = []
        self.trail: list[str] = []
        self._source: MemorySource | None = None

    @property
    def source(self) -> MemorySource:
        if self._source is None:
            self._source = self.stream.source()
        return self._source

    def handle(self, events: Sequence[Event]) -> None:
        if self.fail_once:
            raise self.fail_once.pop(0)
        self.batches.append(len(events))
        for event in events:
            if event.event_id in self.poisoned:
                raise self.poisoned[event.event_id]
        self.handled += [event.event_id for event in events]

    def consumer(self, limit: int = 10, poison: type[Exception] | None = None) -> Consumer:
        more = {} if poison is None else {"poison": (poison,)}
        return Consumer(
            self.source,
            self.letters,
            self.handle,
            limit=limit,
            timeout_s=0,
            checkpoint=self._reached,
            observer=self.counts,
            **more,
        )

    def drain(self, limit: int = 10) -> None:
        """Consume until nothing comes; a crash loses the process and its source, nothing else."""
        while True:
            try:
                if self.consumer(limit).run_once() == 0:
                    return
            except Crash:
                self.source.close()
                self._source = None
            except (StoreUnavailable, SourceUnavailable):
                pass

    def _reached(self, seam: str) -> None:
        self.trail.append(seam)
        if self.crash_at and self.crash_at[0] == seam:
            self.crash_at.pop(0)
            raise Crash


@pytest.fixture
def world() -> World:
    return World()


def fill(world: World, count: int) -> list[Record]:
    return [world.stream.append(b"c-7", message(number)) for number in range(count)]


def test_a_batch_passes_the_seams_in_order_and_is_committed(world: World) -> None:
    records = fill(world, 3)
    assert world.consumer().run_once() == 3
    assert world.handled == ["m-0", "m-1", "m-2"]
    assert world.trail == SEAMS
    assert world.stream.wait_committed(records[-1], 0)
    assert world.counts.records == 3


def test_an_empty_stream_reaches_no_seam(world: World) -> None:
    assert world.consumer().run_once() == 0
    assert world.trail == []


@pytest.mark.parametrize("seam", SEAMS)
def test_a_crash_at_a_seam_loses_nothing(world: World, seam: str) -> None:
    fill(world, 3)
    world.crash_at = [seam]
    world.drain(limit=2)
    assert set(world.handled) == {"m-0", "m-1", "m-2"}


@pytest.mark.parametrize("seam", ["polled", "dead_lettered"])
def test_a_crash_before_handling_leaves_the_offset_alone(world: World, seam: str) -> None:
    """Fails when offsets are committed before the batch is handled."""
    records = fill(world, 2)
    world.crash_at = [seam]
    with pytest.raises(Crash):
        world.consumer().run_once()
    assert not world.stream.wait_committed(records[0], 0)


def test_committed_records_do_not_come_back(world: World) -> None:
    """Fails when the offset of the last record is committed instead of the one after it."""
    fill(world, 3)
    world.drain(limit=2)
    world.source.close()
    world._source = None
    world.drain()
    assert world.handled == ["m-0", "m-1", "m-2"]


@pytest.mark.parametrize("error", [StoreUnavailable("away"), SourceUnavailable("away")])
def test_unavailable_commits_nothing_and_everything_comes_again(
    world: World, error: Exception
) -> None:
    records = fill(world, 2)
    world.fail_once = [error]
    consumer = world.consumer()
    with pytest.raises(type(error)):
        consumer.run_once()
    assert not world.stream.wait_committed(records[0], 0)
    assert world.letters.kept == {}
    assert consumer.run_once() == 2
    assert world.handled == ["m-0", "m-1"]


def test_a_programming_error_does_not_skip_the_batch_either(world: World) -> None:
    fill(world, 2)
    world.fail_once = [KeyError("a bug")]
    consumer = world.consumer()
    with pytest.raises(KeyError):
        consumer.run_once()
    assert consumer.run_once() == 2


def test_a_lost_commit_only_repeats(world: World) -> None:
    class Forgetful(MemorySource):
        failures = 1

        def commit(self, records: Sequence[Record]) -> None:
            if self.failures:
                self.failures -= 1
                raise SourceUnavailable("the coordinator is away")
            super().commit(records)

    fill(world, 2)
    inner = world.source
    inner.__class__ = Forgetful
    consumer = world.consumer()
    with pytest.raises(SourceUnavailable):
        consumer.run_once()
    consumer.run_once()
    assert world.handled == ["m-0", "m-1"] * 2


class TestDeadLetters:
    def test_a_bad_record_is_kept_with_reason_field_and_place(self, world: World) -> None:
        bad = world.stream.append(b"c-7", BAD)
        role = world.stream.append(b"c-7", message(1, role="boss"))
        gone = world.stream.append(b"c-7", None)
        fill(world, 1)
        assert world.consumer().run_once() == 4
        assert list(world.letters.kept.values()) == [
            DeadLetter(bad, "not_json"),
            DeadLetter(role, "bad_value", "role"),
            DeadLetter(gone, "no_value"),
        ]
        assert world.handled == ["m-0"]
        assert world.counts.dead == [
            ("not_json", None),
            ("bad_value", "role"),
            ("no_value", None),
        ]

    def test_while_it_cannot_be_kept_nothing_moves(self, world: World) -> None:
        """Fails when a dead letter that cannot be sent is dropped."""
        bad = world.stream.append(b"c-7", BAD)
        world.letters.away = True
        consumer = world.consumer()
        for _ in range(2):
            with pytest.raises(SourceUnavailable):
                consumer.run_once()
        assert not world.stream.wait_committed(bad, 0)
        assert world.counts.dead == []
        world.letters.away = False
        assert consumer.run_once() == 1
        assert world.letters.reasons == ["not_json"]

    def test_it_is_kept_before_the_rest_is_handled(self, world: World) -> None:
        world.stream.append(b"c-7", BAD)
        fill(world, 1)
        world.crash_at = ["dead_lettered"]
        with pytest.raises(Crash):
            world.consumer().run_once()
        assert world.letters.reasons == ["not_json"]
        assert world.handled == []

    def test_a_batch_of_nothing_else_is_not_handled(self, world: World) -> None:
        world.stream.append(b"c-7", BAD)
        assert world.consumer().run_once() == 1
        assert world.batches == []

    def test_unknown_fields_are_counted(self, world: World) -> None:
        world.stream.append(b"c-7", message(1, emotion="x", mood="y"))
        world.consumer().run_once()
        assert world.counts.fields == 2


class TestPoison:
    def test_one_that_cannot_be_handled_does_not_take_the_others_along(self, world: World) -> None:
        records = fill(world, 3)
        world.poisoned = {"m-1": InvalidRequest("never")}
        assert world.consumer().run_once() == 3
        assert world.handled == ["m-0", "m-2"]
        assert list(world.letters.kept.values()) == [DeadLetter(records[1], UNHANDLED)]
        assert world.counts.dead == [(UNHANDLED, None)]
        assert world.stream.wait_committed(records[-1], 0)

    def test_unavailable_in_the_middle_rewinds_all(self, world: World) -> None:
        records = fill(world, 3)
        world.poisoned = {"m-0": InvalidRequest("never"), "m-1": StoreUnavailable("away")}
        consumer = world.consumer()
        with pytest.raises(StoreUnavailable):
            consumer.run_once()
        assert not world.stream.wait_committed(records[0], 0)
        del world.poisoned["m-1"]
        assert consumer.run_once() == 3
        assert set(world.handled) == {"m-1", "m-2"}
        assert len(world.letters.kept) == 1

    def test_the_letter_must_be_kept_before_the_offset_moves(self, world: World) -> None:
        records = fill(world, 1)
        world.poisoned = {"m-0": InvalidRequest("never")}
        world.letters.away = True
        with pytest.raises(SourceUnavailable):
            world.consumer().run_once()
        assert not world.stream.wait_committed(records[0], 0)

    def test_the_roof_decides_what_counts_as_poison(self, world: World) -> None:
        fill(world, 2)
        world.poisoned = {"m-0": KeyError("a bug")}
        assert world.consumer(poison=Exception).run_once() == 2
        assert world.handled == ["m-1"]
        assert world.letters.reasons == [UNHANDLED]


TROUBLE: list[Callable[[], Exception]] = [
    lambda: StoreUnavailable("away"),
    lambda: SourceUnavailable("away"),
]


@given(
    values=st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=25),
    limit=st.integers(1, 7),
    crashes=st.lists(st.sampled_from(SEAMS), max_size=6),
    failures=st.lists(st.sampled_from(TROUBLE), max_size=4),
)
def test_whatever_breaks_every_record_is_handled_or_kept_in_order(
    values: list[tuple[int, bool]],
    limit: int,
    crashes: list[str],
    failures: list[Callable[[], Exception]],
) -> None:
    world = World(partitions=3)
    records = []
    for number, (conversation, good) in enumerate(values):
        key = f"c-{conversation}"
        value = message(number, key) if good else BAD
        records.append(world.stream.append(key.encode(), value))
    world.crash_at = list(crashes)
    world.fail_once = [make() for make in failures]
    world.drain(limit)
    readable = {f"m-{n}": values[n][0] for n in range(len(values)) if values[n][1]}
    assert set(world.handled) == readable.keys()
    assert len(world.letters.kept) == len(values) - len(readable)
    first_seen = list(dict.fromkeys(world.handled))
    for conversation in range(4):
        mine = [name for name in first_seen if readable[name] == conversation]
        assert mine == sorted(mine, key=lambda name: int(name[2:]))
    assert all(world.stream.wait_committed(record, 0) for record in records)


def test_a_dead_letter_still_says_why(world: World) -> None:
    world.stream.append(b"c-7", BAD)
    world.consumer().run_once()
    (letter,) = world.letters.kept.values()
    with pytest.raises(UnreadableRecord) as caught:
        decode(letter.record.value)
    assert (caught.value.reason, caught.value.field) == (letter.reason, letter.field)
