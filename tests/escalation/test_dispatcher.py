from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from escalation.dispatcher import Dispatcher
from escalation.ladder import advance
from escalation.roster import Roster
from safety.core.cases import Case, Page, PageState, Person, Receipt
from safety.core.errors import (
    Misconfigured,
    NotifierUnavailable,
    SafetyError,
    StoreUnavailable,
    Undeliverable,
)
from safety.core.ports import ClimbLadder, Notifier, Outcome, PageDesk, nowhere
from safety.core.types import Level, PageId

from .builders import (
    CONSOLE,
    FakeClock,
    after,
    counsellor,
    full_roster,
    opened,
    page_for,
    roster_of,
)


@dataclass
class MemoryDesk:
    """A desk as the port describes it, for one case."""

    case: Case | None = None
    pages: dict[PageId, Page] = field(default_factory=dict)
    leased: dict[PageId, datetime] = field(default_factory=dict)
    settled: list[tuple[Page, Outcome]] = field(default_factory=list)
    trouble: dict[str, list[SafetyError]] = field(default_factory=dict)

    def add(self, *pages: Page) -> None:
        self.pages.update({page.id: page for page in pages})

    def _maybe_fail(self, where: str) -> None:
        if self.trouble.get(where):
            raise self.trouble[where].pop(0)

    def climb_due(self, now: datetime, limit: int, climb: ClimbLadder) -> int:
        self._maybe_fail("climb_due")
        due_at = None if self.case is None else self.case.ladder.due_at
        if self.case is None or due_at is None or due_at > now:
            return 0
        climbed = climb(self.case, now)
        self.case = replace(self.case, ladder=climbed.ladder)
        for order in climbed.orders:
            page_id = f"{order.person_id}-{order.channel}-{order.step}"
            level, step = self.case.level, order.step
            self.add(page_for(order.person_id, page_id=page_id, level=level, step=step))
        return 1

    def claim(self, now: datetime, lease_s: float, limit: int) -> list[Page]:
        self._maybe_fail("claim")
        for page_id, until in self.leased.items():
            if until <= now:
                old = self.pages[page_id]
                self.pages[page_id] = replace(old, attempt=old.attempt + 1, is_repeat=True)
        free = [p for p in self.pages.values() if self.leased.get(p.id, now) <= now]
        taken = sorted(free, key=lambda page: page.level)[:limit]
        self.leased.update({page.id: now + timedelta(seconds=lease_s) for page in taken})
        return taken

    def settle(self, page: Page, outcome: Outcome, now: datetime) -> None:
        self._maybe_fail("settle")
        current = self.pages.get(page.id)
        if current is not None and current.attempt == page.attempt:
            self.settled.append((page, outcome))
            del self.pages[page.id], self.leased[page.id]


@dataclass
class ScriptedNotifier:
    """Does what `act` does, after noting what it was given."""

    act: Callable[[Page], None] = lambda page: None
    channel: str = "console"
    sent: list[Page] = field(default_factory=list)

    def send(self, page: Page, person: Person) -> Receipt:
        self.sent.append(page)
        self.act(page)
        return Receipt(f"ref-{page.id}-{page.attempt}")


