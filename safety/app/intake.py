"""Where accepted events go: answered only once they cannot be lost."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

from safety.core.errors import SourceUnavailable
from safety.core.events import Event
from safety.core.ports import Clock
from streams.codec import encode
from streams.kafka import KafkaPublisher
from streams.memory import MemoryStream


class Intake(Protocol):
    """The way from the API into the stream."""

    def accept(self, events: Sequence[Event]) -> None:
        """Returns once none of them can be lost. Raises SourceUnavailable: send all again."""


class MemoryIntake:
    """Into the in-process stream; waits until their effects are committed."""

    def __init__(self, stream: MemoryStream, timeout_s: float, clock: Clock) -> None:
        self._stream = stream
        self._timeout_s = timeout_s
        self._clock = clock

    def accept(self, events: Sequence[Event]) -> None:
        """See the port."""
        deadline = self._clock.monotonic() + self._timeout_s
        records = [
            self._stream.append(
                event.conversation_id.encode(), encode(event), timeout_s=self._until(deadline)
            )
            for event in events
        ]
        for record in records:
            if not self._stream.wait_committed(record, self._until(deadline)):
                raise SourceUnavailable("the events were not handled in time; send them again")

    def _until(self, deadline: float) -> float:
        """Seconds left; the whole batch shares one deadline."""
        return max(0.0, deadline - self._clock.monotonic())


class KafkaIntake:
    """Into Kafka; waits until the brokers have them."""

    def __init__(self, publisher: KafkaPublisher, topic: str) -> None:
        self._publisher = publisher
        self._topic = topic
        self._lock = threading.Lock()

    def accept(self, events: Sequence[Event]) -> None:
        """See the port."""
        with self._lock:
            for event in events:
                self._publisher.publish(self._topic, event.conversation_id.encode(), encode(event))
            self._publisher.flush()
