from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from escalation.roster import Member, Roster, load_roster, read_roster
from safety.core.cases import Duty
from safety.core.errors import Misconfigured
from safety.core.types import Level, PersonId

from .builders import NOW, counsellor, node


def roster(people: str, zone: str = "Asia/Shanghai") -> Roster:
    return read_roster(node(f"zone: {zone}\npeople:\n{people}"))


def one(shifts: str, zone: str = "Asia/Shanghai") -> Roster:
    return roster(
        "  - {id: a, name: 甲, duties: [counsellor], contacts: {console: a}, "
        f"shifts: {shifts}}}\n",
        zone,
    )


def on_duty(given: Roster, at: str) -> bool:
    moment = datetime.fromisoformat(at)
    return bool(given.on_duty(Duty.COUNSELLOR, Level.P0, moment))


def test_the_demo_roster_has_every_duty() -> None:
    demo = load_roster()
    count = {duty: len(demo.on_duty(duty, Level.P0, NOW)) for duty in Duty}
    assert count == {
        Duty.COUNSELLOR: 3,
        Duty.SUPERVISOR: 1,
        Duty.LEAD: 1,
        Duty.DUTY_MANAGER: 1,
    }
    assert all(set(person.contacts) == {"console"} for person in demo.people)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-05T22:00:00+08:00", True),  # a Thursday
        ("2026-03-05T21:59:59+08:00", False),
        ("2026-03-06T05:59:59+08:00", True),
        ("2026-03-06T06:00:00+08:00", False),
        ("2026-03-06T23:00:00+08:00", False),
        ("2026-03-05T15:00:00+00:00", True),  # the same shift, told in UTC
        ("2026-03-05T05:00:00+08:00", False),  # Wednesday's night is not in the plan
    ],
)
def test_a_night_shift_belongs_to_the_day_it_begins(at: str, expected: bool) -> None:
    assert on_duty(one('[{days: [thu], from: "22:00", to: "06:00"}]'), at) is expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-05T00:00:00+08:00", True),
        ("2026-03-05T23:59:59+08:00", True),
        ("2026-03-06T00:00:00+08:00", False),
        ("2026-03-04T23:59:59+08:00", False),
    ],
)
def test_a_whole_day(at: str, expected: bool) -> None:
    assert on_duty(one('[{days: [thu], from: "00:00", to: "24:00"}]'), at) is expected


def test_the_end_of_a_shift_belongs_to_the_next() -> None:
    day = one('[{days: [thu], from: "08:00", to: "20:00"}]')
    assert on_duty(day, "2026-03-05T08:00:00+08:00")
    assert on_duty(day, "2026-03-05T19:59:59+08:00")
    assert not on_duty(day, "2026-03-05T20:00:00+08:00")


def test_shifts_follow_the_clocks_of_their_zone() -> None:
    berlin = one('[{days: [sun, mon], from: "08:00", to: "09:00"}]', "Europe/Berlin")
    assert on_duty(berlin, "2026-03-29T06:30:00+00:00")  # summer time since that morning
    assert not on_duty(berlin, "2026-03-29T07:30:00+00:00")
    assert on_duty(berlin, "2026-10-26T07:30:00+00:00")


def test_no_shift_list_is_always_and_an_empty_one_never() -> None:
    always = roster("  - {id: a, name: 甲, duties: [counsellor], contacts: {console: a}}\n")
    assert on_duty(always, "2026-03-05T03:00:00+08:00")
    never = one("[]")
    assert not on_duty(never, "2026-03-05T03:00:00+08:00")
    assert never.everyone(Level.P0) == never.people


def test_nobody_is_an_empty_answer() -> None:
    empty = Roster(())
    assert empty.on_duty(Duty.LEAD, Level.P0, NOW) == ()
    assert empty.everyone(Level.P0) == ()
    assert empty.person(PersonId("a")) is None


def test_only_the_qualified_are_named() -> None:
    given = roster(
        "  - {id: b, name: 乙, duties: [counsellor], levels: [P2, P3], contacts: {console: b}}\n"
        "  - {id: a, name: 甲, duties: [counsellor], contacts: {console: a}}\n"
        "  - {id: n, name: 新, duties: [counsellor], levels: [], contacts: {console: n}}\n"
    )
    assert [p.id for p in given.on_duty(Duty.COUNSELLOR, Level.P0, NOW)] == ["a"]
    assert [p.id for p in given.on_duty(Duty.COUNSELLOR, Level.P2, NOW)] == ["b", "a"]
    assert [p.id for p in given.everyone(Level.P3)] == ["b", "a"]
    assert len(given.people) == 3
    assert given.person(PersonId("n")) is not None


