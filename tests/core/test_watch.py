"""How a conversation's memory changes with each event, and what events without words call for."""

from __future__ import annotations

import pytest

from safety.core.conversation import SeenCue
from safety.core.events import PLACE_CHIPS, Chip, Event, EventType
from safety.core.types import Cue, Evidence, Label, Level, PersonId, Role, Strength
from safety.core.watch import TEXT_KEPT, observe, reread, turn_of, with_turn
from tests.core.builders import (
    RULES,
    WORDS,
    after,
    assessed,
    event,
    fold,
    help_,
    memory,
    message,
    reasons,
    said,
)

WISH = "真的不想活了"
NOTHING = "今天吃了面"
TO_NIGHT = 14 * 3600.0
"""From noon to two at night in Shanghai."""


# The window.


def test_the_window_is_in_event_time_whatever_arrives_when() -> None:
    now, _ = fold([message(NOTHING, at) for at in (10, 30, 20, 5)])
    assert [turn.sent_at for turn in now.window] == [after(at) for at in (5, 10, 20, 30)]


def test_turns_of_one_moment_stay_in_the_order_of_arrival() -> None:
    now, _ = fold([message(NOTHING, 1, name="a"), message(NOTHING, 1, name="b")])
    assert [turn.event_id for turn in now.window] == ["a", "b"]


def test_the_window_keeps_the_last_turns() -> None:
    now, _ = fold([message(NOTHING, at) for at in range(30)])
    assert len(now.window) == RULES.window_turns
    assert now.window[-1].sent_at == after(29)
    late = turn_of(message(NOTHING, -1))
    assert with_turn(now.window, late, RULES.window_turns) == now.window


