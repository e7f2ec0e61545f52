"""The plainest story: words, a case, one page, somebody comes."""

from __future__ import annotations

import pytest

from safety.core.cases import CaseStatus
from safety.core.types import Level
from tests.scenarios.words import NOTHING, PASSIVE, THOUGHT, WISH, Tell, story, the_case
from tests.world import quiet


def test_somebody_is_paged_and_the_listener_gets_a_card(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.says(NOTHING)
        world.says(WISH)
        world.dispatch()
        page = world.phone.expect("counsellor-1", "P1")
        assert (page.attempt, page.is_repeat) == (1, False)
        case = the_case(world)
        assert (case.level, case.status, case.client_id) == (Level.P1, CaseStatus.OPEN, "u-1")
        assert [card["card"] for card in world.cards()] == ["direct_question"]
        assert story(world, case) == ["opened", "page_ordered", "page"]


def test_the_professional_reads_what_was_said_and_that_is_written_down(tell: Tell) -> None:
    with quiet(tell()) as world:
        for text, role in ((NOTHING, "client"), ("我在听", "listener"), (WISH, "client")):
            world.sends("message", "c-1", role, None, text=text)
            world.clock.advance(1)
        world.consume()
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")
        world.says(PASSIVE)
        case = the_case(world)
        turns = world.parts.casework.read_evidence(case.id, case.client_id, "接手")
        assert [turn.text for turn in turns] == [NOTHING, "我在听", WISH, PASSIVE]
        assert story(world, case)[-1] == "read"


def test_laughing_words_page_nobody_and_do_not_hide_the_rest(tell: Tell) -> None:
    with quiet(tell(classifier=None)) as world:
        world.says("笑死我了，今天真的累死")
        world.dispatch()
        assert world.case() is None
        world.says("笑死，我是真的不想活了")
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")


def test_a_question_is_nothing_and_its_yes_is_p1(tell: Tell) -> None:
    with quiet(tell(classifier=None)) as world:
        world.says("你现在还会有自杀的想法么", role="listener")
        world.dispatch()
        assert world.case() is None
        world.says("是的")
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")


def test_a_yes_before_its_late_question_is_heard_when_the_question_comes(tell: Tell) -> None:
    with quiet(tell(classifier=None)) as world:
        asked_at = world.clock.now()
        world.clock.advance(5)
        world.says("是的")
        assert world.case() is None
        world.says("你现在还会有自杀的想法么", role="listener", at=asked_at)
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")


@pytest.mark.parametrize(("text", "level"), [(PASSIVE, Level.P3), (THOUGHT, Level.P2)])
def test_what_is_less_urgent_pages_less(tell: Tell, text: str, level: Level) -> None:
    with quiet(tell()) as world:
        world.says(text)
        world.dispatch()
        assert the_case(world).level is level
        if level is Level.P2:
            world.phone.expect("counsellor-1", "P2")


def test_two_conversations_of_one_client_are_one_case(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.says(THOUGHT, conversation="c-1", sender="u-1")
        world.says(WISH, conversation="c-2", sender="u-1")
        world.says(THOUGHT, conversation="c-3", sender="u-2")
        world.dispatch()
        world.phone.expect("counsellor-1", "P2")
        world.phone.expect("counsellor-1", "P1")
        world.phone.expect("counsellor-1", "P2")
        assert the_case(world, "u-1").level is Level.P1
        assert the_case(world, "u-2").level is Level.P2
        assert len(world.parts.casework.open_cases()) == 2


def test_the_conversation_stands_for_a_client_nobody_knows(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.happens("listener_help", role="listener")
        world.dispatch()
        world.phone.expect("counsellor-1", "P0")
        world.phone.expect("counsellor-2", "P0")
        world.says(WISH)
        world.dispatch()
        assert world.case("u-1") is None
        assert the_case(world, "conversation:c-1").level is Level.P0
