"""The call on a roof at 02:07: no word is written, a listener hears the wind (R-IN-04)."""

from __future__ import annotations

from safety.core.cases import CaseStatus
from safety.core.types import Level
from tests.fakes import NIGHT
from tests.scenarios.words import NOTHING, Tell, acknowledge, close, the_case
from tests.world import World, quiet

TWO = ("counsellor-1", "counsellor-2")
ALL = (*TWO, "counsellor-3")
BOSSES = ("supervisor-1", "manager-1")


def on_the_roof(tell: Tell) -> World:
    """The call has begun and both chips were tapped; nobody was paged yet."""
    world = tell(at=NIGHT)
    world.happens("call_start")
    world.clock.advance(20)
    world.happens("listener_help", role="listener", sender="l-1", client_id="u-1", chip="风声")
    assert the_case(world).level is Level.P2
    world.clock.advance(10)
    world.happens("listener_help", role="listener", sender="l-1", client_id="u-1", chip="天台")
    return world


def expect(world: World, *people: str) -> None:
    for person in people:
        world.phone.expect(person, "P0")


def begin(world: World) -> None:
    """The first pages: the quiet one of the wind, then two people for the roof."""
    world.dispatch()
    world.phone.expect("counsellor-1", "P2")
    expect(world, *TWO)


def test_the_roof_is_p0_with_its_own_card_and_two_people(tell: Tell) -> None:
    with quiet(on_the_roof(tell)) as world:
        begin(world)
        assert the_case(world).level is Level.P0
        cards = world.cards()
        assert cards[-1]["flow"] == "roof"
        assert cards[-1]["level"] == "P0"
        assert [card["listener_id"] for card in cards] == ["l-1"] * len(cards)


def test_the_ladder_climbs_until_somebody_answers(tell: Tell) -> None:
    with quiet(on_the_roof(tell)) as world:
        begin(world)
        world.advance(59)
        assert not world.phone.pages
        world.advance(1)
        expect(world, "counsellor-3", "counsellor-1")
        world.advance(30)
        expect(world, *ALL)
        world.advance(30)
        expect(world, *BOSSES)
        world.advance(60)
        expect(world, *ALL, *BOSSES, "lead-1")
        world.advance(120)
        expect(world, "manager-1")
        world.advance(120)
        expect(world, "manager-1")
        assert the_case(world).status is CaseStatus.OPEN, "unhandled, and it stays visible"


def test_an_acknowledgement_without_words_pages_again(tell: Tell) -> None:
    with quiet(on_the_roof(tell)) as world:
        begin(world)
        world.advance(20)
        assert acknowledge(world, "counsellor-2").status is CaseStatus.ACKNOWLEDGED
        world.advance(59)
        assert not world.phone.pages
        world.advance(1)
        rang = {person for person, _ in world.phone.pages}
        assert "counsellor-2" in rang, "who acknowledged is reminded"
        assert len(rang) > 1, "and others are called"
        world.phone.pages.clear()


def test_the_counsellors_words_take_the_case_and_the_phones_are_still(tell: Tell) -> None:
    with quiet(on_the_roof(tell)) as world:
        begin(world)
        acknowledge(world, "counsellor-2")
        world.says("我是值班老师，我在", role="counsellor", sender="counsellor-2")
        case = the_case(world)
        assert (case.status, case.owner) == (CaseStatus.TAKEN, "counsellor-2")
        world.advance(600, step_s=10)
        assert the_case(world).ladder.due_at is None


def test_a_dropped_call_does_not_wait_for_the_next_rung(tell: Tell) -> None:
    with quiet(on_the_roof(tell)) as world:
        begin(world)
        world.advance(5)
        world.happens("call_drop")
        world.dispatch()
        expect(world, "counsellor-3", "counsellor-1")


def test_by_day_the_same_chips_are_less_and_close_forgets_the_place(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.happens("call_start")
        world.happens("listener_help", role="listener", client_id="u-1", chip="风声")
        assert world.case() is None
        world.happens("listener_help", role="listener", client_id="u-1", chip="天台")
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")
        close(world)
        world.happens("listener_help", role="listener", client_id="u-1", chip="车声")
        world.says(NOTHING)
        world.advance(200, step_s=10)
        assert world.case() is None
