"""One body for every source: what `safety.core.ports.Source` promises, in memory and on Kafka."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.services import Given, Kafka
from tests.streams.under_test import (
    NAMES,
    PATIENCE_S,
    InMemory,
    OnKafka,
    Stream,
    commit,
    nothing_comes,
    put_all,
    read,
    share_out,
    take,
    values,
)


@pytest.fixture
def on_kafka(kafka: Kafka | Given) -> Iterator[OnKafka]:
    stream = OnKafka(kafka.bootstrap_servers)
    yield stream
    stream.close()


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
def stream(request: pytest.FixtureRequest) -> Stream:
    if request.param == "memory":
        return InMemory()
    found: OnKafka = request.getfixturevalue("on_kafka")
    return found


class TestEverySource:
    def test_keeps_the_order_within_a_key(self, stream: Stream) -> None:
        for number in range(20):
            for key in ("c-1", "c-2", "c-3"):
                stream.put(key, f"{key}/{number}")
        records = read(stream.reader(), 60, limit=7)
        for key in ("c-1", "c-2", "c-3"):
            mine = [record for record in records if record.key == key.encode()]
            assert values(mine) == [f"{key}/{number}" for number in range(20)]
            assert len({record.partition for record in mine}) == 1

    def test_never_gives_more_than_asked_for(self, stream: Stream) -> None:
        stream.put("c-1", *NAMES)
        source = stream.reader()
        deadline = time.monotonic() + PATIENCE_S
        sizes: list[int] = []
        while sum(sizes) < 10 and time.monotonic() < deadline:
            sizes.append(len(source.poll(3, 0.2)))
        assert sum(sizes) == 10
        assert max(sizes) <= 3

    def test_an_empty_stream_gives_nothing_in_time(self, stream: Stream) -> None:
        source = stream.reader()
        before = time.monotonic()
        assert list(source.poll(10, 0.2)) == []
        assert time.monotonic() - before < 5

    def test_a_reader_that_commits_nothing_loses_nothing(self, stream: Stream) -> None:
        stream.put("c-1", *NAMES)
        source = stream.reader()
        assert values(read(source, 10)) == NAMES
        source.close()
        assert values(read(stream.reader(), 10)) == NAMES

    def test_what_is_committed_is_not_repeated_and_the_next_one_is_not_skipped(
        self, stream: Stream
    ) -> None:
        """Fails when the offset of the last record is committed instead of the one after it."""
        stream.put("c-1", *NAMES)
        source = stream.reader()
        records = read(source, 10)
        commit(source, records[:4])
        source.close()
        assert values(read(stream.reader(), 6)) == NAMES[4:]

    def test_all_committed_leaves_nothing(self, stream: Stream) -> None:
        stream.put("c-1", *NAMES)
        source = stream.reader()
        commit(source, read(source, 10))
        source.close()
        again = stream.reader()
        assert nothing_comes(again)
        stream.put("c-1", "new")
        assert values(read(again, 1)) == ["new"]

    def test_committing_twice_is_harmless(self, stream: Stream) -> None:
        stream.put("c-1", *NAMES)
        source = stream.reader()
        records = read(source, 10)
        commit(source, records)
        commit(source, records)
        commit(source, [])
        source.close()
        assert nothing_comes(stream.reader())

    def test_records_of_many_partitions_are_committed_in_any_order(self, stream: Stream) -> None:
        for number in range(30):
            stream.put(f"c-{number}", f"{number}")
        source = stream.reader()
        commit(source, list(reversed(read(source, 30))))
        source.close()
        assert nothing_comes(stream.reader())

    def test_rewinding_hands_out_again_what_is_not_committed(self, stream: Stream) -> None:
        stream.put("c-1", *NAMES)
        source = stream.reader()
        records = read(source, 10, limit=3)
        commit(source, records[:4])
        source.rewind()
        assert values(read(source, 6)) == NAMES[4:]
        source.rewind()
        source.rewind()
        assert values(read(source, 6)) == NAMES[4:]

    def test_rewinding_without_any_commit_starts_at_the_beginning(self, stream: Stream) -> None:
        stream.put("c-1", *NAMES)
        source = stream.reader()
        read(source, 10)
        source.rewind()
        assert values(read(source, 10)) == NAMES

    def test_a_tombstone_and_a_record_without_key_come_too(self, stream: Stream) -> None:
        stream.put("", "keyless")
        assert values(read(stream.reader(), 1)) == ["keyless"]

    def test_readers_of_a_group_come_and_go_without_losing_anything(self, stream: Stream) -> None:
        before = [f"c-{key}/{number}" for number in range(30) for key in range(8)]
        after = [f"c-{key}/{number}" for number in range(30, 40) for key in range(8)]
        stays, leaves = stream.reader(), stream.reader()
        share_out(stays, leaves)
        put_all(stream, before)
        stayed, left = take(stays, leaves, until=lambda one, two: min(len(one), len(two)) > 20)
        leaves.poll(5, 0.5)
        leaves.close()
        stayed += take(stays, until=lambda one: {*one, *stayed, *left} >= {*before})[0]
        assert {*stayed, *left} == {*before}
        comes = stream.reader()
        share_out(stays, comes)
        put_all(stream, after)
        one, two = take(stays, comes, until=lambda one, two: {*one, *two} >= {*after})
        assert {*one, *two} == {*after}
        assert one
        assert two
