"""What each kind of process runs: its loops, built from the parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from escalation import Dispatcher
from safety.app.logs import describe
from safety.app.loops import Loop
from safety.app.metrics import Metrics
from safety.app.store.feed import Letter
from safety.app.store.upkeep import Beat, Retention, purge
from safety.app.wiring import Parts
from safety.core.cases import Page
from safety.core.errors import InvalidRequest, Unavailable
from safety.core.events import Event
from safety.core.monitor import Handled
from safety.core.ports import (
    Checkpoint,
    ClimbLadder,
    DeadLetters,
    Outcome,
    PageDesk,
    Source,
    nowhere,
)
from streams.consumer import UNHANDLED, Consumer

BEAT_S = 1.0
PURGE_S = 3600.0
HOLD_S = 60.0

POISON: tuple[type[Exception], ...] = (
    InvalidRequest,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""Errors that one event may cause by what it holds. A wrong key or a missing table is none."""

UNHANDLED_IN_A_ROW = 20
"""So many failures without a success between them are no poison: something here is broken."""


class LaggingSource(Source, Protocol):
    """A source that knows how much is waiting."""

    def lag(self) -> int:
        """Records after the last polled one."""


class StreamObserver:
    """Counts what the consumer sees; implements the stream's observer."""

    def __init__(self, parts: Parts) -> None:
        self._metrics = parts.metrics

    def polled(self, records: int) -> None:
        """A batch was handled and committed."""

    def unknown_fields(self, fields: int) -> None:
        """Fields were kept out."""
        self._metrics.unknown_fields.inc(fields)

    def dead_lettered(self, reason: str, field: str | None) -> None:
        """A record could not be read, or not be handled: then nobody has looked at what it says,
        and that is said aloud."""
        self._metrics.dead_letters.labels(reason).inc()
        if reason == UNHANDLED:
            structlog.get_logger().error("event_unhandled", reason=reason)


class ConsumerStep:
    """One round of consuming, with its metrics and its sign of life."""

    def __init__(
        self,
        parts: Parts,
        source: LaggingSource,
        dead_letters: DeadLetters,
        kind: str = "consume",
        checkpoint: Checkpoint = nowhere,
    ) -> None:
        self._parts = parts
        self._source = source
        self._kind = kind
        self._oldest_s = 0.0
        self._degraded = False
        self._beaten_at = float("-inf")
        self._failed_in_a_row = 0
        self._consumer = Consumer(
            source,
            dead_letters,
            self._handle,
            limit=parts.settings.batch,
            timeout_s=0.2,
            checkpoint=checkpoint,
            observer=StreamObserver(parts),
            poison=POISON,
        )

    def __call__(self) -> int:
        """Poll, handle, commit; how many records."""
        began = self._parts.clock.monotonic()
        did = self._consumer.run_once()
        if did:
            self._parts.metrics.batch_seconds.observe(self._parts.clock.monotonic() - began)
        self._beat()
        return did

    def _handle(self, events: Sequence[Event]) -> None:
        handled = self._handled(events)
        count(self._parts, handled)
        if handled.fresh:
            now = self._parts.clock.now()
            ages = [max(0.0, (now - event.sent_at).total_seconds()) for event in events]
            self._oldest_s = max(ages)
            self._degraded = handled.degraded > 0
            self._parts.metrics.event_age_seconds.observe(self._oldest_s)

    def _handled(self, events: Sequence[Event]) -> Handled:
        try:
            handled = self._parts.monitor.handle(events)
        except POISON as error:
            self._failed_in_a_row += 1
            structlog.get_logger().error("handling_failed", events=len(events), **describe(error))
            if self._failed_in_a_row > UNHANDLED_IN_A_ROW:
                raise Unavailable("nothing can be handled: the stream waits for help") from None
            raise
        self._failed_in_a_row = 0
        return handled

    def _beat(self) -> None:
        now = self._parts.clock.monotonic()
        if now - self._beaten_at < BEAT_S:
            return
        self._beaten_at = now
        lag = self._source.lag()
        self._parts.metrics.lag.set(lag)
        self._parts.heartbeats.beat(
            Beat(
                self._parts.process,
                self._kind,
                self._parts.clock.now(),
                lag,
                self._oldest_s if lag else 0.0,
                self._degraded,
            )
        )


