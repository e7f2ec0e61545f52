"""The ladder: who is paged when. Pure decisions over a policy, a roster and a moment.

A ladder of an open case never ends: the last rung repeats, and where the roster has nobody for it
the call goes out wider. Rungs beyond the last index count its repeats, so that every page of a
case at one level has a step of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from escalation.roster import Roster
from safety.core.cases import (
    Case,
    CaseStatus,
    Climb,
    EscalationPolicy,
    Ladder,
    LevelPolicy,
    Page,
    PageOrder,
    Person,
    Target,
)
from safety.core.types import Level, PersonId

FIRST_WORDS_GRACE_S = {Level.P0: 60.0, Level.P1: 180.0}
"""How long an acknowledgement may stay without a first message, at most (R-ESC-04)."""


def start(
    policy: EscalationPolicy,
    roster: Roster,
    channels: frozenset[str],
    level: Level,
    now: datetime,
    before: Ladder | None,
) -> Climb:
    """The first climb at `level`. With the first three arguments bound it is a StartLadder.

    `channels` are those that have a notifier. A ladder never falls by itself: when `before`
    stands at `level` or above, it comes back as it is.
    """
    if before is not None and before.level <= level:
        return Climb(before)
    ladder = Ladder(level, started_at=now, step=0, paged=(), due_at=None)
    rules = policy.levels[level]
    if not rules.steps:
        return Climb(ladder)
    due_at = now + timedelta(seconds=rules.steps[0].after_s)
    return _Climber(rules, roster, channels, replace(ladder, due_at=due_at), now).climb()


def advance(roster: Roster, channels: frozenset[str], case: Case, now: datetime) -> Climb:
    """Every rung that is due at `now`. With the first two arguments bound it is a ClimbLadder.

    The policy is the one frozen into the case. A case that is open or merely acknowledged always
    leaves with a later `due_at`, even if it came without one.
    """
    ladder = case.ladder
    if case.status in (CaseStatus.TAKEN, CaseStatus.CLOSED):
        return Climb(replace(ladder, due_at=None))
    if case.level < ladder.level:
        return start(case.policy, roster, channels, case.level, now, ladder)
    rules = case.policy.levels[ladder.level]
    if not rules.steps:
        return Climb(replace(ladder, due_at=None))
    notes = []
    if ladder.due_at is None:
        ladder = replace(ladder, due_at=now)
        notes.append("timer_missing")
    climber = _Climber(rules, roster, channels, ladder, now, notes=notes)
    if case.status is CaseStatus.ACKNOWLEDGED and climber.is_due:
        notes.append("acknowledged_without_first_words")
        climber.page_owner(case.owner)
    return climber.climb()


def after_acknowledge(policy: EscalationPolicy, level: Level, now: datetime) -> datetime | None:
    """When to climb again unless a first message went out by then: an acknowledgement only
    pauses the ladder. None for a level without pages."""
    rules = policy.levels[level]
    if not rules.steps:
        return None
    grace = min(rules.accept_s, FIRST_WORDS_GRACE_S.get(level, rules.accept_s))
    return now + timedelta(seconds=grace)


def after_undeliverable(case: Case, page: Page, now: datetime) -> datetime | None:
    """The case's new `due_at` once `page` is known to be undeliverable: at once, or unchanged.

    Unchanged when the ladder has left that rung already, when somebody is about to answer, and on
    the repeats: a wrong number on the last rung must not turn it into a storm.
    """
    ladder = case.ladder
    if ladder.due_at is None or case.status is not CaseStatus.OPEN:
        return ladder.due_at
    newest = page.level is ladder.level and page.step == ladder.step - 1
    rung_left = ladder.step < len(case.policy.levels[ladder.level].steps)
    return min(ladder.due_at, now) if newest and rung_left else ladder.due_at


@dataclass(slots=True)
class _Climber:
    """One climb in the making. `paged` is kept least recently paged first."""

    rules: LevelPolicy
    roster: Roster
    channels: frozenset[str]
    ladder: Ladder
    now: datetime
    notes: list[str] = field(default_factory=list)
    orders: dict[tuple[PersonId, str], PageOrder] = field(default_factory=dict)

    @property
    def is_due(self) -> bool:
        return self.ladder.due_at is not None and self.ladder.due_at <= self.now

    @property
    def last(self) -> int:
        return len(self.rules.steps) - 1

    def climb(self) -> Climb:
        """Climb whatever is due. Who is on duty is asked as of now: whoever was on duty when a
        late rung fell due may have gone home."""
        repeats = 0
        while self.is_due:
            repeats += self.ladder.step > self.last
            if repeats > len(self.roster.people) + 1:
                self._skip_missed_repeats()
                break
            self._climb_one()
        return Climb(self.ladder, tuple(self.orders.values()), tuple(dict.fromkeys(self.notes)))

    def page_owner(self, owner: PersonId | None) -> None:
        """Page whoever acknowledged, over the channels of the rung that is due."""
        person = None if owner is None else self.roster.person(owner)
        if person is None or not self._page([person], self._channels_of(self.ladder.step)):
            self.notes.append(f"unreachable:{owner or 'no_owner'}")

    def _climb_one(self) -> None:
        step = self.ladder.step
        reached = False
        for target in self._targets(step):
            reached |= self._page(self._choose(target, note=True), target.channels)
        if not reached and step < self.last:
            self.ladder = replace(self.ladder, step=step + 1)
            return
        if not reached:
            self._last_resort()
        self._leave(step)

    def _leave(self, step: int) -> None:
        """The next rung keeps its distance from this one, so a rung that was pulled forward pulls
        the rest along, and a late loop does not push them back."""
        assert self.ladder.due_at is not None
        due_at = self.ladder.due_at + timedelta(seconds=self._pause_after(step))
        self.ladder = replace(self.ladder, step=step + 1, due_at=due_at)

    def _pause_after(self, step: int) -> float:
        if step >= self.last:
            return max(self.rules.repeat_s, 1.0)
        return self.rules.steps[step + 1].after_s - self.rules.steps[step].after_s

    def _skip_missed_repeats(self) -> None:
        """After a long standstill everybody has been paged by now; only the count moves on."""
        assert self.ladder.due_at is not None
        pause = timedelta(seconds=self._pause_after(self.last))
        missed = (self.now - self.ladder.due_at) // pause + 1
        self.ladder = replace(
            self.ladder, step=self.ladder.step + missed, due_at=self.ladder.due_at + missed * pause
        )
        self.notes.append(f"repeats_missed:{missed}")

    def _last_resort(self) -> None:
        """The last rung has nobody. Then everybody qualified; if the roster has nobody for any
        rung, everybody at all: an unqualified colleague can still wake the right one."""
        channels = self._channels_of(self.last)
        somewhere = any(
            self._choose(target) for step in self.rules.steps for target in step.targets
        )
        people = self.roster.everyone(self.ladder.level) if somewhere else self.roster.people
        if self._page(people, channels):
            self.notes.append(f"last_resort:{'qualified' if somewhere else 'everybody'}")
        else:
            self.notes.append("unreachable:nobody_in_roster")

    def _choose(self, target: Target, *, note: bool = False) -> list[Person]:
        """Whom a target means now: those not paged yet, then those paged longest ago. Where fewer
        are left than it asks for, it reminds some who were paged before."""
        level = self.ladder.level
        if target.anyone:
            present = self.roster.everyone(level)
        else:
            present = self.roster.on_duty(target.duty, level, self.now)
        people = [person for person in present if self._contacts(person, target.channels)]
        if note:
            self._note_shortage(target, present, people)
        turn = {person_id: i for i, person_id in enumerate(self.ladder.paged)}
        people.sort(key=lambda person: turn.get(person.id, -1))
        return people[: target.count] if target.count else people

    def _note_shortage(
        self, target: Target, present: tuple[Person, ...], people: list[Person]
    ) -> None:
        whom = "anyone" if target.anyone else target.duty.value
        if not present:
            self.notes.append(f"nobody_on_duty:{whom}")
        elif not people:
            self.notes.append(f"nobody_reachable:{whom}")
        elif len(people) < target.count:
            self.notes.append(f"too_few_on_duty:{whom}")

    def _page(self, people: Iterable[Person], channels: Iterable[str]) -> bool:
        """Order pages for `people`; false when that reaches nobody. An order that this climb
        holds already is not made twice."""
        listed = tuple(channels)
        reached = False
        for person in people:
            contacts = self._contacts(person, listed)
            for channel in contacts:
                order = PageOrder(person.id, channel, self.ladder.step)
                self.orders.setdefault((person.id, channel), order)
            if contacts:
                reached = True
                others = tuple(each for each in self.ladder.paged if each != person.id)
                self.ladder = replace(self.ladder, paged=(*others, person.id))
        return reached

    def _contacts(self, person: Person, listed: tuple[str, ...]) -> tuple[str, ...]:
        usable = [channel for channel in person.contacts if channel in self.channels]
        wanted = tuple(dict.fromkeys(channel for channel in listed if channel in usable))
        return wanted or tuple(sorted(usable))

    def _targets(self, step: int) -> tuple[Target, ...]:
        return self.rules.steps[min(step, self.last)].targets

    def _channels_of(self, step: int) -> tuple[str, ...]:
        targets = self._targets(step)
        return tuple(dict.fromkeys(itertools.chain.from_iterable(t.channels for t in targets)))
