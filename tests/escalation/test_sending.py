from __future__ import annotations

import threading

from escalation.sending import Lanes
from safety.core.cases import Page
from safety.core.ports import Outcome

from .builders import FakeClock, after, page_for


def test_nothing_submitted_is_nothing_to_wait_for() -> None:
    lanes = Lanes(lambda _: Outcome(), FakeClock(), 30, 1)
    assert list(lanes.collect(60)) == []
    lanes.close()


def test_an_overdue_page_is_reported_once_and_its_lane_is_new() -> None:
    gate, clock, threads = threading.Event(), FakeClock(), set()

    def send(page: Page) -> Outcome:
        threads.add(threading.get_ident())
        if page.id == "slow":
            gate.wait(10)
        return Outcome()

    lanes = Lanes(send, clock, 30, 1)
    lanes.submit(page_for(page_id="slow"))
    assert list(lanes.collect(0.05)) == []
    clock.at = after(30)
    ((page, given_up),) = lanes.collect(0.01)
    assert page.id == "slow"
    assert given_up.result() == Outcome(error="no_answer_in_time")
    lanes.submit(page_for(page_id="next"))
    ((page, sent),) = lanes.collect(5)
    assert (page.id, sent.result()) == ("next", Outcome())
    assert len(threads) == 2
    gate.set()
    lanes.close()
    assert list(lanes.collect(0)) == []
