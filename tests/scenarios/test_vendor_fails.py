"""The phones do not work as they should."""

from __future__ import annotations

from safety.core.cases import CaseStatus
from safety.core.errors import NotifierUnavailable, Undeliverable
from tests.scenarios.words import WISH, Tell, acknowledge, the_case
from tests.world import quiet


def test_a_page_that_may_have_arrived_goes_out_again_marked_as_a_repeat(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.phone.failures = [NotifierUnavailable("no answer in time")]
        world.says(WISH)
        world.dispatch()
        assert not world.phone.pages
        world.advance(4)
        assert not world.phone.pages
        world.advance(1)
        page = world.phone.expect("counsellor-1", "P1")
        assert (page.is_repeat, page.attempt) == (True, 2)


def test_a_page_that_never_will_arrive_makes_the_next_person_ring_at_once(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.phone.failures = [Undeliverable("number not in use")]
        world.says(WISH)
        world.dispatch()
        page = world.phone.expect("counsellor-2", "P1")
        assert (page.is_repeat, page.step) == (False, 1)


def test_a_vendor_that_is_away_for_minutes_forgets_nobody(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.phone.failures = [NotifierUnavailable("away")] * 4
        world.says(WISH)
        for _ in range(10):
            world.advance(15, step_s=5)
            world.happens("typing")
        assert world.phone.expect("counsellor-1", "P1").is_repeat


def test_a_repeat_is_not_sent_once_somebody_acknowledged(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.phone.failures = [NotifierUnavailable("no answer in time")]
        world.says(WISH)
        world.dispatch()
        acknowledge(world, "counsellor-1")
        for _ in range(4):
            world.advance(30, step_s=10)
            world.happens("typing")
        assert the_case(world).status is CaseStatus.ACKNOWLEDGED
