from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from escalation.ladder import advance, after_acknowledge, after_undeliverable, start
from escalation.roster import Member, Roster
from safety.core.cases import (
    Case,
    CaseStatus,
    Climb,
    Duty,
    EscalationPolicy,
    Ladder,
    LevelPolicy,
    PageOrder,
    Step,
    Target,
)
from safety.core.types import Level, PersonId

from .builders import (
    CONSOLE,
    DEFAULT,
    NOW,
    after,
    case_with,
    counsellor,
    full_roster,
    opened,
    page_for,
    person,
    roster_of,
)


def begin(level: Level, roster: Roster, before: Ladder | None = None) -> Climb:
    return start(DEFAULT, roster, CONSOLE, level, NOW, before)


def people_of(climb: Climb) -> list[str]:
    return [order.person_id for order in climb.orders]


def climb_at(case: Case, roster: Roster, seconds: float) -> tuple[Case, Climb]:
    climb = advance(roster, CONSOLE, case, after(seconds))
    return replace(case, ladder=climb.ladder), climb


def walk(level: Level, roster: Roster, *seconds: float) -> list[tuple[list[str], datetime | None]]:
    case, steps = opened(level, roster), []
    for each in seconds:
        case, climb = climb_at(case, roster, each)
        steps.append((people_of(climb), climb.ladder.due_at))
    return steps


def test_p0_starts_with_two_people() -> None:
    climb = begin(Level.P0, full_roster())
    assert climb.orders == (
        PageOrder(PersonId("c1"), "console", 0),
        PageOrder(PersonId("c2"), "console", 0),
    )
    assert climb.ladder.due_at == after(60)
    assert climb.ladder.step == 1
    assert climb.notes == ()


def test_p0_climbs_section_nine_and_then_repeats() -> None:
    everybody = ["c1", "c2", "c3", "c4", "c5", "c6"]
    steps = walk(Level.P0, full_roster(), 60, 90, 120, 180, 300, 420, 540)
    assert [sorted(who) for who, _ in steps] == [
        ["c3", "c4"],
        everybody,
        ["m1", "s1"],
        [*everybody, "l1", "m1", "s1"],
        ["m1"],
        ["m1"],
        ["m1"],
    ]
    assert [due for _, due in steps] == [after(s) for s in (90, 120, 180, 300, 420, 540, 660)]


def test_p1_climbs_section_nine_and_then_repeats() -> None:
    steps = walk(Level.P1, full_roster(), 180, 300, 480, 660, 840)
    assert [who for who, _ in steps] == [["c2"], ["c3"], ["s1"], ["s1"], ["s1"]]
    assert [due for _, due in steps] == [after(s) for s in (300, 480, 660, 840, 1020)]


def test_p2_waits_for_half_an_hour_and_p3_pages_nobody() -> None:
    assert people_of(begin(Level.P2, full_roster())) == ["c1"]
    assert walk(Level.P2, full_roster(), 1800, 3600) == [
        (["l1"], after(3600)),
        (["l1"], after(5400)),
    ]
    assert begin(Level.P3, full_roster()) == Climb(Ladder(Level.P3, NOW, 0, (), None))
    assert climb_at(opened(Level.P3, full_roster()), full_roster(), 9e6)[1].orders == ()


def test_nothing_happens_before_it_is_due() -> None:
    case = opened(Level.P0, full_roster())
    assert advance(full_roster(), CONSOLE, case, after(59.9)) == Climb(case.ladder)


def test_the_ladder_repeats_for_a_whole_night() -> None:
    roster = full_roster()
    case = opened(Level.P0, roster)
    for _ in range(400):
        assert case.ladder.due_at is not None
        climb = advance(roster, CONSOLE, case, case.ladder.due_at)
        assert climb.orders
        case = replace(case, ladder=climb.ladder)
    assert case.ladder.step == 401


def test_a_late_loop_skips_nobody_and_does_not_drift() -> None:
    climb = climb_at(opened(Level.P0, full_roster()), full_roster(), 95.5)[1]
    assert sorted(people_of(climb)) == ["c1", "c2", "c3", "c4", "c5", "c6"]
    assert climb.ladder.due_at == after(120)
    assert climb.ladder.step == 3


def test_after_a_long_standstill_everybody_is_called_once_and_the_grid_is_kept() -> None:
    climb = climb_at(opened(Level.P0, full_roster()), full_roster(), 300 + 120 * 5000 + 1)[1]
    assert sorted(people_of(climb)) == ["c1", "c2", "c3", "c4", "c5", "c6", "l1", "m1", "s1"]
    assert climb.ladder.due_at == after(300 + 120 * 5001)
    assert climb.ladder.step == 5 + 5001
    assert any(note.startswith("repeats_missed:") for note in climb.notes)


