"""Streams to hold against the contract of every source, and ways to read them in tests."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from safety.core.errors import SourceUnavailable
from safety.core.ports import Clock, Record, Source
from streams.kafka import KafkaPublisher, KafkaSettings, KafkaSource, ensure_topics
from streams.memory import MemoryStream

PATIENCE_S = 30.0
QUICK = {"session_timeout_ms": 3000, "heartbeat_interval_ms": 500, "max_poll_interval_ms": 20_000}
NAMES = [f"m-{number}" for number in range(10)]


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

    def reader(self, instance_id: str | None = None, clock: Clock | None = None) -> KafkaSource:
        settings = KafkaSettings(
            self.settings.bootstrap_servers,
            topic=self.settings.topic,
            group_id=self.settings.group_id,
            instance_id=instance_id,
        )
        reader = KafkaSource(settings, QUICK, clock)
        self._readers.append(reader)
        return reader

    def close(self) -> None:
        self._publisher.close()
        for reader in self._readers:
            reader.close()


def read(source: Source, count: int, limit: int = 500) -> list[Record]:
    """Poll until `count` records came; fewer if they do not come in time."""
    records: list[Record] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(records) < count and time.monotonic() < deadline:
        records += source.poll(limit, 0.2)
    return records


def commit(source: Source, records: Sequence[Record]) -> None:
    """Commit, and again after a poll if the group was just being rebalanced."""
    for _ in range(50):
        try:
            source.commit(records)
        except SourceUnavailable:
            source.poll(1, 0.2)
        else:
            return
    raise AssertionError("nothing can be committed")


def values(records: Sequence[Record]) -> list[str]:
    return [(record.value or b"").decode() for record in records]


def nothing_comes(source: Source) -> bool:
    return not source.poll(500, 0.5) and not source.poll(500, 0.5)


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