def count(parts: Parts, handled: Handled) -> None:
    """Put what a batch came to into the metrics."""
    metrics = parts.metrics
    metrics.events.inc(handled.fresh)
    metrics.repeats.inc(handled.repeated)
    metrics.degraded.inc(handled.degraded)
    metrics.cards.inc(handled.cards)
    for decision in handled.decisions:
        metrics.decisions.labels(decision.level.name if decision.level is not None else "-").inc()


def consume_loop(
    parts: Parts, source: LaggingSource, dead_letters: DeadLetters, rest_s: float = 0.0
) -> Loop:
    """Reads the stream."""
    step = ConsumerStep(parts, source, dead_letters)
    stale_after_s = parts.settings.stale_after_s
    return Loop("consume", step, rest_s, parts.clock, parts.metrics, stale_after_s, source.close)


class CountingDesk:
    """The desk, with every outcome counted; implements the `PageDesk` port."""

    def __init__(self, desk: PageDesk, metrics: Metrics) -> None:
        self._desk = desk
        self._metrics = metrics

    def climb_due(self, now: datetime, limit: int, climb: ClimbLadder) -> int:
        """See the port."""
        return self._desk.climb_due(now, limit, climb)

    def claim(self, now: datetime, lease_s: float, limit: int) -> list[Page]:
        """See the port."""
        return self._desk.claim(now, lease_s, limit)

    def settle(self, page: Page, outcome: Outcome, now: datetime) -> None:
        """See the port."""
        self._desk.settle(page, outcome, now)
        if outcome.receipt is not None:
            came = outcome.receipt.state.value
        else:
            came = "undeliverable" if outcome.undeliverable else "failed"
        self._metrics.pages.labels(page.channel, came).inc()


def dispatch_loops(
    parts: Parts, publish: Callable[[Sequence[Letter]], None] | None = None
) -> list[Loop]:
    """Pages people, lets silences pass, relays the outbox, forgets on schedule."""
    clock, metrics = parts.clock, parts.metrics
    dispatcher = Dispatcher(
        CountingDesk(parts.desk, metrics),
        parts.notifiers,
        parts.roster,
        parts.climb,
        clock,
        lease_s=parts.settings.lease_s,
    )
    loops = [
        Loop("page", dispatcher.run_once, 0.1, clock, metrics, close=dispatcher.close),
        Loop("silence", lambda: _tick(parts), 1.0, clock, metrics),
        Loop("purge", Purge(parts), 60.0, clock, metrics, stale_after_s=2 * PURGE_S),
        Loop("beat", lambda: _beat(parts, "dispatch"), BEAT_S, clock, metrics),
    ]
    if publish is not None:
        loops.append(Loop("relay", lambda: _relay(parts, publish), 0.05, clock, metrics))
    return loops


def _tick(parts: Parts) -> int:
    handled = parts.monitor.tick(behind_s=behind(parts))
    count(parts, handled)
    return len(handled.decisions)


def behind(parts: Parts) -> float:
    """Seconds by which words may be waiting unread, as the consumers' last signs of life say.

    Bounded: a stream that nobody reads is an alarm of its own, and a silence behind it may be
    real.
    """
    now, stale_s = parts.clock.now(), parts.settings.stale_after_s
    beats = [beat for beat in parts.heartbeats.all() if beat.kind == "consume"]
    ages = [(now - beat.at).total_seconds() for beat in beats]
    if ages and min(ages) > BEAT_S * 3:
        return min(*ages, HOLD_S)
    waits = [beat.oldest_s for beat, age in zip(beats, ages, strict=True) if age <= stale_s]
    return min(max(waits, default=0.0), HOLD_S)


def _beat(parts: Parts, kind: str) -> int:
    parts.heartbeats.beat(Beat(parts.process, kind, parts.clock.now(), 0, 0.0))
    return 0


def _relay(parts: Parts, publish: Callable[[Sequence[Letter]], None]) -> int:
    sent = parts.outbox.relay(500, publish)
    parts.metrics.published.inc(sent)
    return sent


class Purge:
    """Forgets once an hour."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._last: datetime | None = None

    def __call__(self) -> int:
        """Purge when an hour has passed; always answers that there is nothing more to do now."""
        now = self._parts.clock.now()
        if self._last is None or (now - self._last).total_seconds() >= PURGE_S:
            purge(self._parts.store.engine, now, Retention())
            self._last = now
        return 0
