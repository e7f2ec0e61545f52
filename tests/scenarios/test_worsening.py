"""It gets worse while somebody is already there."""

from __future__ import annotations

import pytest

from safety.core.cases import CaseStatus
from safety.core.types import Level
from tests.scenarios.words import (
    BYE,
    GOADING,
    GONE,
    PASSIVE,
    WISH,
    Tell,
    acknowledge,
    story,
    the_case,
)
from tests.world import quiet


def test_after_an_acknowledgement_a_rise_pages_again(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.says(WISH)
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")
        acknowledge(world, "counsellor-1")
        world.says(BYE)
        world.says(GONE)
        world.dispatch()
        world.phone.expect("counsellor-1", "P0")
        world.phone.expect("counsellor-2", "P0")
        case = the_case(world)
        assert (case.level, case.status) == (Level.P0, CaseStatus.OPEN)
        assert case.owner == "counsellor-1", "whoever had it keeps it"
        assert "raised" in story(world, case)


def test_after_the_first_words_a_rise_pages_again(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.says(WISH)
        world.says("我是值班老师", role="counsellor", sender="counsellor-3")
        assert the_case(world).status is CaseStatus.TAKEN
        world.dispatch()
        world.happens("listener_help", role="listener")
        world.dispatch()
        world.phone.expect("counsellor-1", "P0")
        world.phone.expect("counsellor-2", "P0")


def test_the_same_again_pages_nobody_again(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.says(WISH)
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")
        world.says(WISH)
        world.says(PASSIVE)
        world.dispatch()
        case = the_case(world)
        assert case.level is Level.P1
        assert story(world, case).count("seen_again") == 2


def test_a_listener_who_goads_is_p0_and_told_to_stop(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.says(PASSIVE)
        world.dispatch()
        assert the_case(world).level is Level.P3
        world.says(GOADING, role="listener")
        world.dispatch()
        world.phone.expect("counsellor-1", "P0")
        world.phone.expect("counsellor-2", "P0")
        assert world.cards()[-1]["card"] == "coach.stop"
        assert the_case(world).client_id == "u-1", "it is the client who is in danger"


@pytest.mark.parametrize("role", ["client", "counsellor"])
def test_the_same_words_of_somebody_else_are_no_goading(tell: Tell, role: str) -> None:
    with quiet(tell()) as world:
        world.says(GOADING, role=role)
        world.dispatch()
        assert world.case() is None
        assert world.cards() == []