@pytest.mark.parametrize(
    ("person", "complaint"),
    [
        ("{name: 甲, duties: [lead], contacts: {}}", r"people\[0\]: id is missing"),
        ("{id: 'a b', name: 甲, duties: [lead], contacts: {}}", r"people\[0\]\.id"),
        ("{id: a, name: 甲, duties: [cook], contacts: {}}", r"duties\[0\]: must be one of"),
        ("{id: a, name: 甲, duties: [lead], levels: [P4], contacts: {}}", r"levels\[0\]"),
        ("{id: a, name: 甲, duties: [lead], contacts: {fax: x}}", r"contacts\.fax: is not a"),
        ("{id: a, name: 甲, duties: [lead], contacts: {sms: ''}}", r"contacts\.sms"),
        ("{id: a, name: 甲, duties: [lead], contacts: {sms: 139}}", r"contacts\.sms"),
        ("{id: a, name: 甲, duties: [lead], contacts: {webhook: 'http://x.cn/'}}", "insecure_url"),
        ("{id: a, name: 甲, duties: [lead], contacts: {}, shift: []}", "does not know 'shift'"),
    ],
)
def test_what_no_person_may_say(person: str, complaint: str) -> None:
    with pytest.raises(Misconfigured, match=complaint):
        roster(f"  - {person}\n")


@pytest.mark.parametrize(
    ("shift", "complaint"),
    [
        ("{days: [thu], from: 22:00, to: '06:00'}", r"from: must be a time of day in quotes"),
        ("{days: [thu], from: '24:00', to: '06:00'}", r"from: must be a time"),
        ("{days: [thu], from: '22:00', to: '25:00'}", r"to: must be a time"),
        ("{days: [thu], from: '22:00', to: '22:00'}", "must differ"),
        ("{days: [thu], from: '２2:00', to: '23:00'}", "must be a time"),
        ("{days: [], from: '22:00', to: '23:00'}", "must name a weekday"),
        ("{days: [someday], from: '22:00', to: '23:00'}", r"days\[0\]"),
        ("{days: [thu], from: '22:00', to: '23:00', zone: Mars/Base}", "not an IANA time zone"),
        ("{days: [thu], from: '22:00', to: '23:00', zone: ../etc}", "not an IANA time zone"),
        ("{days: [thu], from: '22:00', to: '23:00', zone: Asia}", "not an IANA time zone"),
    ],
)
def test_what_no_shift_may_say(shift: str, complaint: str) -> None:
    with pytest.raises(Misconfigured, match=complaint):
        one(f"[{shift}]")


def test_a_shift_needs_a_zone_from_somewhere() -> None:
    text = "people: [{id: a, name: 甲, duties: [lead], contacts: {}, shifts: [%s]}]"
    bare = "{days: [thu], from: '22:00', to: '23:00'}"
    with pytest.raises(Misconfigured, match="zone is missing"):
        read_roster(node(text % bare))
    own = bare.replace("}", ", zone: Asia/Shanghai}")
    assert read_roster(node(text % own)).members[0].shifts


def test_nobody_and_twins_are_refused() -> None:
    with pytest.raises(Misconfigured, match="names nobody"):
        read_roster(node("people: []"))
    twin = "  - {id: a, name: 甲, duties: [lead], contacts: {}}\n"
    with pytest.raises(Misconfigured, match=r"people\[1\]\.id: 'a' is taken"):
        roster(twin + twin)
    with pytest.raises(Misconfigured, match="twice"):
        Roster([Member(counsellor("a")), Member(counsellor("a"))])


def test_shifts_that_meet_leave_no_moment_out() -> None:
    week = "[mon, tue, wed, thu, fri, sat, sun]"
    given = one(
        f'[{{days: {week}, from: "08:00", to: "20:00"}}, '
        f'{{days: {week}, from: "20:00", to: "08:00"}}]'
    )
    assert all(
        given.on_duty(Duty.COUNSELLOR, Level.P0, NOW + timedelta(minutes=7 * i))
        for i in range(1500)
    )