def test_of_a_very_long_text_the_window_keeps_beginning_and_end() -> None:
    text = "头" * 5000 + "尾" * 5000
    kept = turn_of(message(text)).text
    assert kept == "头" * (TEXT_KEPT // 2) + "…" + "尾" * (TEXT_KEPT // 2)
    exact = "头" * TEXT_KEPT
    assert turn_of(message(exact)).text == exact


def test_everybodys_words_are_turns() -> None:
    now, decisions = fold([message(NOTHING, at, role) for at, role in enumerate(Role)])
    assert [turn.role for turn in now.window] == list(Role)
    assert decisions == []
    assert now.last_client_at == after(list(Role).index(Role.CLIENT))


def test_a_message_that_nobody_read_is_a_turn_and_calls_for_nothing() -> None:
    now, decisions = observe(memory(), message(WISH), None, RULES)
    assert (len(now.window), decisions, now.level) == (1, [], None)
    assert observe(memory(), message(WISH), said(WISH), RULES)[0].level is Level.P1


# Who is who.


def test_people_are_known_from_who_speaks() -> None:
    now, _ = fold([message(NOTHING, 0), message(NOTHING, 1, Role.LISTENER)])
    assert (now.client_id, now.listener_id) == ("u-c-1", "l-1")


def test_people_are_known_from_what_the_platform_says() -> None:
    told = event(
        EventType.SESSION_START,
        role=Role.SYSTEM,
        client_id=PersonId("u-9"),
        listener_id=PersonId("l-9"),
    )
    now, _ = fold([told, message(NOTHING, 1, Role.COUNSELLOR)])
    assert (now.client_id, now.listener_id) == ("u-9", "l-9")
    assert fold([message(NOTHING, role=Role.SYSTEM)])[0].client_id is None


# What is remembered.


def test_leave_taking_is_remembered_when_it_is_plain() -> None:
    plain, _ = observe(memory(), message(NOTHING), assessed(None, Cue.FAREWELL), RULES)
    assert plain.cues == (SeenCue(Cue.FAREWELL, after(0)),)
    for how in (Strength.WEAK, Strength.CODED):
        weak, _ = observe(memory(), message(NOTHING), assessed(None, Cue.SETTLING, how=how), RULES)
        assert weak.cues == ()


def test_a_word_of_the_moment_is_not_remembered() -> None:
    reading = assessed(None, Cue.TIME_NOW, Cue.METHOD, Cue.HOPELESS)
    now, _ = observe(memory(), message(NOTHING), reading, RULES)
    assert [seen.cue for seen in now.cues] == [Cue.HOPELESS]


def test_what_is_said_over_and_over_does_not_push_out_a_farewell() -> None:
    despair = [message("没有希望了", at) for at in range(1, 40)]
    now, _ = fold([message("谢谢你，再见了", 0), *despair])
    assert SeenCue(Cue.FAREWELL, after(0)) in now.cues
    assert len(now.cues) <= 16
    assert SeenCue(Cue.HOPELESS, after(39)) in now.cues
    _, decisions = fold([message("别找我了", 41)], now)
    assert [item.level for item in decisions] == [Level.P0]


def test_what_was_said_long_ago_is_forgotten() -> None:
    now, _ = fold([message("谢谢你，再见了", 0), message(NOTHING, 31 * 60)])
    assert now.cues == ()


def test_a_place_stays_open() -> None:
    now, _ = fold([message("我在天台", 0), message(NOTHING, 3000)])
    assert now.place_at == after(0)
    assert fold([message("活着没意思", 4000)], now)[1][0].level is Level.P0


def test_a_declared_wish_makes_a_later_place_p0_by_day() -> None:
    _, decisions = fold([message(WISH, 0), message("我在天台", 30)])
    assert [item.level for item in decisions] == [Level.P1, Level.P0]
    assert "p0.place_after_risk" in decisions[-1].reasons
    assert fold([message("我在天台", 30)])[0].level is Level.P3


@pytest.mark.parametrize(
    ("text", "risk"),
    [(WISH, True), ("有过那种念头", True), ("活着没意思", False), (NOTHING, False)],
)
def test_risk_before_means_p2_or_worse(text: str, risk: bool) -> None:
    now, _ = fold([message(text)])
    assert (now.prior_risk_at is not None) is risk


def test_a_friend_at_risk_is_not_the_clients_own_risk() -> None:
    now, decisions = observe(memory(), message(NOTHING), assessed({Label.THIRD_PARTY: 0.9}), RULES)
    assert [item.level for item in decisions] == [Level.P2]
    assert now.prior_risk_at is None


# The listener's button and chips (R-DET-01, R-IN-04).


def test_the_button_alone_is_p0() -> None:
    now, decisions = fold([help_()])
    assert reasons(decisions) == ["p0.listener_button"]
    assert now.level is Level.P0
    assert now.chips == ()


@pytest.mark.parametrize("chip", sorted(PLACE_CHIPS))
def test_a_place_by_day_is_p1_and_beside_anything_open_p0(chip: Chip) -> None:
    now, decisions = fold([help_(chip)])
    assert reasons(decisions) == ["p1.place_chip"]
    assert now.place_at == after(0)
    _, decisions = fold([message("活着没意思", 0), help_(chip, 1)])
    assert decisions[-1].reasons == ("p0.place_chip",)


@pytest.mark.parametrize("chip", sorted(PLACE_CHIPS))
def test_a_place_in_a_call_at_night_is_p0(chip: Chip) -> None:
    call = event(EventType.CALL_START, TO_NIGHT)
    assert reasons(fold([call, help_(chip, TO_NIGHT + 9)])[1]) == ["p0.place_chip"]
    assert reasons(fold([help_(chip, TO_NIGHT + 9)])[1]) == ["p1.place_chip"]
    day = event(EventType.CALL_START)
    assert reasons(fold([day, help_(chip, 9)])[1]) == ["p1.place_chip"]


@pytest.mark.parametrize("chip", [Chip.WIND, Chip.TRAFFIC])
def test_sounds_of_outside_count_in_a_call_at_night_or_after_a_place(chip: Chip) -> None:
    call = event(EventType.CALL_START, TO_NIGHT)
    assert reasons(fold([help_(chip)])[1]) == []
    assert reasons(fold([help_(chip, TO_NIGHT)])[1]) == []
    assert reasons(fold([call, help_(chip, TO_NIGHT + 9)])[1]) == ["p2.outside_at_night"]
    after_place = fold([help_(Chip.BRIDGE), help_(chip, 9)])[1]
    assert after_place[-1].reasons == ("p0.place_chip",)


def test_gasping_is_p3_and_crying_or_quiet_are_only_remembered() -> None:
    now, decisions = fold([help_(Chip.GASPING), help_(Chip.CRYING, 1), help_(Chip.QUIET, 2)])
    assert reasons(decisions) == ["p3.gasping_chip"]
    assert now.chips == (Chip.GASPING, Chip.CRYING, Chip.QUIET)
    assert now.place_at is None


def test_the_last_chips_are_kept() -> None:
    now, _ = fold([help_(Chip.CRYING, at) for at in range(9)] + [help_(Chip.QUIET, 9)])
    assert now.chips == (*[Chip.CRYING] * 7, Chip.QUIET)


# Calls and sessions (R-ESC-07).


@pytest.mark.parametrize(
    ("text", "lost", "ended"),
    [
        ("谢谢你，再见了", None, None),
        ("活着没意思", None, None),
        ("有过那种念头", None, "p2.session_ended_unreviewed"),
        (WISH, "p0.call_lost", "p0.session_lost"),
    ],
)
def test_who_is_lost_at_risk_is_looked_for_at_once(
    text: str, lost: str | None, ended: str | None
) -> None:
    now, _ = fold([message(text)])
    for kind, reason in ((EventType.CALL_DROP, lost), (EventType.SESSION_END, ended)):
        _, decisions = fold([event(kind, 1)], now)
        assert reasons(decisions) == ([reason] if reason else [])
        assert all(item.urgent for item in decisions)


def test_who_is_lost_at_p0_is_urgent_again() -> None:
    now, _ = fold([help_()])
    _, decisions = fold([event(EventType.CALL_DROP, 1), event(EventType.SESSION_END, 2)], now)
    assert [(item.level, item.urgent) for item in decisions] == [(Level.P0, True)] * 2


def test_a_call_that_ends_at_a_place_is_lost_and_elsewhere_it_is_not() -> None:
    end = event(EventType.CALL_END, 20)
    by_listener = event(EventType.CALL_END, 20, Role.LISTENER)
    assert reasons(fold([message(WISH), by_listener])[1]) == ["p1.intent", "p2.thoughts"]
    assert fold([message(WISH), end])[1][-1].reasons == ("p0.call_lost",), "the client hung up"
    placed = fold([message(WISH), help_(Chip.BRIDGE, 1), end])[1]
    assert placed[-1].reasons == ("p0.call_lost",)
    assert reasons(fold([message("我在天台"), end])[1]) == ["p3.place"]


def test_a_late_end_does_not_end_the_next_call() -> None:
    start, end = event(EventType.CALL_START, 50), event(EventType.CALL_END, 40)
    assert fold([start, end])[0].call_since == after(50)
    assert fold([start, event(EventType.CALL_END, 60)])[0].call_since is None


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in EventType
        if kind
        not in (
            EventType.MESSAGE,
            EventType.CALL_DROP,
            EventType.CALL_END,
            EventType.SESSION_END,
            EventType.LISTENER_HELP,
        )
    ],
)
def test_other_events_call_for_nothing(kind: EventType) -> None:
    """A balance that runs out, least of all (R-ESC-08)."""
    now, _ = fold([message(WISH)])
    after_it, decisions = fold([event(kind, 1)], now)
    assert decisions == []
    assert (after_it.level, after_it.open_level) == (Level.P1, Level.P1)