def test_whoever_was_paged_is_reminded_when_nobody_else_is_left() -> None:
    steps = walk(Level.P0, full_roster(counsellors=3), 60)
    assert steps[0][0] == ["c3", "c1"]


def test_repeats_go_round() -> None:
    target = Target(Duty.COUNSELLOR, ("console",), count=1)
    rules = LevelPolicy((Step(0, (target,)),), 60, 60, 120)
    policy = EscalationPolicy("x", dict.fromkeys(Level, rules))
    roster = full_roster(counsellors=3)
    case = case_with(start(policy, roster, CONSOLE, Level.P0, NOW, None).ladder, policy=policy)
    seen = []
    for i in range(1, 7):
        case, climb = climb_at(case, roster, 60 * i)
        seen += people_of(climb)
    assert seen == ["c2", "c3", "c1", "c2", "c3", "c1"]


def test_an_empty_step_falls_through_at_once_and_keeps_the_distances() -> None:
    roster = roster_of(person("s1", Duty.SUPERVISOR), person("m1", Duty.DUTY_MANAGER))
    climb = begin(Level.P0, roster)
    assert people_of(climb) == ["s1", "m1"]
    assert climb.notes == ("nobody_on_duty:counsellor",)
    assert climb.ladder.step == 4
    assert climb.ladder.due_at == after(60)  # the distance from 120 s to 180 s


def test_half_a_step_is_climbed_and_noted() -> None:
    climb = begin(Level.P0, full_roster(counsellors=1))
    assert people_of(climb) == ["c1"]
    assert climb.notes == ("too_few_on_duty:counsellor",)
    case = case_with(replace(climb.ladder, step=3, due_at=after(120)))
    no_manager = roster_of(counsellor("c1"), person("s1", Duty.SUPERVISOR))
    later = climb_at(case, no_manager, 120)[1]
    assert people_of(later) == ["s1"]
    assert later.notes == ("nobody_on_duty:duty_manager",)


def test_a_last_rung_without_anybody_calls_all_who_are_qualified() -> None:
    roster = Roster(
        [
            Member(counsellor("c1")),
            Member(counsellor("asleep"), shifts=()),
            Member(person("l1", Duty.LEAD, levels=frozenset({Level.P3}))),
        ]
    )
    steps = walk(Level.P1, roster, 180, 300, 480, 660)
    assert steps[2][0] == ["c1", "asleep"]
    assert steps[3] == (["c1", "asleep"], after(840))


def test_a_ladder_without_anybody_calls_everybody() -> None:
    roster = Roster([Member(person("l1", Duty.LEAD, levels=frozenset()), shifts=())])
    climb = begin(Level.P1, roster)
    assert people_of(climb) == ["l1"]
    assert "last_resort:everybody" in climb.notes
    assert climb.ladder.due_at == after(180)


def test_an_empty_roster_is_said_aloud_and_asked_again() -> None:
    for roster in (Roster(()), roster_of(counsellor("c1", contacts={}))):
        climb = begin(Level.P0, roster)
        assert climb.orders == ()
        assert "unreachable:nobody_in_roster" in climb.notes
        assert climb.ladder.due_at == after(120)
        again = climb_at(case_with(climb.ladder), roster, 120)[1]
        assert "unreachable:nobody_in_roster" in again.notes
        assert again.ladder.due_at == after(240)


def test_people_who_come_on_duty_are_found_again() -> None:
    case = case_with(begin(Level.P0, Roster(())).ladder)
    climb = climb_at(case, full_roster(), 120)[1]
    assert people_of(climb) == ["m1"]


def test_a_person_is_paged_over_each_channel_and_else_over_any() -> None:
    roster = roster_of(
        counsellor("c1", contacts={"sms": "1", "voice": "1", "email": "x"}),
        counsellor("c2", contacts={"email": "x"}),
    )
    channels = frozenset({"sms", "voice", "email"})
    climb = start(DEFAULT, roster, channels, Level.P0, NOW, None)
    assert [(o.person_id, o.channel) for o in climb.orders] == [
        ("c1", "voice"),
        ("c1", "sms"),
        ("c2", "email"),
    ]


def test_a_channel_that_is_not_connected_is_not_ordered() -> None:
    roster = roster_of(
        counsellor("c1", contacts={"sms": "1"}), counsellor("c2", contacts={"sms": "1", "app": "x"})
    )
    climb = start(DEFAULT, roster, frozenset({"app"}), Level.P0, NOW, None)
    assert [(o.person_id, o.channel) for o in climb.orders] == [("c2", "app")]


def test_the_present_but_unreachable_are_noted() -> None:
    roster = roster_of(counsellor("c1", contacts={}), person("s1", Duty.SUPERVISOR))
    assert "nobody_reachable:counsellor" in begin(Level.P0, roster).notes


