"""Silence at risk (clinical reference 3.5, R-ESC-06), on event time."""

from __future__ import annotations

import pytest

from safety.core.conversation import Conversation
from safety.core.events import Chip, Event, EventType
from safety.core.types import Level, Role
from safety.core.watch import let_silence_pass, observe
from tests.core.builders import RULES, after, event, fold, help_, memory, message, reasons, said

P1_WORDS = "真的不想活了"
P2_WORDS = "有过那种念头"
P3_WORDS = "活着没意思"
NOTHING = "今天吃了面"


def due(now: Conversation) -> float | None:
    """When silence next counts, in seconds after noon."""
    return None if now.silence_due_at is None else (now.silence_due_at - after(0)).total_seconds()


@pytest.mark.parametrize(("text", "waits"), [(P1_WORDS, 60), (P2_WORDS, 120)])
def test_silence_raises_after_its_time_and_not_before(text: str, waits: float) -> None:
    now, decisions = fold([message(text)])
    before = now.level
    assert due(now) == waits
    assert fold([], now, until=waits - 0.001) == (now, [])
    raised, more = fold([], now, until=waits)
    assert before is not None
    assert raised.level == before - 1
    assert [(item.at, item.urgent) for item in more] == [(after(waits), False)]
    assert len(decisions) == 1


def test_silence_goes_on_from_p2_to_p0_and_ends_there() -> None:
    now, decisions = fold([message(P2_WORDS)], until=10_000)
    assert reasons(decisions) == ["p2.thoughts", "p1.silence", "p0.silence"]
    assert [item.at for item in decisions[1:]] == [after(120), after(180)]
    assert (now.level, now.open_level, due(now)) == (Level.P0, Level.P0, None)
    assert len({item.event_id for item in decisions}) == 3


@pytest.mark.parametrize("text", [P3_WORDS, NOTHING, "我在天台"])
def test_silence_says_nothing_below_p2(text: str) -> None:
    now, decisions = fold([message(text)], until=10_000)
    assert (due(now), reasons(decisions)) == (None, reasons(fold([message(text)])[1]))


def test_silence_says_nothing_more_at_p0() -> None:
    now, _ = fold([help_()])
    assert due(now) is None


def test_an_event_after_the_deadline_brings_the_silence_before_it_to_light() -> None:
    talk = message(NOTHING, 70, Role.LISTENER)
    _, decisions = fold([message(P1_WORDS), talk])
    assert reasons(decisions)[-1] == "p0.silence"
    assert decisions[-1].at == after(60)


def test_words_sent_in_time_and_come_late_are_waited_for() -> None:
    """A deadline passes only once nothing sent before it can still be under way."""
    at_grace = 60 + RULES.silence_grace_s
    quiet = [message(P1_WORDS), message(NOTHING, at_grace - 0.1, Role.LISTENER)]
    assert reasons(fold(quiet)[1]) == ["p1.intent", "p2.thoughts"]
    now, decisions = fold([*quiet, message(NOTHING, 59)])
    assert (due(now), now.level) == (119, Level.P1)
    assert len(decisions) == 1
    late = [message(P1_WORDS), message(NOTHING, at_grace, Role.LISTENER)]
    assert reasons(fold(late)[1])[-1] == "p0.silence"


@pytest.mark.parametrize("moves", [message(NOTHING, 50), event(EventType.TYPING, 50)])
def test_the_client_moving_starts_it_anew(moves: Event) -> None:
    now, decisions = fold([message(P1_WORDS), moves])
    assert (due(now), len(decisions)) == (110, 1)


@pytest.mark.parametrize(
    "other",
    [
        message(NOTHING, 50, Role.LISTENER),
        message("加我微信", 50, Role.LISTENER),
        message("想开点", 50, Role.LISTENER),
        message(NOTHING, 50, Role.SYSTEM),
        event(EventType.TYPING, 50, Role.LISTENER),
        event(EventType.READ, 50),
        event(EventType.PAYMENT, 50),
        event(EventType.SESSION_EXTEND, 50),
        help_(Chip.GASPING, 50),
        help_(Chip.QUIET, 50),
    ],
    ids=lambda item: f"{item.type}-{item.role}",
)
def test_nobody_else_and_nothing_else_starts_it_anew(other: Event) -> None:
    now, _ = fold([message(P1_WORDS), other])
    assert due(now) == 60
    assert due(fold([message(P1_WORDS), message(NOTHING, 50)])[0]) == 110


