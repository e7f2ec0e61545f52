"""The roster: who there is, what they may take, and who is on duty at a given moment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from escalation.channels import KNOWN_CHANNELS, address_problem
from escalation.reading import Node, read_yaml
from safety.core.cases import Duty, Person
from safety.core.errors import Misconfigured
from safety.core.types import Level, PersonId

DEMO_ROSTER_PATH = Path(__file__).parent / "rosters" / "demo.yaml"

_DAYS = {name: i for i, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}
_DUTIES = {duty.value: duty for duty in Duty}
_LEVELS = {level.name: level for level in Level}
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_.@-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shift:
    """A weekly stretch of wall-clock time in one time zone.

    `days` are the weekdays on which it begins, Monday 0. An `ends` not after `starts` lies on the
    next day; midnight as the end means the whole rest of the day.
    """

    days: frozenset[int]
    starts: time
    ends: time
    zone: ZoneInfo

    def covers(self, at: datetime) -> bool:
        """Whether `at` (aware) falls into it. The end belongs to the next shift."""
        local = at.astimezone(self.zone)
        clock, today = local.time(), local.weekday()
        if self.starts < self.ends:
            return today in self.days and self.starts <= clock < self.ends
        if today in self.days and clock >= self.starts:
            return True
        yesterday = (local.date() - timedelta(days=1)).weekday()
        return yesterday in self.days and clock < self.ends


@dataclass(frozen=True, slots=True)
class Member:
    """A person with their weekly shifts. None means always on duty; empty means never by plan,
    but still reachable when anyone is called."""

    person: Person
    shifts: tuple[Shift, ...] | None = None

    def on_duty(self, at: datetime) -> bool:
        """Whether the plan has this person on duty at `at`."""
        return self.shifts is None or any(shift.covers(at) for shift in self.shifts)


class Roster:
    """Everybody who can be paged. Every answer keeps the order of the roster file; an empty
    answer means nobody, and is for the caller to act on."""

    def __init__(self, members: Iterable[Member]) -> None:
        self.members = tuple(members)
        self._by_id = {member.person.id: member.person for member in self.members}
        if len(self._by_id) < len(self.members):
            raise Misconfigured("roster: the same person id is given twice")

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody, qualified or not, on duty or not."""
        return tuple(member.person for member in self.members)

    def on_duty(self, duty: Duty, level: Level, at: datetime) -> tuple[Person, ...]:
        """Who is on duty as `duty` at `at` and may take `level`."""
        return tuple(
            member.person
            for member in self.members
            if duty in member.person.duties and level in member.person.levels and member.on_duty(at)
        )

    def everyone(self, level: Level) -> tuple[Person, ...]:
        """Whoever may take `level`, on duty or not."""
        return tuple(person for person in self.people if level in person.levels)

    def person(self, person_id: PersonId) -> Person | None:
        """The person with this id; None when there is none (any more)."""
        return self._by_id.get(person_id)


def load_roster(path: Path = DEMO_ROSTER_PATH) -> Roster:
    """The roster in a YAML file. Raises Misconfigured naming the place."""
    return read_roster(read_yaml(path))


def read_roster(node: Node) -> Roster:
    """The roster in a node. Raises Misconfigured naming the place."""
    fields = node.fields({"people"}, {"zone"})
    zone = _zone(fields["zone"]) if "zone" in fields else None
    members = tuple(_member(item, zone) for item in fields["people"].items())
    if not members:
        raise fields["people"].wrong("names nobody; a roster without people cannot be served")
    seen: set[PersonId] = set()
    for i, member in enumerate(members):
        if member.person.id in seen:
            raise Misconfigured(
                f"{node.place}.people[{i}].id: {member.person.id!r} is taken already"
            )
        seen.add(member.person.id)
    return Roster(members)


def _member(node: Node, zone: ZoneInfo | None) -> Member:
    fields = node.fields({"id", "name", "duties", "contacts"}, {"levels", "shifts"})
    levels = (
        fields["levels"].each(lambda item: item.one_of(_LEVELS)) if "levels" in fields else Level
    )
    person = Person(
        id=_person_id(fields["id"]),
        name=fields["name"].text(),
        duties=frozenset(fields["duties"].each(lambda item: item.one_of(_DUTIES))),
        contacts=_contacts(fields["contacts"]),
        levels=frozenset(levels),
    )
    if "shifts" not in fields:
        return Member(person)
    return Member(person, fields["shifts"].each(lambda item: _shift(item, zone)))


def _person_id(node: Node) -> PersonId:
    text = node.text()
    if not _ID.fullmatch(text):
        raise node.wrong("may hold letters, digits and _ . @ - only, 64 at most")
    return PersonId(text)


def _contacts(node: Node) -> dict[str, str]:
    contacts: dict[str, str] = {}
    for channel, item in node.entries().items():
        if channel not in KNOWN_CHANNELS:
            known = ", ".join(sorted(KNOWN_CHANNELS))
            raise item.wrong(f"is not a channel; the channels are {known}")
        problem = address_problem(channel, item.text())
        if problem is not None:
            raise item.wrong(f"cannot be used as an address ({problem})")
        contacts[channel] = item.text()
    return contacts


def _shift(node: Node, zone: ZoneInfo | None) -> Shift:
    fields = node.fields({"days", "from", "to"}, {"zone"})
    own = _zone(fields["zone"]) if "zone" in fields else zone
    if own is None:
        raise node.wrong("zone is missing here and at the top of the roster")
    days = frozenset(fields["days"].each(lambda item: item.one_of(_DAYS)))
    if not days:
        raise fields["days"].wrong("must name a weekday")
    starts, ends = _wall_time(fields["from"]), _wall_time(fields["to"], end=True)
    if fields["from"].value == fields["to"].value:
        raise fields["to"].wrong(
            'must differ from the beginning; a whole day is "00:00" to "24:00"'
        )
    return Shift(days, starts, ends, own)


def _wall_time(node: Node, *, end: bool = False) -> time:
    if end and node.value == "24:00":
        return time(0)
    # YAML reads an unquoted 22:00 as the number 1320, so only text is taken
    match = _TIME.fullmatch(node.value) if isinstance(node.value, str) else None
    if match is None:
        raise node.wrong('must be a time of day in quotes, such as "22:00"')
    return time(int(match[1]), int(match[2]))


def _zone(node: Node) -> ZoneInfo:
    name = node.text()
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as problem:
        raise node.wrong(f"{name!r} is not an IANA time zone known here") from problem
