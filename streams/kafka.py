"""Kafka behind the promises of `Source` and `DeadLetters`, and a way out for cards and cases.

Why the numbers are what they are:

- Heartbeats run on a thread of the client's own, so a slow batch keeps its partitions. What ends a
  membership is `max_poll_interval_ms` without a poll, 60 s here: batch plus back-off must stay
  below it. It is also how long a hung worker can hold up everybody else's rebalance.
- A dead worker's partitions move after `session_timeout_ms`. With a static `instance_id` a restart
  within it moves nothing; `close` leaves such a member in the group until then.
- Prefetching is capped at `fetch_max_bytes` on top of the batch in hand.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition, errors
from kafka.codec import has_lz4
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.structs import MemberState, OffsetAndMetadata

from safety.core.clock import SystemClock
from safety.core.errors import SafetyError
from safety.core.ports import Clock, DeadLetter, Record
from streams.kafka_client import KafkaSettings, TooLarge, connected, translated

__all__ = [
    "DEAD_TOPIC",
    "KafkaDeadLetters",
    "KafkaPublisher",
    "KafkaSettings",
    "KafkaSource",
    "ensure_topics",
]

DEAD_TOPIC = "chat.events.dead"
_PATIENCE_MS = 15_000
_MAX_REQUEST = 4 * 1024 * 1024
# What is left of a letter too large for its topic: enough to recognise the sender's mistake.
_CUT_VALUE = 64 * 1024
_MAX_PENDING = 10_000
_DELIVERY_MS = 30_000
# Later than the last delivery gives up, so that every record's fate is known.
_FLUSH_S = _DELIVERY_MS / 1000 + 5

_CONSUMER_DEFAULTS: Mapping[str, Any] = {
    "max_poll_interval_ms": 60_000,
    "session_timeout_ms": 15_000,
    "heartbeat_interval_ms": 3_000,
    "fetch_max_wait_ms": 100,
    "fetch_max_bytes": 8 * 1024 * 1024,
    "bootstrap_timeout_ms": _PATIENCE_MS,
    "reconnect_backoff_max_ms": 2_000,
    "metrics_enabled": False,
}
_PRODUCER_DEFAULTS: Mapping[str, Any] = {
    "request_timeout_ms": 10_000,
    "delivery_timeout_ms": _DELIVERY_MS,
    "max_block_ms": _PATIENCE_MS,
    "bootstrap_timeout_ms": _PATIENCE_MS,
    "reconnect_backoff_max_ms": 2_000,
    "max_request_size": _MAX_REQUEST,
    "metrics_enabled": False,
}


class KafkaSource:
    """One member of a consumer group. Connects at once; see `safety.core.ports.Source`.

    `tuning` overrides the client's timeouts and sizes. It cannot turn on automatic commits, which
    would count records as handled that nobody has seen.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        tuning: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._topic = settings.topic
        self._options = {
            **_CONSUMER_DEFAULTS,
            **settings.connection,
            **(tuning or {}),
            "group_id": settings.group_id,
            "group_instance_id": settings.instance_id,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "allow_auto_create_topics": False,
            "partition_assignment_strategy": [CooperativeStickyAssignor],
        }
        self._clock: Clock = clock or SystemClock()
        # True while the client's position may be ahead of what the caller has really got.
        self._in_doubt = False
        self._consumer = self._join()

    def _join(self) -> KafkaConsumer:
        consumer = connected(KafkaConsumer, **self._options)
        with translated():
            # Known partitions first: a member that joins without is sent round again, and in
            # kafka-python 3.0 that second round hangs if it outlasts one poll.
            consumer.partitions_for_topic(self._topic)
            consumer.subscribe(topics=[self._topic])
        self._settled_at = self._clock.monotonic()
        return consumer

    def _leave_if_stuck(self) -> None:
        """Join anew if the membership has been unsettled for longer than a rebalance can take.

        A member can wait for an answer that has come and gone; then only a new one ever reads.
        """
        now = self._clock.monotonic()
        if self._consumer.group_metadata().state is MemberState.STABLE:
            self._settled_at = now
        patience_ms = self._options["max_poll_interval_ms"] + self._options["session_timeout_ms"]
        if now - self._settled_at > patience_ms / 1000:
            stuck, self._consumer = self._consumer, self._join()
            stuck.close(autocommit=False, timeout_ms=1000)

    def poll(self, limit: int, timeout_s: float) -> Sequence[Record]:
        """See `safety.core.ports.Source`."""
        with translated():
            self._leave_if_stuck()
            if self._in_doubt:
                self._seek_to_committed()
            self._in_doubt = True
            polled = self._consumer.poll(timeout_ms=int(timeout_s * 1000), max_records=limit)
            self._in_doubt = False
        return [
            Record(item.topic, item.partition, item.offset, item.key, item.value)
            for items in polled.values()
            for item in items
        ]

    def commit(self, records: Sequence[Record]) -> None:
        """See `safety.core.ports.Source`."""
        next_offsets: dict[TopicPartition, int] = {}
        for record in records:
            place = TopicPartition(record.topic, record.partition)
            next_offsets[place] = max(next_offsets.get(place, 0), record.offset + 1)
        if not next_offsets:
            return
        with translated():
            self._consumer.commit(
                {
                    place: OffsetAndMetadata(offset=offset, metadata="", leader_epoch=-1)
                    for place, offset in next_offsets.items()
                },
                timeout_ms=_PATIENCE_MS,
            )

    def rewind(self) -> None:
        """See `safety.core.ports.Source`. Takes effect with the next poll, so it cannot fail."""
        self._in_doubt = True

    def close(self) -> None:
        """See `safety.core.ports.Source`. May be called twice."""
        with translated():
            self._consumer.close(autocommit=False, timeout_ms=_PATIENCE_MS)

    def lag(self) -> int:
        """Records waiting in this member's partitions, as of the last fetch.

        Cheap: no request is sent. For the polling thread only.
        """
        return sum(self._lag_of(place) for place in self._consumer.assignment())

    @property
    def assignment_count(self) -> int:
        """How many partitions this member has."""
        return len(self._consumer.assignment())

    def _lag_of(self, place: TopicPartition) -> int:
        try:
            end = self._consumer.highwater(place)
            # Without an end nothing was fetched yet, and asking for the position would wait.
            position = None if end is None else self._consumer.position(place, timeout_ms=0)
        except errors.KafkaError:
            return 0
        return 0 if end is None or position is None else max(0, end - position)

    def _seek_to_committed(self) -> None:
        for place in self._consumer.assignment():
            offset = self._consumer.committed(place, timeout_ms=_PATIENCE_MS)
            if offset is None:
                self._consumer.seek_to_beginning(place)
            else:
                self._consumer.seek(place, offset)


