"""A professional ends the episode; what comes later is a new one."""

from __future__ import annotations

import pytest

from safety.core.cases import CaseStatus
from safety.core.errors import InvalidRequest
from safety.core.types import Level, PersonId
from tests.scenarios.words import NOTHING, WISH, Tell, close, story, the_case
from tests.world import World, quiet

ME = PersonId("counsellor-1")


def opened(tell: Tell) -> World:
    world = tell()
    world.says(WISH)
    world.dispatch()
    world.phone.expect("counsellor-1", "P1")
    return world


def test_closed_is_closed_and_new_words_open_a_new_case(tell: Tell) -> None:
    with quiet(opened(tell)) as world:
        first = close(world)
        assert first.status is CaseStatus.CLOSED
        world.says(NOTHING)
        world.advance(200, step_s=20)
        assert world.case() is None
        world.says(WISH)
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")
        second = the_case(world)
        assert second.id != first.id
        assert story(world, second)[0] == "opened"
        turns = world.parts.casework.read_evidence(second.id, ME, "接手")
        assert WISH in [turn.text for turn in turns]


def test_a_redelivery_of_old_words_opens_nothing(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.says(WISH, event_id="m-1")
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")
        close(world)
        world.says(WISH, event_id="m-1")
        world.dispatch()
        assert world.case() is None


def test_a_close_needs_a_reason(tell: Tell) -> None:
    with quiet(opened(tell)) as world:
        with pytest.raises(InvalidRequest):
            world.parts.casework.close(the_case(world).id, ME, "  ")
        assert the_case(world).status is CaseStatus.OPEN


def test_lowered_the_level_rises_again_with_new_words(tell: Tell) -> None:
    with quiet(opened(tell)) as world:
        case = world.parts.casework.lower(the_case(world).id, ME, Level.P3, "谈过了，家人在旁边")
        assert case.level is Level.P3
        world.advance(200, step_s=20)
        assert the_case(world).level is Level.P3
        world.says(WISH)
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")
        assert the_case(world).id == case.id


def test_words_of_another_conversation_open_a_new_case_after_the_close(tell: Tell) -> None:
    with quiet(opened(tell)) as world:
        world.says(WISH, conversation="c-2", sender="u-1")
        close(world)
        world.says(NOTHING, conversation="c-2", sender="u-1")
        assert world.case() is None
        world.says(WISH, conversation="c-2", sender="u-1")
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")
