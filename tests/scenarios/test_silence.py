"""Somebody stops answering (clinical reference 3.5)."""

from __future__ import annotations

from safety.core.types import Level
from tests.scenarios.words import NOTHING, THOUGHT, WISH, Tell, close, the_case
from tests.world import quiet


def test_silence_after_a_thought_is_p1_and_then_p0(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.says(THOUGHT)
        world.dispatch()
        world.phone.expect("counsellor-1", "P2")
        world.advance(120)
        assert the_case(world).level is Level.P2
        world.advance(1)
        world.phone.expect("counsellor-1", "P1")
        world.advance(59)
        assert the_case(world).level is Level.P1
        world.advance(1)
        world.phone.expect("counsellor-1", "P0")
        world.phone.expect("counsellor-2", "P0")
        assert [card["level"] for card in world.cards()] == ["P2", "P1", "P0"]


def test_who_goes_on_talking_or_typing_is_not_silent(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.says(WISH)
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")
        for _ in range(2):
            world.advance(55, step_s=5)
            world.happens("typing")
            world.advance(55, step_s=5)
            world.says(NOTHING)
        assert the_case(world).level is Level.P1
        world.phone.expect("counsellor-2", "P1")
        world.advance(61)
        assert the_case(world).level is Level.P0
        world.phone.expect("counsellor-1", "P0")
        world.phone.expect("counsellor-2", "P0")


def test_a_listener_who_talks_on_does_not_hide_the_silence(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.says(WISH)
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")
        for _ in range(3):
            world.advance(20, step_s=5)
            world.says("还在吗", role="listener")
        world.advance(1)
        assert the_case(world).level is Level.P0
        world.phone.expect("counsellor-1", "P0")
        world.phone.expect("counsellor-2", "P0")


def test_a_call_is_no_silence(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.says(THOUGHT)
        world.happens("call_start")
        world.dispatch()
        world.phone.expect("counsellor-1", "P2")
        world.advance(900, step_s=30)
        assert the_case(world).level is Level.P2
        world.happens("call_end")
        world.advance(121, step_s=11)
        assert the_case(world).level is Level.P1
        world.phone.expect("counsellor-1", "P1")


def test_who_leaves_is_looked_for_at_once(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.says(THOUGHT, conversation="c-2", sender="u-2")
        world.says(WISH)
        world.dispatch()
        world.phone.expect("counsellor-1", "P2")
        world.phone.expect("counsellor-1", "P1")
        world.happens("session_end")
        world.happens("session_end", conversation="c-2", sender="u-2")
        world.dispatch()
        world.phone.expect("counsellor-1", "P0")
        world.phone.expect("counsellor-2", "P0")
        world.phone.expect("lead-1", "P2")


def test_after_the_close_silence_means_nothing(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.says(WISH)
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")
        close(world)
        world.advance(600, step_s=30)
        assert world.case() is None


def test_the_silence_survives_a_restart(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.says(WISH)
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")
        world.parts.store.engine.dispose()
        world.clock.advance(61)
        world.parts = world.start()
        world.dispatch()
        assert the_case(world).level is Level.P0
        world.phone.expect("counsellor-1", "P0")
        world.phone.expect("counsellor-2", "P0")
