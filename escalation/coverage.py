"""Coverage: the hours for which a roster has nobody, and the people nobody can reach (R-ESC-10)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from escalation.roster import Roster, Shift
from safety.core.cases import Duty
from safety.core.types import Level

_STRIDE = timedelta(minutes=30)
_WATCHED = (Level.P0, Level.P1)


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of time in which no counsellor who may take `level` can be reached."""

    level: Level
    starts: datetime
    ends: datetime


def coverage_gaps(
    roster: Roster, now: datetime, days: int, channels: frozenset[str] | None = None
) -> tuple[Gap, ...]:
    """The gaps at P0 and P1 in the `days` days from `now`, in order of level and time.

    A counsellor without a contact covers nothing. `channels` narrows what counts as a contact to
    the channels that are really connected.
    """
    moments = _moments(roster, now, now + timedelta(days=days))
    return tuple(gap for level in _WATCHED for gap in _gaps_of(roster, level, moments, channels))


def roster_findings(
    roster: Roster, now: datetime, days: int, channels: frozenset[str] | None = None
) -> tuple[str, ...]:
    """What is wrong with the roster, one plain sentence each; empty when it covers everything.

    Times are given in the time zone of `now`.
    """
    gaps = coverage_gaps(roster, now, days, channels)
    unreachable = [p.id for p in roster.people if not _reachable(p.contacts, channels)]
    return (
        *(
            f"{person} is on the roster but cannot be reached: no contact."
            for person in unreachable
        ),
        *(_sentence(gap, now) for gap in gaps),
    )


def _sentence(gap: Gap, now: datetime) -> str:
    first, last = (
        f"{moment.astimezone(now.tzinfo):%Y-%m-%d %H:%M}" for moment in (gap.starts, gap.ends)
    )
    return f"No counsellor for {gap.level.name} from {first} to {last}."


def _gaps_of(
    roster: Roster, level: Level, moments: list[datetime], channels: frozenset[str] | None
) -> list[Gap]:
    gaps: list[Gap] = []
    for starts, ends in itertools.pairwise(moments):
        on_duty = roster.on_duty(Duty.COUNSELLOR, level, starts)
        if any(_reachable(person.contacts, channels) for person in on_duty):
            continue
        if gaps and gaps[-1].ends == starts:
            starts = gaps.pop().starts  # noqa: PLW2901  # one gap, seen in two pieces
        gaps.append(Gap(level, starts, ends))
    return gaps


def _reachable(contacts: Iterable[str], channels: frozenset[str] | None) -> bool:
    return any(channels is None or channel in channels for channel in contacts)


def _moments(roster: Roster, first: datetime, last: datetime) -> list[datetime]:
    """Moments between which nobody comes or goes: the shift borders, and every half hour because
    clocks are changed at one."""
    first, last = first.astimezone(UTC), last.astimezone(UTC)
    moments = {first, last}
    moment = first.replace(minute=0, second=0, microsecond=0)
    while moment < last:
        moments.add(moment)
        moment += _STRIDE
    shifts = {shift for member in roster.members for shift in member.shifts or ()}
    for shift in shifts:
        moments.update(_borders(shift, first, last))
    return sorted(moment for moment in moments if first <= moment <= last)


def _borders(shift: Shift, first: datetime, last: datetime) -> list[datetime]:
    day = first.astimezone(shift.zone).date()
    borders = []
    while day <= last.astimezone(shift.zone).date():
        for clock in (shift.starts, shift.ends):
            # an hour that a clock change repeats has two borders
            borders += [
                datetime.combine(day, clock.replace(fold=fold), shift.zone).astimezone(UTC)
                for fold in (0, 1)
            ]
        day += timedelta(days=1)
    return borders
