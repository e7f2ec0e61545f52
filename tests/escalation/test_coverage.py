from __future__ import annotations

from datetime import datetime, timedelta

from escalation.coverage import coverage_gaps, roster_findings
from escalation.roster import Member, Roster, load_roster, read_roster
from safety.core.cases import Duty
from safety.core.types import Level

from .builders import CONSOLE, NOW, counsellor, node, person, roster_of

THURSDAY = datetime.fromisoformat("2026-03-05T12:00:00+08:00")
WEEK = "[mon, tue, wed, thu, fri, sat, sun]"


def planned(*shifts: str, levels: str = "[P0, P1, P2, P3]") -> Roster:
    people = "".join(
        f"  - {{id: c{i}, name: 甲, duties: [counsellor], levels: {levels}, "
        f"contacts: {{console: a}}, shifts: [{shift}]}}\n"
        for i, shift in enumerate(shifts)
    )
    return read_roster(node(f"zone: Asia/Shanghai\npeople:\n{people}"))


def test_the_demo_roster_covers_everything() -> None:
    assert roster_findings(load_roster(), NOW, 7, CONSOLE) == ()


def test_a_night_gap_is_found_to_the_minute() -> None:
    given = planned(
        f'{{days: {WEEK}, from: "08:00", to: "01:40"}}',
        f'{{days: {WEEK}, from: "05:10", to: "08:00"}}',
    )
    assert roster_findings(given, THURSDAY, 1) == (
        "No counsellor for P0 from 2026-03-06 01:40 to 2026-03-06 05:10.",
        "No counsellor for P1 from 2026-03-06 01:40 to 2026-03-06 05:10.",
    )


def test_one_gap_is_one_finding_however_long() -> None:
    gaps = coverage_gaps(Roster(()), NOW, 3)
    assert [(gap.level, gap.starts, gap.ends) for gap in gaps] == [
        (Level.P0, NOW, NOW + timedelta(days=3)),
        (Level.P1, NOW, NOW + timedelta(days=3)),
    ]


def test_a_gap_at_one_level_only() -> None:
    given = planned(f'{{days: {WEEK}, from: "00:00", to: "24:00"}}', levels="[P1]")
    assert {gap.level for gap in coverage_gaps(given, NOW, 1)} == {Level.P0}


def test_an_hour_lost_to_summer_time_makes_no_gap_and_one_gained_is_seen() -> None:
    text = (
        "zone: Europe/Berlin\npeople:\n"
        "  - {id: a, name: A, duties: [counsellor], contacts: {console: a}, shifts: "
        f'[{{days: {WEEK}, from: "03:00", to: "02:00"}}]}}\n'
    )
    given = read_roster(node(text))
    spring = coverage_gaps(given, datetime.fromisoformat("2026-03-28T12:00:00+01:00"), 1)
    assert spring == ()  # 02:00 to 03:00 does not exist that night
    autumn = coverage_gaps(given, datetime.fromisoformat("2026-10-24T12:00:00+02:00"), 1)
    assert [gap.ends - gap.starts for gap in autumn] == [timedelta(hours=2)] * 2


def test_a_border_inside_an_hour_that_happens_twice_is_seen_twice() -> None:
    text = (
        "zone: Europe/Berlin\npeople:\n"
        "  - {id: a, name: A, duties: [counsellor], contacts: {console: a}, shifts: "
        f'[{{days: {WEEK}, from: "03:00", to: "02:10"}}]}}\n'
    )
    midday = datetime.fromisoformat("2026-10-24T12:00:00+02:00")
    gaps = coverage_gaps(read_roster(node(text)), midday, 1)
    assert [gap.ends - gap.starts for gap in gaps] == [timedelta(minutes=50)] * 4


def test_whoever_cannot_be_reached_covers_nothing() -> None:
    silent = roster_of(counsellor("c1", contacts={}), person("m1", Duty.DUTY_MANAGER))
    findings = roster_findings(silent, THURSDAY, 1)
    assert findings[0] == "c1 is on the roster but cannot be reached: no contact."
    assert len(findings) == 3


def test_a_contact_counts_only_where_its_channel_is_connected() -> None:
    given = Roster([Member(counsellor("c1", contacts={"sms": "1"}))])
    assert roster_findings(given, NOW, 1, frozenset({"sms"})) == ()
    assert len(roster_findings(given, NOW, 1, CONSOLE)) == 3
