"""One body for every source: what `safety.core.ports.Source` promises, in memory and on Kafka."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import pytest
from kafka import KafkaConsumer

from safety.core.errors import Misconfigured, SourceUnavailable
from safety.core.ports import DeadLetter, Record, Source
from streams.kafka import (
    KafkaDeadLetters,
    KafkaPublisher,
    KafkaSettings,
    KafkaSource,
    ensure_topics,
)
from streams.memory import MemoryStream
from tests.services import Given, Kafka

PATIENCE_S = 30.0
QUICK = {"session_timeout_ms": 3000, "heartbeat_interval_ms": 500, "max_poll_interval_ms": 20_000}


class Reader(Source, Protocol):
    """A source that says how many partitions it has."""

    @property
    def assignment_count(self) -> int: ...


class Stream(Protocol):
    """A stream under test: where records are put, and readers made."""

    def put(self, key: str, *values: str) -> None: ...

    def reader(self) -> Reader: ...


class InMemory:
    def __init__(self) -> None:
        self._stream = MemoryStream(partitions=4)

    def put(self, key: str, *values: str) -> None:
        for value in values:
            self._stream.append(key.encode(), value.encode())

    def reader(self) -> Reader:
        return self._stream.source()

    def close(self) -> None:
        pass


class OnKafka:
    """A topic and a group of its own on a real broker."""

    def __init__(self, servers: str, partitions: int = 4) -> None:
        name = secrets.token_hex(4)
        self.settings = KafkaSettings(servers, topic=f"events-{name}", group_id=f"group-{name}")
        ensure_topics(self.settings, {self.settings.topic: partitions})
        self._publisher = KafkaPublisher(self.settings)
        self._readers: list[KafkaSource] = []

    def put(self, key: str, *values: str) -> None:
        for value in values:
            self._publisher.publish(self.settings.topic, key.encode(), value.encode())
        self._publisher.flush()

    def reader(self, instance_id: str | None = None) -> KafkaSource:
        settings = KafkaSettings(
            self.settings.bootstrap_servers,
            topic=self.settings.topic,
            group_id=self.settings.group_id,
            instance_id=instance_id,
        )
        reader = KafkaSource(settings, QUICK)
        self._readers.append(reader)
        return reader

    def close(self) -> None:
        self._publisher.close()
        for reader in self._readers:
            reader.close()


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


def read(source: Source, count: int, limit: int = 500) -> list[Record]:
    """Poll until `count` records came; fewer if they do not come in time."""
    records: list[Record] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(records) < count and time.monotonic() < deadline:
        records += source.poll(limit, 0.2)
    return records


def values(records: Sequence[Record]) -> list[str]:
    return [(record.value or b"").decode() for record in records]


def nothing_comes(source: Source) -> bool:
    return not source.poll(500, 0.5) and not source.poll(500, 0.5)


NAMES = [f"m-{number}" for number in range(10)]


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
        source.commit(records[:4])
        source.close()
        assert values(read(stream.reader(), 6)) == NAMES[4:]

    def test_all_committed_leaves_nothing(self, stream: Stream) -> None:
        stream.put("c-1", *NAMES)
        source = stream.reader()
        source.commit(read(source, 10))
        source.close()
        again = stream.reader()
        assert nothing_comes(again)
        stream.put("c-1", "new")
        assert values(read(again, 1)) == ["new"]

    def test_committing_twice_is_harmless(self, stream: Stream) -> None:
        stream.put("c-1", *NAMES)
        source = stream.reader()
        records = read(source, 10)
        source.commit(records)
        source.commit(records)
        source.commit([])
        source.close()
        assert nothing_comes(stream.reader())

    def test_records_of_many_partitions_are_committed_in_any_order(self, stream: Stream) -> None:
        for number in range(30):
            stream.put(f"c-{number}", f"{number}")
        source = stream.reader()
        source.commit(list(reversed(read(source, 30))))
        source.close()
        assert nothing_comes(stream.reader())

    def test_rewinding_hands_out_again_what_is_not_committed(self, stream: Stream) -> None:
        stream.put("c-1", *NAMES)
        source = stream.reader()
        records = read(source, 10, limit=3)
        source.commit(records[:4])
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


def share_out(*readers: Reader) -> None:
    """Poll until everybody has partitions; nothing is to be read yet."""
    deadline = time.monotonic() + PATIENCE_S
    while not all(0 < reader.assignment_count < 4 for reader in readers):
        assert time.monotonic() < deadline, "the partitions were not shared out"
        for reader in readers:
            assert not reader.poll(1, 0.1)


def put_all(stream: Stream, names: Sequence[str]) -> None:
    for name in names:
        stream.put(name.partition("/")[0], name)


def take(*readers: Reader, until: Callable[..., bool]) -> list[list[str]]:
    """Let the readers work in turns, as a worker would; what each has read and committed."""
    done: list[list[str]] = [[] for _ in readers]
    deadline = time.monotonic() + PATIENCE_S
    while not until(*done) and time.monotonic() < deadline:
        for reader, mine in zip(readers, done, strict=True):
            try:
                records = reader.poll(5, 0.05)
                reader.commit(records)
            except SourceUnavailable:
                reader.rewind()
            else:
                mine.extend(values(records))
    return done


@pytest.mark.kafka
class TestKafkaOnly:
    def test_a_static_member_that_restarts_gets_its_partitions_back(
        self, on_kafka: OnKafka
    ) -> None:
        on_kafka.put("c-1", *NAMES)
        first = on_kafka.reader("worker-1")
        first.commit(read(first, 10)[:4])
        first.close()
        again = on_kafka.reader("worker-1")
        assert values(read(again, 6)) == NAMES[4:]
        assert again.assignment_count == 4

    def test_lag_is_what_has_not_been_polled(self, on_kafka: OnKafka) -> None:
        on_kafka.put("c-1", *NAMES)
        source = on_kafka.reader()
        assert source.lag() == 0
        records = read(source, 1, limit=3)
        assert source.lag() == 10 - len(records)
        read(source, 10 - len(records))
        assert source.lag() == 0

    def test_a_slow_batch_keeps_its_partitions(self, on_kafka: OnKafka) -> None:
        on_kafka.put("c-1", *NAMES)
        source = on_kafka.reader()
        records = read(source, 10)
        time.sleep(QUICK["session_timeout_ms"] / 1000 + 1.5)
        source.commit(records)
        source.close()
        assert nothing_comes(on_kafka.reader())

    def test_a_killed_broker_loses_nothing(self, own_kafka: Kafka) -> None:
        stream = OnKafka(own_kafka.bootstrap_servers)
        stream.put("c-1", *NAMES)
        source = stream.reader()
        records = read(source, 10)
        source.commit(records[:4])
        own_kafka.kill()
        with pytest.raises(SourceUnavailable):
            source.commit(records)
        source.rewind()
        own_kafka.start()
        (seen,) = take(source, until=lambda seen: len(seen) >= 6)
        assert seen == NAMES[4:]
        stream.close()

    def test_a_failed_connection_leaves_no_thread_behind(self) -> None:
        before = threading.active_count()
        away = KafkaSettings("127.0.0.1:1", extra={"bootstrap_timeout_ms": 300})
        for _ in range(3):
            with pytest.raises(SourceUnavailable):
                KafkaSource(away)
            with pytest.raises(SourceUnavailable):
                KafkaPublisher(away).publish("t", b"k", b"v")
            with pytest.raises(SourceUnavailable):
                ensure_topics(away, {"t": 1})
        assert threading.active_count() == before

    def test_nobody_at_home_is_unavailable_and_nonsense_is_misconfigured(
        self, on_kafka: OnKafka
    ) -> None:
        with pytest.raises(SourceUnavailable):
            KafkaSource(KafkaSettings("127.0.0.1:1"), {"bootstrap_timeout_ms": 500})
        servers = on_kafka.settings.bootstrap_servers
        with pytest.raises(Misconfigured):
            KafkaSource(KafkaSettings(servers, extra={"no_such_option": 1}))
        with pytest.raises(Misconfigured):
            KafkaSettings(servers, extra={"security_protocol": "TLS"})
        with pytest.raises(Misconfigured):
            ensure_topics(KafkaSettings(servers), {"no spaces allowed": 1})

    def test_topics_are_ensured_twice_without_harm(self, on_kafka: OnKafka) -> None:
        name = secrets.token_hex(4)
        ensure_topics(on_kafka.settings, {f"a-{name}": 1})
        ensure_topics(on_kafka.settings, {f"a-{name}": 3, f"b-{name}": 2})
        assert partitions_of(on_kafka, f"a-{name}") == 1
        assert partitions_of(on_kafka, f"b-{name}") == 2


@pytest.mark.kafka
class TestDeadLettersOnKafka:
    def test_a_letter_holds_the_record_and_why(self, on_kafka: OnKafka) -> None:
        topic, dead = dead_letters(on_kafka)
        record = Record("chat.events", 3, 17, b"c-7\xff", b"\xff\x00 not an event")
        dead.send([DeadLetter(record, "bad_value", "role")])
        dead.send([DeadLetter(Record("chat.events", 0, 1, None, None), "no_value")])
        dead.close()
        (first, one), (second, other) = read_topic(on_kafka, topic, 2)
        assert (first, second) == (b"chat.events:3:17", b"chat.events:0:1")
        letter = json.loads(one)
        assert base64.b64decode(letter.pop("value_base64")) == record.value
        assert letter == {
            "reason": "bad_value",
            "field": "role",
            "topic": "chat.events",
            "partition": 3,
            "offset": 17,
            "key": "c-7�",
            "value_bytes": 15,
        }
        assert json.loads(other)["value_base64"] is None

    def test_one_too_large_is_cut_and_the_others_are_whole(self, on_kafka: OnKafka) -> None:
        topic, dead = dead_letters(on_kafka)
        sizes = [900_000, 6_000_000, 10]
        dead.send(
            [
                DeadLetter(Record("t", 0, offset, None, secrets.token_bytes(size)), "not_utf8")
                for offset, size in enumerate(sizes)
            ]
        )
        dead.close()
        # The first try of the batch may have left whole letters of the same key behind.
        letters = {key: json.loads(value) for key, value in read_topic(on_kafka, topic, 3)}
        kept = [len(base64.b64decode(letters[b"t:0:%d" % n]["value_base64"])) for n in range(3)]
        assert kept == [900_000, 64 * 1024, 10]
        assert [letters[b"t:0:%d" % n]["value_bytes"] for n in range(3)] == sizes

    def test_it_is_not_sent_until_it_is_durable(self) -> None:
        nowhere = KafkaSettings("127.0.0.1:1", extra={"bootstrap_timeout_ms": 500})
        with pytest.raises(SourceUnavailable):
            KafkaDeadLetters(nowhere).send([DeadLetter(Record("t", 0, 0, None, b"x"), "not_json")])


def dead_letters(stream: OnKafka) -> tuple[str, KafkaDeadLetters]:
    topic = f"{stream.settings.topic}.dead"
    ensure_topics(stream.settings, {topic: 1})
    return topic, KafkaDeadLetters(stream.settings, topic)


def read_topic(stream: OnKafka, topic: str, keys: int) -> list[tuple[bytes, bytes]]:
    """Key and value of each record, until `keys` different keys have come."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=stream.settings.bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=8 * 1024 * 1024,
        consumer_timeout_ms=PATIENCE_S * 1000,
    )
    found: list[tuple[bytes, bytes]] = []
    for record in consumer:
        found.append((record.key, record.value))
        if len({key for key, _ in found}) == keys:
            break
    consumer.close()
    return found


def partitions_of(stream: OnKafka, topic: str) -> int:
    consumer = KafkaConsumer(bootstrap_servers=stream.settings.bootstrap_servers)
    count = len(consumer.partitions_for_topic(topic))
    consumer.close()
    return count