class KafkaPublisher:
    """Writes to topics, acknowledged by all replicas. Connects when first used.

    One thread at a time. A record is durable only after the `flush` that follows it.
    """

    def __init__(self, settings: KafkaSettings, *, linger_ms: int = 5) -> None:
        self._options = {
            **_PRODUCER_DEFAULTS,
            **settings.connection,
            "acks": "all",
            "enable_idempotence": True,
            "linger_ms": linger_ms,
            "batch_size": 128 * 1024,
            "compression_type": "lz4" if has_lz4() else "gzip",
        }
        self._producer: KafkaProducer | None = None
        self._pending: list[Any] = []

    def publish(self, topic: str, key: bytes, value: bytes) -> None:
        """Queue one record, and flush when too many wait. Raises SourceUnavailable: not queued."""
        if self._producer is None:
            self._producer = connected(KafkaProducer, **self._options)
        with translated():
            self._pending.append(self._producer.send(topic, key=key, value=value))
        if len(self._pending) >= _MAX_PENDING:
            self.flush()

    def flush(self) -> None:
        """Return once everything published since the last flush is durable.

        Raises SourceUnavailable if any of it may not be: publish it all again.
        """
        pending, self._pending = self._pending, []
        if self._producer is None:
            return
        try:
            with translated():
                self._producer.flush(timeout=_FLUSH_S)
                for future in pending:
                    future.get(timeout=0)
        except SafetyError:
            # An idempotent producer that lost a batch may refuse all later ones.
            self._discard()
            raise

    def close(self) -> None:
        """Flush and disconnect. May be called twice."""
        try:
            self.flush()
        finally:
            self._discard()

    def _discard(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(errors.KafkaError):
                producer.close(timeout=1)


class KafkaDeadLetters:
    """The topic of what cannot be read; see `safety.core.ports.DeadLetters`.

    The key is the place of the record, so that a compacted topic keeps one letter for each.
    """

    def __init__(self, settings: KafkaSettings, topic: str = DEAD_TOPIC) -> None:
        self._topic = topic
        self._publisher = KafkaPublisher(settings, linger_ms=0)

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """See `safety.core.ports.DeadLetters`."""
        try:
            for letter in letters:
                self._publisher.publish(self._topic, _place(letter.record), _letter_value(letter))
            self._publisher.flush()
        except TooLarge:
            self._send_each(letters)

    def close(self) -> None:
        """Disconnect."""
        self._publisher.close()

    def _send_each(self, letters: Sequence[DeadLetter]) -> None:
        """One by one, so that only what is too large is cut: it must not stop the stream."""
        for letter in letters:
            try:
                self._send_one(letter, _letter_value(letter))
            except TooLarge:
                self._send_one(letter, _letter_value(letter, cut=_CUT_VALUE))

    def _send_one(self, letter: DeadLetter, value: bytes) -> None:
        self._publisher.publish(self._topic, _place(letter.record), value)
        self._publisher.flush()


def ensure_topics(settings: KafkaSettings, topics: Mapping[str, int]) -> None:
    """Create what is missing of these topics, each with so many partitions. Changes none.

    A topic that ends in `.dead` keeps one letter for each key and takes larger records, because a
    letter holds a whole record and more.
    """
    dead = {"cleanup.policy": "compact,delete", "max.message.bytes": str(_MAX_REQUEST)}
    options = {"bootstrap_timeout_ms": _PATIENCE_MS, **settings.connection}
    admin = connected(KafkaAdminClient, **options)
    with translated(setting_up=True):
        try:
            present = set(admin.list_topics())
            missing = {
                name: {
                    "num_partitions": partitions,
                    "configs": dead if name.endswith(".dead") else {},
                }
                for name, partitions in topics.items()
                if name not in present
            }
            _create(admin, missing)
        finally:
            admin.close()


def _create(admin: KafkaAdminClient, missing: Mapping[str, Mapping[str, Any]]) -> None:
    if not missing:
        return
    try:
        admin.create_topics(dict(missing), timeout_ms=_PATIENCE_MS, wait_for_metadata=True)
    except errors.TopicAlreadyExistsError:
        # Another worker was faster with some of them; the rest is created one by one.
        for name, options in missing.items():
            if name not in admin.list_topics():
                _create(admin, {name: options})


def _place(record: Record) -> bytes:
    return f"{record.topic}:{record.partition}:{record.offset}".encode()


def _letter_value(letter: DeadLetter, cut: int | None = None) -> bytes:
    """The record as it came, because this is where it lives on, with the reason beside it."""
    record = letter.record
    raw = record.value
    return orjson.dumps(
        {
            "reason": letter.reason,
            "field": letter.field,
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "key": None if record.key is None else record.key.decode(errors="replace"),
            "value_base64": None if raw is None else base64.b64encode(raw[:cut]).decode(),
            "value_bytes": None if raw is None else len(raw),
        }
    )