def test_a_silence_is_the_counsellors_to_read_until_it_gets_worse() -> None:
    counsellor = message(NOTHING, 50, Role.COUNSELLOR)
    now, _ = fold([message(P1_WORDS), counsellor, message(NOTHING, 55)])
    assert (now.with_professional, due(now)) == (True, None)
    quiet, _ = fold([message(P2_WORDS), counsellor])
    assert (quiet.with_professional, due(quiet)) == (True, None)
    worse, _ = fold([message(P2_WORDS), counsellor, message(P1_WORDS, 90)])
    assert (worse.with_professional, due(worse)) == (False, 150)


def test_a_counsellor_in_a_conversation_without_a_case_changes_nothing() -> None:
    now, _ = fold([message(NOTHING), message(NOTHING, 5, Role.COUNSELLOR), message(P1_WORDS, 10)])
    assert (now.with_professional, due(now)) == (False, 70)


def test_late_words_of_the_client_do_not_turn_it_back() -> None:
    now, _ = fold([message(P1_WORDS), message(NOTHING, 50), message(NOTHING, 20)])
    assert due(now) == 110
    now, _ = fold([message(NOTHING, 50), message(P1_WORDS, 20)])
    assert due(now) == 110


def test_a_higher_level_has_its_own_time() -> None:
    now, _ = fold([message(P2_WORDS), message(P1_WORDS, 10)])
    assert due(now) == 70
    now, _ = fold([message(P2_WORDS), help_(Chip.BRIDGE, 10)])
    assert (due(now), now.level) == (None, Level.P0)
    now, _ = fold([help_(Chip.BRIDGE, 10)])
    assert (due(now), now.level) == (70, Level.P1)


def test_silence_that_raised_goes_on_counting_while_others_talk() -> None:
    talk = [message(NOTHING, at, Role.LISTENER) for at in (125, 150, 170)]
    now, decisions = fold([message(P2_WORDS), *talk])
    assert (due(now), len(decisions)) == (180, 2)
    _, decisions = fold([message(NOTHING, 182, Role.LISTENER)], now)
    assert reasons(decisions) == ["p0.silence"]


@pytest.mark.parametrize("end", [EventType.CALL_END, EventType.CALL_DROP])
def test_never_during_a_call_and_anew_at_its_end(end: EventType) -> None:
    call = event(EventType.CALL_START, 10)
    now, decisions = fold([message(P2_WORDS), call], until=5000)
    assert (due(now), len(decisions)) == (None, 1)
    now, _ = fold([message(P1_WORDS, 20)], now)
    assert due(now) is None, "words typed during the call do not start it either"
    now, _ = fold([event(end, 300)], fold([message(P2_WORDS), call])[0])
    assert due(now) == 420


def test_the_end_of_the_session_ends_it() -> None:
    now, decisions = fold([message(P2_WORDS), event(EventType.SESSION_END, 10)], until=5000)
    assert (due(now), reasons(decisions)[-1]) == (None, "p2.session_ended_unreviewed")
    now, _ = fold([message(NOTHING, 6000)], now)
    assert due(now) == 6120, "and new words begin it again"


def test_the_end_of_the_session_does_not_hide_a_silence_before_it() -> None:
    _, decisions = fold([message(P2_WORDS), event(EventType.SESSION_END, 130)])
    assert reasons(decisions)[1:] == ["p1.silence", "p0.session_lost"]


def test_after_a_professional_lowered_the_level_silence_counts_from_there() -> None:
    """Lowering and closing leave no deadline behind; should one be left, it says nothing."""
    stale = memory(level=Level.P0, open_level=None, silence_due_at=after(5))
    now, decisions = let_silence_pass(stale, after(10), RULES)
    assert (due(now), decisions) == (None, [])
    lowered = memory(level=Level.P0, open_level=Level.P3, silence_due_at=after(5))
    assert let_silence_pass(lowered, after(10), RULES)[1] == []
    again, decisions = observe(now, message(P2_WORDS, 20), said(P2_WORDS), RULES)
    assert (due(again), again.open_level, again.level) == (140, Level.P2, Level.P0)
