"""What holds for any policy, roster, status and moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from escalation.ladder import advance, start
from escalation.policy import policy_from_json, policy_to_json
from escalation.roster import Member, Roster, Shift
from safety.core.cases import (
    Case,
    CaseStatus,
    Climb,
    Duty,
    EscalationPolicy,
    LevelPolicy,
    Person,
    Step,
    Target,
)
from safety.core.types import Level, PersonId

from .builders import NOW, after, case_with

CHANNELS = ("console", "sms", "voice")
PAGED_LEVELS = (Level.P0, Level.P1, Level.P2)

channel_lists = st.lists(st.sampled_from(CHANNELS), min_size=1, unique=True).map(tuple)
targets = st.builds(Target, st.sampled_from(Duty), channel_lists, st.integers(0, 3), st.booleans())
seconds = st.one_of(st.floats(0, 2000), st.floats(0, 10**7))


@st.composite
def level_policies(draw: st.DrawFn) -> LevelPolicy:
    times = draw(st.lists(st.integers(1, 900), max_size=5, unique=True).map(sorted))
    steps = tuple(
        Step(float(at), tuple(draw(st.lists(targets, min_size=1, max_size=3))))
        for at in (0, *times)
    )
    return LevelPolicy(steps, float(draw(st.integers(10, 600))), 60, 120)


@st.composite
def policies(draw: st.DrawFn) -> EscalationPolicy:
    levels = {level: draw(level_policies()) for level in PAGED_LEVELS}
    return EscalationPolicy("x", {**levels, Level.P3: LevelPolicy((), 0, 86400, 86400)})


shifts = st.builds(
    Shift,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.times().map(lambda t: time(t.hour, t.minute)),
    st.times().map(lambda t: time(t.hour, t.minute)),
    st.sampled_from([ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")]),
)


@st.composite
def rosters(draw: st.DrawFn, *, planned: bool = True) -> Roster:
    members = []
    for i in range(draw(st.integers(0, 7))):
        person = Person(
            PersonId(f"p{i}"),
            f"p{i}",
            draw(st.frozensets(st.sampled_from(Duty))),
            dict.fromkeys(draw(st.frozensets(st.sampled_from((*CHANNELS, "email")))), "x"),
            draw(st.frozensets(st.sampled_from(Level))),
        )
        plan = draw(st.none() | st.lists(shifts, max_size=2).map(tuple)) if planned else None
        members.append(Member(person, plan))
    return Roster(members)


available = st.frozensets(st.sampled_from(CHANNELS), min_size=1)
paged_levels = st.sampled_from(PAGED_LEVELS)
waiting = st.sampled_from([CaseStatus.OPEN, CaseStatus.ACKNOWLEDGED])


def keeps_going(climb: Climb, elapsed: float) -> bool:
    return climb.ladder.due_at is not None and climb.ladder.due_at > after(elapsed)


def reaches_anybody(roster: Roster, channels: frozenset[str]) -> bool:
    return any(channels & set(person.contacts) for person in roster.people)


def check_orders(climb: Climb, roster: Roster, channels: frozenset[str], owner: str | None) -> None:
    pairs = [(order.person_id, order.channel) for order in climb.orders]
    assert len(set(pairs)) == len(pairs)
    wide = any(note.startswith("last_resort:everybody") for note in climb.notes)
    for order in climb.orders:
        person = roster.person(order.person_id)
        assert person is not None
        assert order.channel in channels
        assert person.contacts[order.channel]
        assert wide or order.person_id == owner or climb.ladder.level in person.levels
        assert order.person_id in climb.ladder.paged
    assert len(set(climb.ladder.paged)) == len(climb.ladder.paged)


@settings(max_examples=100, deadline=None)
@given(policies(), rosters(), available, paged_levels, st.lists(seconds, max_size=6), waiting)
def test_a_waiting_case_is_never_left_without_a_next_page(
    policy: EscalationPolicy,
    roster: Roster,
    channels: frozenset[str],
    level: Level,
    moments: list[float],
    status: CaseStatus,
) -> None:
    climb = start(policy, roster, channels, level, NOW, None)
    assert keeps_going(climb, 0)
    check_orders(climb, roster, channels, None)
    case = case_with(climb.ladder, status=status, owner="p0", policy=policy)
    for moment in sorted(moments):
        was_due = case.ladder.due_at is None or case.ladder.due_at <= after(moment)
        climb = advance(roster, channels, case, after(moment))
        assert keeps_going(climb, moment)
        assert bool(climb.orders) is (was_due and reaches_anybody(roster, channels))
        assert climb.ladder.step >= case.ladder.step
        assert climb.ladder.started_at == NOW
        check_orders(climb, roster, channels, "p0")
        case = replace(case, ladder=climb.ladder)


@settings(max_examples=100, deadline=None)
@given(
    policies(),
    rosters(),
    available,
    paged_levels,
    st.integers(0, 50),
    st.none() | st.floats(-1000, 1000),
    st.floats(0, 10**6),
    waiting,
)
def test_whatever_state_a_case_was_left_in_it_goes_on(
    policy: EscalationPolicy,
    roster: Roster,
    channels: frozenset[str],
    level: Level,
    step: int,
    due: float | None,
    elapsed: float,
    status: CaseStatus,
) -> None:
    ladder = start(policy, roster, channels, level, NOW, None).ladder
    left = replace(ladder, step=step, due_at=None if due is None else after(due))
    for case_level in (level, Level.P0):
        case = case_with(left, status=status, level=case_level, policy=policy)
        climb = advance(roster, channels, case, after(elapsed))
        assert keeps_going(climb, elapsed)


@settings(max_examples=50, deadline=None)
@given(policies(), rosters(), available, st.sampled_from(Level), seconds)
def test_a_case_in_hands_is_never_paged(
    policy: EscalationPolicy,
    roster: Roster,
    channels: frozenset[str],
    level: Level,
    elapsed: float,
) -> None:
    ladder = start(policy, roster, channels, level, NOW, None).ladder
    for status in (CaseStatus.TAKEN, CaseStatus.CLOSED):
        case = case_with(ladder, status=status, policy=policy)
        assert advance(roster, channels, case, after(elapsed)) == Climb(
            replace(ladder, due_at=None)
        )


def one_by_one(case: Case, roster: Roster, channels: frozenset[str], until: float) -> list[Climb]:
    climbs = []
    while case.ladder.due_at is not None and case.ladder.due_at <= after(until):
        climb = advance(roster, channels, case, case.ladder.due_at)
        climbs.append(climb)
        case = replace(case, ladder=climb.ladder)
    return climbs


@settings(max_examples=100, deadline=None)
@given(policies(), rosters(planned=False), available, paged_levels, st.floats(0, 5000))
def test_catching_up_pages_whom_climbing_on_time_pages(
    policy: EscalationPolicy,
    roster: Roster,
    channels: frozenset[str],
    level: Level,
    late: float,
) -> None:
    ladder = start(policy, roster, channels, level, NOW, None).ladder
    case = case_with(ladder, policy=policy)
    climbs = one_by_one(case, roster, channels, late)
    at_once = advance(roster, channels, case, after(late))
    on_time = {(order.person_id, order.channel) for climb in climbs for order in climb.orders}
    assert {(order.person_id, order.channel) for order in at_once.orders} == on_time
    last = climbs[-1].ladder if climbs else ladder
    assert (at_once.ladder.step, at_once.ladder.due_at) == (last.step, last.due_at)
    assert set(at_once.ladder.paged) == set(last.paged)


@settings(max_examples=100, deadline=None)
@given(policies())
def test_any_policy_survives_being_frozen(policy: EscalationPolicy) -> None:
    assert policy_from_json(policy_to_json(policy)) == policy