# A turn in a new light.


def test_a_turn_in_a_new_light_raises_and_never_lowers() -> None:
    turn = turn_of(message("是的", 5))
    yes = assessed({Label.ACTIVE_IDEATION: 0.8}, Cue.AFFIRMED)
    now, decisions = reread(memory(), turn, yes, RULES)
    assert [(item.event_id, item.level, item.at) for item in decisions] == [
        (turn.event_id, Level.P1, turn.sent_at)
    ]
    assert (now.level, now.open_level) == (Level.P1, Level.P1)
    assert now.silence_due_at == after(65), "silence counts from these words"
    assert reread(now, turn, yes, RULES) == (now, [])
    assert reread(memory(), turn, assessed(), RULES) == (memory(), [])


def test_a_turn_in_a_new_light_was_not_said_before_itself() -> None:
    both = assessed({Label.PASSIVE_IDEATION: 0.9}, Cue.HOPELESS)
    now, decisions = observe(memory(), message(NOTHING, 5), both, RULES)
    assert [item.level for item in decisions] == [Level.P3]
    assert reread(now, now.window[0], both, RULES) == (now, [])
    earlier = now._replace(cues=(SeenCue(Cue.HOPELESS, after(1)), *now.cues))
    assert reread(earlier, now.window[0], both, RULES)[0].level is Level.P2


def test_the_words_of_these_tests_mean_what_they_say() -> None:
    levels = {text: fold([message(text)])[0].level for text in WORDS}
    assert levels[WISH] is Level.P1
    assert levels[NOTHING] is None
    goading: Event = message("那你跳啊", role=Role.LISTENER)
    assert fold([goading])[0].level is Level.P0
    assert Evidence("lexicon", 0, 1, "t").strength is Strength.PLAIN
