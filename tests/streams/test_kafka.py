"""What Kafka adds to the contract of every source: members, lag, outages, dead letters."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterator

import pytest
from kafka import KafkaConsumer

from safety.core.clock import SystemClock
from safety.core.errors import Misconfigured, SourceUnavailable
from safety.core.ports import DeadLetter, Record
from streams.kafka import (
    KafkaDeadLetters,
    KafkaPublisher,
    KafkaSettings,
    KafkaSource,
    ensure_topics,
)
from tests.services import Given, Kafka
from tests.streams.under_test import (
    NAMES,
    PATIENCE_S,
    QUICK,
    OnKafka,
    commit,
    nothing_comes,
    read,
    take,
    values,
)


@pytest.fixture
def on_kafka(kafka: Kafka | Given) -> Iterator[OnKafka]:
    stream = OnKafka(kafka.bootstrap_servers)
    yield stream
    stream.close()


@pytest.mark.kafka
class TestKafkaOnly:
    def test_a_static_member_that_restarts_gets_its_partitions_back(
        self, on_kafka: OnKafka
    ) -> None:
        on_kafka.put("c-1", *NAMES)
        first = on_kafka.reader("worker-1")
        commit(first, read(first, 10)[:4])
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
        commit(source, records)
        source.close()
        assert nothing_comes(on_kafka.reader())

    def test_a_member_that_never_settles_joins_anew(self, on_kafka: OnKafka) -> None:
        class Jumping(SystemClock):
            ahead = 0.0

            def monotonic(self) -> float:
                return super().monotonic() + self.ahead

        on_kafka.put("c-1", *NAMES)
        clock = Jumping()
        source = on_kafka.reader(clock=clock)
        stuck = source._consumer
        source.poll(1, 0)
        clock.ahead = 3600
        source.poll(1, 0)
        assert source._consumer is not stuck
        source.rewind()
        assert values(read(source, 10)) == NAMES

    def test_a_killed_broker_loses_nothing(self, own_kafka: Kafka) -> None:
        stream = OnKafka(own_kafka.bootstrap_servers)
        stream.put("c-1", *NAMES)
        source = stream.reader()
        records = read(source, 10)
        commit(source, records[:4])
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
