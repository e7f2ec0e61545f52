"""The dispatcher: climbs ladders, claims pages, sends them, writes down what came of it.

No transaction is open while a page is sent. A crash between sending and settling leaves the
lease to run out, and the page goes out again marked as a repeat: twice is better than never.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future

from escalation.roster import Roster
from escalation.sending import Lanes
from safety.core.cases import Page
from safety.core.errors import SafetyError, Unavailable, Undeliverable
from safety.core.ports import (
    Checkpoint,
    ClimbLadder,
    Clock,
    Notifier,
    Outcome,
    PageDesk,
    nowhere,
)


class Dispatcher:
    """One of any number of dispatchers at a desk. `run_once` and `close` belong to one thread.

    `lease_s` must be well above the time a notifier may take. `width` is how many pages of one
    channel and level are sent at once; `patience_s` how long a round waits for channels before
    it goes on: what is still under way then is settled by a later round.
    """

    def __init__(
        self,
        desk: PageDesk,
        notifiers: Mapping[str, Notifier],
        roster: Roster,
        climb: ClimbLadder,
        clock: Clock,
        checkpoint: Checkpoint = nowhere,
        *,
        lease_s: float = 30.0,
        limit: int = 100,
        width: int = 8,
        patience_s: float = 0.5,
    ) -> None:
        self._desk = desk
        self._notifiers = notifiers
        self._roster = roster
        self._climb = climb
        self._clock = clock
        self._checkpoint = checkpoint
        self._lease_s = lease_s
        self._limit = limit
        self._patience_s = patience_s
        self._lanes = Lanes(self._send, clock, lease_s, width)

    def run_once(self) -> int:
        """One round. Returns how many cases climbed and how many pages were claimed and settled;
        0 means that there was nothing to do.

        A step that fails does not keep the later ones from happening: a ladder that cannot climb
        must not hold back pages that are written already. The worst error is raised at the end.
        """
        problems: list[BaseException] = []
        work = self._climb_due(problems)
        work += self._claim(problems)
        work += self._settle_done(self._patience_s, problems)
        _raise_worst(problems)
        return work

    def close(self) -> None:
        """Wait for the pages under way and settle them."""
        problems: list[BaseException] = []
        self._lanes.close()
        self._settle_done(0.0, problems)
        _raise_worst(problems)

    def _climb_due(self, problems: list[BaseException]) -> int:
        try:
            climbed = self._desk.climb_due(self._clock.now(), self._limit, self._climb)
        except SafetyError as problem:
            problems.append(problem)
            return 0
        self._checkpoint("climbed")
        return climbed

    def _claim(self, problems: list[BaseException]) -> int:
        try:
            pages = self._desk.claim(self._clock.now(), self._lease_s, self._limit)
        except SafetyError as problem:
            problems.append(problem)
            return 0
        self._checkpoint("claimed")
        for page in pages:
            self._lanes.submit(page)
        return len(pages)

    def _settle_done(self, patience_s: float, problems: list[BaseException]) -> int:
        settled = 0
        for page, future in self._lanes.collect(patience_s):
            unforeseen = future.exception()
            if unforeseen is not None:
                # not an outcome: the page stays with its lease, and the error goes up
                problems.append(unforeseen)
                continue
            self._checkpoint("sent")
            settled += self._settle(page, future, problems)
        return settled

    def _settle(self, page: Page, future: Future[Outcome], problems: list[BaseException]) -> int:
        try:
            self._desk.settle(page, future.result(), self._clock.now())
        except SafetyError as problem:
            problems.append(problem)
            return 0
        self._checkpoint("settled")
        return 1

    def _send(self, page: Page) -> Outcome:
        """Runs on a thread of its own. Any error but those two is nobody's plan and propagates."""
        notifier = self._notifiers.get(page.channel)
        if notifier is None:
            return Outcome(error="no_notifier", undeliverable=True)
        person = self._roster.person(page.person_id)
        if person is None:
            return Outcome(error="unknown_person", undeliverable=True)
        if not person.contacts.get(page.channel):
            return Outcome(error="no_contact", undeliverable=True)
        try:
            return Outcome(receipt=notifier.send(page, person))
        except Undeliverable as problem:
            return Outcome(error=str(problem), undeliverable=True)
        except Unavailable as problem:
            return Outcome(error=str(problem))


def _raise_worst(problems: list[BaseException]) -> None:
    """Raise an unforeseen error rather than one that says to try again, and let it mention the
    others: none of them may go unheard."""
    if not problems:
        return
    worst, *others = sorted(problems, key=lambda problem: isinstance(problem, SafetyError))
    for other in others:
        worst.add_note(f"also: {type(other).__name__}: {other}")
    raise worst