def failing(problem: BaseException) -> ScriptedNotifier:
    def act(_page: Page) -> None:
        raise problem

    return ScriptedNotifier(act)


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Room:
    desk: MemoryDesk = field(default_factory=MemoryDesk)
    roster: Roster = field(default_factory=full_roster)
    clock: FakeClock = field(default_factory=FakeClock)
    seams: list[str] = field(default_factory=list)

    def dispatcher(
        self,
        *notifiers: Notifier,
        checkpoint: Callable[[str], None] | None = None,
        lease_s: float = 30.0,
        patience_s: float = 5.0,
        width: int = 2,
    ) -> Dispatcher:
        desk: PageDesk = self.desk
        return Dispatcher(
            desk,
            {notifier.channel: notifier for notifier in notifiers},
            self.roster,
            partial(advance, self.roster, CONSOLE),
            self.clock,
            self.seams.append if checkpoint is None else checkpoint,
            lease_s=lease_s,
            patience_s=patience_s,
            width=width,
        )

    def outcomes(self) -> dict[str, Outcome]:
        return {page.id: outcome for page, outcome in self.desk.settled}


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Whatever waits for it is let go at the end, so that no thread outlives its test."""
    event = threading.Event()
    yield event
    event.set()


def test_one_round_climbs_claims_sends_and_settles(room: Room) -> None:
    room.desk.case = opened(Level.P0, room.roster)
    room.clock.at = after(60)
    notifier = ScriptedNotifier()
    assert room.dispatcher(notifier).run_once() == 5
    assert sorted(page.person_id for page in notifier.sent) == ["c3", "c4"]
    assert room.seams == ["climbed", "claimed", "sent", "settled", "sent", "settled"]
    receipt = room.outcomes()["c3-console-1"].receipt
    assert receipt == Receipt("ref-c3-console-1-1", PageState.SENT)


def test_an_idle_round_is_zero(room: Room) -> None:
    assert room.dispatcher(ScriptedNotifier()).run_once() == 0


@pytest.mark.parametrize(
    ("problem", "outcome"),
    [
        (Undeliverable("http_404"), Outcome(error="http_404", undeliverable=True)),
        (NotifierUnavailable("timeout"), Outcome(error="timeout")),
    ],
)
def test_what_a_channel_says_is_written_down(
    room: Room, problem: SafetyError, outcome: Outcome
) -> None:
    room.desk.add(page_for())
    room.dispatcher(failing(problem)).run_once()
    assert room.outcomes() == {"page-1": outcome}


@pytest.mark.parametrize(
    ("page", "code"),
    [
        (page_for("nobody"), "unknown_person"),
        (page_for(channel="sms"), "no_notifier"),
        (page_for(channel="voice"), "no_contact"),
    ],
)
def test_a_page_nobody_can_send_is_undeliverable(room: Room, page: Page, code: str) -> None:
    room.desk.add(page)
    room.dispatcher(ScriptedNotifier(), ScriptedNotifier(channel="voice")).run_once()
    assert room.outcomes() == {"page-1": Outcome(error=code, undeliverable=True)}


@pytest.mark.parametrize("seam", ["climbed", "claimed", "sent"])
def test_a_crash_at_any_seam_loses_no_page(room: Room, seam: str) -> None:
    def crash(name: str) -> None:
        if name == seam:
            raise Crash

    room.desk.case = opened(Level.P0, room.roster)
    room.clock.at = after(60)
    notifier = ScriptedNotifier()
    with pytest.raises(Crash):
        room.dispatcher(notifier, checkpoint=crash).run_once()
    room.clock.at = after(60 + 31)
    room.desk.case = None
    room.dispatcher(notifier).run_once()
    assert sorted(room.outcomes()) == ["c3-console-1", "c4-console-1"]
    again = {page.id for page in notifier.sent if page.attempt == 2}
    assert all(page.is_repeat for page in notifier.sent if page.attempt == 2)
    assert again == (set() if seam == "climbed" else {"c3-console-1", "c4-console-1"})


def test_a_store_away_at_one_settle_is_raised_after_the_others(room: Room) -> None:
    room.desk.add(*(page_for(page_id=f"page-{i}") for i in range(4)))
    room.desk.trouble["settle"] = [StoreUnavailable("away")]
    notifier = ScriptedNotifier()
    dispatcher = room.dispatcher(notifier)
    with pytest.raises(StoreUnavailable):
        dispatcher.run_once()
    assert len(room.desk.settled) == 3
    room.clock.at = after(31)
    dispatcher.run_once()
    assert len(room.desk.settled) == 4
    assert notifier.sent[-1].is_repeat


def test_a_ladder_that_cannot_climb_does_not_hold_back_pages(room: Room) -> None:
    room.desk.add(page_for())
    room.desk.trouble["climb_due"] = [Misconfigured("frozen policy: broken")]
    with pytest.raises(Misconfigured):
        room.dispatcher(ScriptedNotifier()).run_once()
    assert list(room.outcomes()) == ["page-1"]


def test_a_desk_that_is_away_is_raised(room: Room) -> None:
    room.desk.trouble["claim"] = [StoreUnavailable("away")]
    with pytest.raises(StoreUnavailable):
        room.dispatcher(ScriptedNotifier()).run_once()


def test_an_unforeseen_error_goes_up_and_mentions_the_others(room: Room) -> None:
    def act(page: Page) -> None:
        if page.id == "bad":
            raise ZeroDivisionError

    room.desk.add(page_for(page_id="bad"), page_for(page_id="good"))
    room.desk.trouble["climb_due"] = [StoreUnavailable("away")]
    with pytest.raises(ZeroDivisionError) as caught:
        room.dispatcher(ScriptedNotifier(act)).run_once()
    assert list(room.outcomes()) == ["good"]
    assert caught.value.__notes__ == ["also: StoreUnavailable: away"]


def hang_on(gate: threading.Event, name: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        if page.id.startswith(name):
            gate.wait(10)

    return act


def test_a_hanging_page_holds_up_nobody_and_is_settled_later(
    room: Room, gate: threading.Event
) -> None:
    notifier = ScriptedNotifier(hang_on(gate, "slow"))
    dispatcher = room.dispatcher(notifier, patience_s=0.05)
    room.desk.add(page_for(page_id="slow"), page_for(page_id="quick"))
    dispatcher.run_once()
    assert list(room.outcomes()) == ["quick"]
    room.desk.add(page_for(page_id="next"))
    dispatcher.run_once()
    assert list(room.outcomes()) == ["quick", "next"]
    gate.set()
    dispatcher.close()
    assert list(room.outcomes()) == ["quick", "next", "slow"]


def test_a_full_lane_holds_up_neither_other_channels_nor_more_urgent_levels(
    room: Room, gate: threading.Event
) -> None:
    hanging = [page_for(page_id=f"slow-{i}", level=Level.P2) for i in range(5)]
    room.desk.add(*hanging)
    notifier = ScriptedNotifier(hang_on(gate, "slow"))
    other = ScriptedNotifier(channel="console2")
    room.roster = roster_of(counsellor("c1", contacts={"console": "a", "console2": "b"}))
    dispatcher = room.dispatcher(notifier, other, patience_s=0.2)
    dispatcher.run_once()
    room.desk.add(page_for(page_id="urgent", level=Level.P0))
    room.desk.add(page_for(page_id="other", level=Level.P2, channel="console2"))
    dispatcher.run_once()
    assert list(room.outcomes()) == ["urgent", "other"]
    gate.set()
    dispatcher.close()
    assert len(room.desk.settled) == 7


def test_a_page_that_waited_too_long_is_not_sent_beside_its_repeat(
    room: Room, gate: threading.Event
) -> None:
    room.desk.add(*(page_for(page_id=f"slow-{i}") for i in range(3)))
    notifier = ScriptedNotifier(hang_on(gate, "slow"))
    dispatcher = room.dispatcher(notifier, patience_s=0.05)
    dispatcher.run_once()
    assert len(notifier.sent) == 2
    room.clock.at = after(16)
    gate.set()
    dispatcher.close()
    assert len(notifier.sent) == 2
    assert [o.error for o in room.outcomes().values() if o.error] == ["not_sent_in_time"]


def test_a_page_that_hangs_past_its_lease_is_given_up_and_its_lane_replaced(
    room: Room, gate: threading.Event
) -> None:
    room.desk.add(page_for(page_id="slow-1"), page_for(page_id="slow-2"))
    notifier = ScriptedNotifier(hang_on(gate, "slow"))
    dispatcher = room.dispatcher(notifier, patience_s=0.05)
    dispatcher.run_once()
    room.clock.at = after(31)
    room.desk.pages.clear()
    room.desk.leased.clear()
    dispatcher.run_once()
    room.desk.add(page_for(page_id="fresh"))
    dispatcher.run_once()
    assert "fresh" in room.outcomes()


def test_the_most_urgent_page_goes_first(room: Room) -> None:
    levels = [Level.P2, Level.P0, Level.P1]
    room.desk.add(*(page_for(page_id=level.name, level=level) for level in levels))
    room.dispatcher(ScriptedNotifier(), checkpoint=nowhere).run_once()
    assert [page.id for page, _ in room.desk.settled] == ["P0", "P1", "P2"]