@pytest.mark.parametrize("status", [CaseStatus.TAKEN, CaseStatus.CLOSED])
def test_a_case_in_hands_is_left_alone(status: CaseStatus) -> None:
    case = replace(opened(Level.P0, full_roster()), status=status)
    climb = advance(full_roster(), CONSOLE, case, after(9999))
    assert climb == Climb(replace(case.ladder, due_at=None))


def test_a_rise_starts_again_and_pages_again() -> None:
    before = begin(Level.P1, full_roster()).ladder
    climb = start(DEFAULT, full_roster(), CONSOLE, Level.P0, after(30), before)
    assert people_of(climb) == ["c1", "c2"]
    assert climb.ladder == Ladder(
        Level.P0, after(30), 1, (PersonId("c1"), PersonId("c2")), after(90)
    )


@pytest.mark.parametrize("level", [Level.P1, Level.P2, Level.P3])
def test_a_ladder_never_falls_or_restarts_by_itself(level: Level) -> None:
    before = begin(Level.P1, full_roster()).ladder
    assert begin(level, full_roster(), before) == Climb(before)


def test_a_ladder_below_its_case_catches_up() -> None:
    case = replace(opened(Level.P2, full_roster()), level=Level.P0)
    climb = climb_at(case, full_roster(), 1)[1]
    assert climb.ladder.level is Level.P0
    assert people_of(climb) == ["c1", "c2"]


def test_an_open_case_without_a_timer_climbs_now() -> None:
    case = opened(Level.P0, full_roster())
    case = replace(case, ladder=replace(case.ladder, due_at=None))
    climb = climb_at(case, full_roster(), 5)[1]
    assert people_of(climb) == ["c3", "c4"]
    assert "timer_missing" in climb.notes


@pytest.mark.parametrize(("level", "seconds"), [(Level.P0, 60), (Level.P1, 180), (Level.P2, 1800)])
def test_an_acknowledgement_buys_a_short_pause(level: Level, seconds: float) -> None:
    assert after_acknowledge(DEFAULT, level, NOW) == after(seconds)


def test_the_pause_is_capped_and_a_silent_level_has_none() -> None:
    slow = replace(DEFAULT.levels[Level.P0], accept_s=120)
    policy = replace(DEFAULT, levels={**DEFAULT.levels, Level.P0: slow})
    assert after_acknowledge(policy, Level.P0, NOW) == after(60)
    assert after_acknowledge(DEFAULT, Level.P3, NOW) is None


def acknowledged(owner: str | None = "c1") -> Case:
    case = opened(Level.P0, full_roster())
    ladder = replace(case.ladder, due_at=after_acknowledge(DEFAULT, Level.P0, after(20)))
    return case_with(ladder, status=CaseStatus.ACKNOWLEDGED, owner=owner)


def test_an_acknowledgement_that_lapses_pages_the_owner_and_the_next() -> None:
    case = acknowledged()
    assert advance(full_roster(), CONSOLE, case, after(79)) == Climb(case.ladder)
    case, climb = climb_at(case, full_roster(), 80)
    assert people_of(climb) == ["c1", "c3", "c4"]
    assert climb.notes == ("acknowledged_without_first_words",)
    assert climb.ladder.due_at == after(110)
    assert "c1" in people_of(climb_at(case, full_roster(), 110)[1])


@pytest.mark.parametrize(("owner", "note"), [("gone", "gone"), (None, "no_owner")])
def test_an_owner_who_cannot_be_reached_is_noted(owner: str | None, note: str) -> None:
    climb = climb_at(acknowledged(owner), full_roster(), 80)[1]
    assert people_of(climb) == ["c3", "c4"]
    assert f"unreachable:{note}" in climb.notes


def test_a_known_failure_climbs_at_once() -> None:
    case = opened(Level.P0, full_roster())
    due_at = after_undeliverable(case, page_for("c1", step=0), after(3))
    assert due_at == after(3)
    case, climb = climb_at(
        replace(case, ladder=replace(case.ladder, due_at=due_at)), full_roster(), 3
    )
    assert people_of(climb) == ["c3", "c4"]
    assert climb.ladder.due_at == after(33)
    # the second page of the same rung fails as well: that rung is left already
    assert after_undeliverable(case, page_for("c2", step=0), after(4)) == after(33)


def test_a_failure_on_the_repeats_or_in_a_pause_changes_nothing() -> None:
    roster = full_roster()
    case = opened(Level.P0, roster)
    for seconds in (60, 90, 120, 180, 300):
        case, _ = climb_at(case, roster, seconds)
    assert after_undeliverable(case, page_for("m1", step=5), after(301)) == after(420)
    assert after_undeliverable(acknowledged(), page_for("c1"), after(21)) == after(80)
    idle = replace(case, ladder=replace(case.ladder, due_at=None))
    assert after_undeliverable(idle, page_for("m1", step=5), after(301)) is None
    other = page_for("c1", step=0, level=Level.P1)
    assert after_undeliverable(opened(Level.P0, roster), other, after(3)) == after(60)
