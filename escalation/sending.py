"""Sending several pages at once, so that a vendor that hangs holds up nobody else's pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from safety.core.cases import Page
from safety.core.ports import Clock, Outcome
from safety.core.types import Level

Send = Callable[[Page], Outcome]
LaneKey = tuple[str, Level]


@dataclass(frozen=True, slots=True)
class _Flight:
    page: Page
    lane: ThreadPoolExecutor
    overdue_at: float


class Lanes:
    """A small thread pool for each channel and level: what hangs fills its own lane alone, and a
    P0 never queues behind a P2.

    A page not begun by half its `lease_s` is not sent any more: by the time the channel had it,
    somebody else could be sending it as well. One that takes longer than its lease is given up
    and its lane replaced. Used by one thread.
    """

    def __init__(self, send: Send, clock: Clock, lease_s: float, width: int) -> None:
        self._send = send
        self._clock = clock
        self._lease_s = lease_s
        self._width = width
        self._lanes: dict[LaneKey, ThreadPoolExecutor] = {}
        self._flights: dict[Future[Outcome], _Flight] = {}

    def submit(self, page: Page) -> None:
        """Begin sending `page`, just claimed."""
        key = (page.channel, page.level)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = ThreadPoolExecutor(self._width, f"page-{page.channel}")
        now = self._clock.monotonic()
        future = lane.submit(self._send_in_time, page, now + self._lease_s / 2)
        self._flights[future] = _Flight(page, lane, now + self._lease_s)

    def collect(self, patience_s: float) -> Iterator[tuple[Page, Future[Outcome]]]:
        """Every page that is done, waiting up to `patience_s` seconds for all of them."""
        if not self._flights:
            return
        done, _ = wait(self._flights, timeout=patience_s)
        for future in sorted(done, key=lambda each: self._flights[each].page.level):
            yield self._flights.pop(future).page, future
        yield from self._give_up_overdue()

    def close(self) -> None:
        """Take no more pages and wait for the threads."""
        for lane in self._lanes.values():
            lane.shutdown(wait=True)
        self._lanes.clear()

    def _send_in_time(self, page: Page, latest: float) -> Outcome:
        if self._clock.monotonic() > latest:
            return Outcome(error="not_sent_in_time")
        return self._send(page)

    def _give_up_overdue(self) -> Iterator[tuple[Page, Future[Outcome]]]:
        now = self._clock.monotonic()
        overdue = [f for f, flight in self._flights.items() if flight.overdue_at <= now]
        for future in overdue:
            flight = self._flights.pop(future)
            self._abandon(flight.lane)
            given_up: Future[Outcome] = Future()
            given_up.set_result(Outcome(error="no_answer_in_time"))
            yield flight.page, given_up

    def _abandon(self, stuck: ThreadPoolExecutor) -> None:
        """Leave a lane to its hanging threads; the next page gets a new one."""
        self._lanes = {key: lane for key, lane in self._lanes.items() if lane is not stuck}
        stuck.shutdown(wait=False)
