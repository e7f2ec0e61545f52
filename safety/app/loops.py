"""The outermost loop of every long-running part: try a round, note what happened, go on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog

from safety.app.logs import describe
from safety.app.metrics import Metrics
from safety.core.errors import Unavailable
from safety.core.ports import Clock

BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


T = TypeVar("T")


def patiently(make: Callable[[], T], clock: Clock) -> T:
    """What `make` gives, however long the services it needs take to be there.

    A part that gives up at the first refusal would turn a restart of the database or the broker
    into an outage of its own. Raises at once what waiting will not mend.
    """
    failures = 0
    while True:
        try:
            return make()
        except Unavailable as error:
            structlog.get_logger().warning("waiting_to_start", **describe(error))
            clock.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
            failures += 1


class Loop:
    """Calls `step` for ever, in a thread of its own once started.

    `step` returns how much it did; after a round without work the loop rests for `rest_s`. A round
    that raises changed nothing for good: it is logged, counted, and tried again after a back-off.
    `stale_after_s` is how long without a finished round the loop counts as stuck. `close` runs in
    the loop's thread at its end.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], int],
        rest_s: float,
        clock: Clock,
        metrics: Metrics,
        stale_after_s: float = 30.0,
        close: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self._step = step
        self._rest_s = rest_s
        self._clock = clock
        self._metrics = metrics
        self._stale_after_s = stale_after_s
        self._close = close
        self._stop = threading.Event()
        self._last_success = self._last_turn = clock.monotonic()
        self._thread = threading.Thread(target=self.run, name=name, daemon=True)
        self._log = structlog.get_logger().bind(loop=name)

    def start(self) -> None:
        """Begin in a thread."""
        self._thread.start()

    def stop(self, timeout_s: float = 30.0) -> None:
        """Ask the loop to end after its present round, and wait for that."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def run(self) -> None:
        """Loop until stopped, then close what the loop alone uses."""
        self._turn_until_stopped()
        if self._close is not None:
            self._close()

    def _turn_until_stopped(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                did = self._step()
            except Exception as error:  # noqa: BLE001 - the one outermost place
                kind = type(error).__name__
                if isinstance(error, Unavailable):
                    self._last_turn = self._clock.monotonic()
                self._metrics.failures.labels(self.name, kind).inc()
                self._log.error("round_failed", attempt=failures + 1, **describe(error))
                self._stop.wait(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
                failures += 1
                continue
            failures = 0
            self._last_success = self._last_turn = self._clock.monotonic()
            self._metrics.loop_age_seconds.labels(self.name).set(self._clock.now().timestamp())
            if did == 0:
                self._stop.wait(self._rest_s)

    @property
    def problem(self) -> str | None:
        """A sentence when the loop gets nothing done, for whatever reason; None when it is well."""
        return self._silence_since(self._last_success)

    @property
    def stuck(self) -> str | None:
        """A sentence when a restart may help: the loop hangs, is dead, or fails for a reason of
        its own. While something outside is away, restarting would only make it late."""
        return self._silence_since(self._last_turn)

    def _silence_since(self, moment: float) -> str | None:
        silent_s = self._clock.monotonic() - moment
        if silent_s > self._stale_after_s:
            return f"{self.name} has not finished a round for {silent_s:.0f} seconds"
        return None


class Crew:
    """The loops of one process, started and stopped together."""

    def __init__(self, loops: Sequence[Loop]) -> None:
        self.loops = tuple(loops)

    def start(self) -> None:
        """Begin them all."""
        for loop in self.loops:
            loop.start()

    def stop(self) -> None:
        """End them all, the last started first."""
        for loop in reversed(self.loops):
            loop.stop()

    def problems(self) -> list[str]:
        """Sentences about loops that are not well."""
        return [sentence for loop in self.loops if (sentence := loop.problem) is not None]

    def stuck(self) -> list[str]:
        """Sentences about loops that a restart may help."""
        return [sentence for loop in self.loops if (sentence := loop.stuck) is not None]
