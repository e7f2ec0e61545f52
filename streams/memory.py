"""The stream inside one process: a bounded log with partitions, groups and committed positions.

It is the embedded default and the twin of Kafka in tests. Nothing survives the process, so whoever
appends must wait for `wait_committed` before calling a record accepted.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from safety.core.errors import SourceUnavailable
from safety.core.ports import Record


@dataclass(slots=True)
class _Partition:
    """The records not yet committed by every group; `start` is the offset of the first."""

    start: int = 0
    records: list[Record] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.start + len(self.records)

    def drop_before(self, offset: int) -> None:
        del self.records[: offset - self.start]
        self.start = max(self.start, offset)


@dataclass(slots=True)
class _Group:
    """The next offset to handle in each partition, and the readers that share the partitions."""

    committed: list[int]
    members: list[MemorySource] = field(default_factory=list)


class MemoryStream:
    """An append-only log that holds at most `capacity` records not yet committed."""

    def __init__(
        self, topic: str = "chat.events", *, partitions: int = 8, capacity: int = 10_000
    ) -> None:
        self.topic = topic
        self._capacity = capacity
        self._partitions = [_Partition() for _ in range(partitions)]
        self._groups: dict[str, _Group] = {}
        self._changed = threading.Condition()

    def append(self, key: bytes | None, value: bytes | None, *, timeout_s: float = 0.0) -> Record:
        """Add one record at the end of its key's partition.

        Waits up to `timeout_s` seconds for room, then raises SourceUnavailable.
        """
        number = zlib.crc32(key or b"") % len(self._partitions)
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting() < self._capacity, timeout_s):
                raise SourceUnavailable("the in-process stream is full")
            partition = self._partitions[number]
            record = Record(self.topic, number, partition.end, key, value)
            partition.records.append(record)
            self._changed.notify_all()
        return record

    def wait_committed(self, record: Record, timeout_s: float) -> bool:
        """True once every group has committed `record`, False after `timeout_s` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_committed(record), timeout_s)

    def source(self, group: str = "jiezhu") -> MemorySource:
        """A new reader of `group`; the group's readers share its partitions."""
        with self._changed:
            first_kept = [partition.start for partition in self._partitions]
            state = self._groups.setdefault(group, _Group(first_kept))
            source = MemorySource(self, state)
            state.members.append(source)
            self._deal(state)
        return source

    def _waiting(self) -> int:
        return sum(len(partition.records) for partition in self._partitions)

    def _is_committed(self, record: Record) -> bool:
        return bool(self._groups) and all(
            group.committed[record.partition] > record.offset for group in self._groups.values()
        )

    def _deal(self, group: _Group) -> None:
        """Share the partitions out again; whoever gets a new one starts at its committed place."""
        for index, member in enumerate(group.members):
            mine = range(index, len(self._partitions), len(group.members))
            member._positions = {  # noqa: SLF001
                number: member._positions.get(number, group.committed[number])  # noqa: SLF001
                for number in mine
            }
        self._changed.notify_all()

    def _forget_committed(self) -> None:
        for number, partition in enumerate(self._partitions):
            partition.drop_before(min(g.committed[number] for g in self._groups.values()))
        self._changed.notify_all()


class MemorySource:
    """One reader of a `MemoryStream`. Made by `MemoryStream.source`."""

    def __init__(self, stream: MemoryStream, group: _Group) -> None:
        self._stream = stream
        self._group = group
        self._positions: dict[int, int] = {}
        self._turn = 0

    def poll(self, limit: int, timeout_s: float) -> Sequence[Record]:
        """See `safety.core.ports.Source`."""
        with self._stream._changed:  # noqa: SLF001
            self._check_open()
            self._stream._changed.wait_for(self._has_news, timeout_s)  # noqa: SLF001
            return self._take(limit)

    def commit(self, records: Sequence[Record]) -> None:
        """See `safety.core.ports.Source`. What is committed never goes back."""
        with self._stream._changed:  # noqa: SLF001
            self._check_open()
            if any(record.partition not in self._positions for record in records):
                raise SourceUnavailable("a partition went to another reader of the group")
            committed = self._group.committed
            for record in records:
                committed[record.partition] = max(committed[record.partition], record.offset + 1)
            self._stream._forget_committed()  # noqa: SLF001

    def rewind(self) -> None:
        """See `safety.core.ports.Source`."""
        with self._stream._changed:  # noqa: SLF001
            self._positions = {number: self._group.committed[number] for number in self._positions}

    def close(self) -> None:
        """See `safety.core.ports.Source`. May be called twice."""
        with self._stream._changed:  # noqa: SLF001
            if self in self._group.members:
                self._group.members.remove(self)
                self._positions = {}
                self._stream._deal(self._group)  # noqa: SLF001

    def lag(self) -> int:
        """How many records of this reader's partitions it has not polled yet."""
        with self._stream._changed:  # noqa: SLF001
            ends = self._stream._partitions  # noqa: SLF001
            return sum(ends[number].end - at for number, at in self._positions.items())

    @property
    def assignment_count(self) -> int:
        """How many partitions this reader has."""
        return len(self._positions)

    def _check_open(self) -> None:
        if self not in self._group.members:
            raise SourceUnavailable("this reader is closed")

    def _has_news(self) -> bool:
        partitions = self._stream._partitions  # noqa: SLF001
        return any(partitions[number].end > at for number, at in self._positions.items())

    def _take(self, limit: int) -> list[Record]:
        """Up to `limit` records, beginning with another partition each time: none starves."""
        taken: list[Record] = []
        numbers = sorted(self._positions)
        self._turn += 1
        for step in range(len(numbers)):
            number = numbers[(self._turn + step) % len(numbers)]
            partition = self._stream._partitions[number]  # noqa: SLF001
            first = self._positions[number] - partition.start
            new = partition.records[first : first + limit - len(taken)]
            self._positions[number] += len(new)
            taken += new
        return taken
