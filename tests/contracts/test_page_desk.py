"""What `safety.core.ports.PageDesk` promises, on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from safety.app.store.engine import transaction
from safety.app.store.pages import RETRY_S
from safety.app.store.tables import pages
from safety.app.wiring import Parts
from safety.core.cases import Page, PageState, Receipt
from safety.core.ports import Outcome
from safety.core.types import CaseId, Level, PersonId
from tests.app import fixtures
from tests.app.makers import one, opened, update
from tests.fakes import NOON

shared_url, url, parts = fixtures.shared_url, fixtures.url, fixtures.parts
LEASE_S = 30.0
SENT = Outcome(receipt=Receipt("ref-1"))
FAILED = Outcome(error="busy")
NEVER = Outcome(error="no such number", undeliverable=True)


def at(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def state(parts: Parts, page: Page) -> str:
    with transaction(parts.store.engine) as connection:
        query = select(pages.c.state).where(pages.c.id == page.id)
        return str(connection.execute(query).scalar_one())


def kinds(parts: Parts, case_id: CaseId) -> list[str]:
    return [entry.kind for entry in parts.casework.story(case_id)]


class TestClaiming:
    def test_a_lease_keeps_others_away_until_it_ends(self, parts: Parts) -> None:
        one(parts)
        (page,) = parts.desk.claim(NOON, LEASE_S, 10)
        assert (page.attempt, page.is_repeat) == (1, False)
        assert parts.desk.claim(NOON, LEASE_S, 10) == []
        assert parts.desk.claim(NOON + at(LEASE_S - 1), LEASE_S, 10) == []

    def test_a_page_whose_lease_ended_comes_again_as_a_repeat(self, parts: Parts) -> None:
        one(parts)
        (first,) = parts.desk.claim(NOON, LEASE_S, 10)
        (again,) = parts.desk.claim(NOON + at(LEASE_S), LEASE_S, 10)
        assert (again.id, again.attempt, again.is_repeat) == (first.id, 2, True)
        assert parts.desk.claim(NOON + at(2 * LEASE_S - 1), LEASE_S, 10) == []

    def test_the_most_urgent_come_first_whatever_their_age(self, parts: Parts) -> None:
        opened(parts, update(Level.P2, "u-1"))
        parts.store.clock.sleep(5)
        opened(parts, update(Level.P1, "u-2"))
        parts.store.clock.sleep(5)
        opened(parts, update(Level.P0, "u-3"))
        now = parts.store.clock.now()
        levels = [page.level for page in parts.desk.claim(now, LEASE_S, 3)]
        assert levels == [Level.P0, Level.P0, Level.P1]
        assert [page.level for page in parts.desk.claim(now, LEASE_S, 10)] == [Level.P2]

    def test_nothing_is_due_before_its_time(self, parts: Parts) -> None:
        one(parts)
        assert parts.desk.claim(NOON - at(1), LEASE_S, 10) == []

    def test_four_dispatchers_claim_two_hundred_pages_exactly_once(self, parts: Parts) -> None:
        opened(parts, *(update(Level.P1, f"u-{number}") for number in range(200)))
        start = threading.Barrier(4)

        def work(_number: int) -> list[Page]:
            start.wait(10)
            mine: list[Page] = []
            empty = 0
            while empty < 3:
                found = parts.desk.claim(NOON, LEASE_S, 7)
                mine += found
                empty = 0 if found else empty + 1
            return mine

        with ThreadPoolExecutor(4) as pool:
            claimed = [page for mine in pool.map(work, range(4)) for page in mine]
        assert set(Counter(page.id for page in claimed).values()) == {1}
        assert len(claimed) == 200
        assert not any(page.is_repeat for page in claimed)


class TestSettling:
    def test_a_receipt_ends_it(self, parts: Parts) -> None:
        case = one(parts)
        (page,) = parts.desk.claim(NOON, LEASE_S, 10)
        parts.desk.settle(page, SENT, NOON)
        assert state(parts, page) == PageState.SENT
        assert parts.desk.claim(NOON + at(3600), LEASE_S, 10) == []
        assert kinds(parts, case.id)[-1] == "page"

    def test_only_the_current_attempt_may_settle(self, parts: Parts) -> None:
        case = one(parts)
        (late,) = parts.desk.claim(NOON, LEASE_S, 10)
        (current,) = parts.desk.claim(NOON + at(LEASE_S), LEASE_S, 10)
        parts.desk.settle(late, NEVER, NOON + at(31))
        assert state(parts, current) == PageState.SENDING
        assert kinds(parts, case.id)[-1] == "late_receipt"
        parts.desk.settle(current, SENT, NOON + at(32))
        assert state(parts, current) == PageState.SENT
        parts.desk.settle(current, FAILED, NOON + at(33))
        assert state(parts, current) == PageState.SENT, "what is settled stays settled"

    def test_a_failed_page_is_due_again_later_and_for_as_long_as_it_takes(
        self, parts: Parts
    ) -> None:
        one(parts)
        now = NOON
        for attempt, pause in enumerate([*RETRY_S, RETRY_S[-1], RETRY_S[-1]], start=1):
            (page,) = parts.desk.claim(now, LEASE_S, 10)
            assert (page.attempt, page.is_repeat) == (attempt, attempt > 1)
            parts.desk.settle(page, FAILED, now)
            assert state(parts, page) == PageState.FAILED
            assert parts.desk.claim(now + at(pause - 1), LEASE_S, 10) == []
            now += at(pause)
        assert parts.desk.claim(now, LEASE_S, 10)

    def test_an_undeliverable_page_makes_its_ladder_climb_at_once(self, parts: Parts) -> None:
        case = one(parts)
        assert case.ladder.due_at is not None
        assert case.ladder.due_at > NOON + at(60)
        (page,) = parts.desk.claim(NOON, LEASE_S, 10)
        parts.desk.settle(page, NEVER, NOON + at(1))
        assert state(parts, page) == PageState.UNDELIVERABLE
        assert parts.desk.climb_due(NOON + at(1), 10, parts.climb) == 1
        (following,) = parts.desk.claim(NOON + at(1), LEASE_S, 10)
        assert following.person_id != page.person_id
        assert (following.id != page.id, following.is_repeat) == (True, False)


class TestClimbing:
    def test_what_is_due_climbs_once_and_orders_pages(self, parts: Parts) -> None:
        case = one(parts, Level.P0)
        assert case.ladder.due_at is not None
        before = case.ladder.due_at - at(1)
        assert parts.desk.climb_due(before, 10, parts.climb) == 0
        assert parts.desk.climb_due(case.ladder.due_at, 10, parts.climb) == 1
        assert parts.desk.climb_due(case.ladder.due_at, 10, parts.climb) == 0
        steps = {page.step for page in parts.desk.claim(case.ladder.due_at, LEASE_S, 10)}
        assert steps == {0, 1}

    def test_two_climbers_do_not_climb_the_same_rung_twice(self, parts: Parts) -> None:
        opened(parts, *(update(Level.P0, f"u-{number}") for number in range(12)))
        due = NOON + at(60)
        start = threading.Barrier(3)

        def work(_number: int) -> int:
            start.wait(10)
            return sum(parts.desk.climb_due(due, 3, parts.climb) for _ in range(12))

        with ThreadPoolExecutor(3) as pool:
            assert sum(pool.map(work, range(3))) == 12
        with transaction(parts.store.engine) as connection:
            rows = connection.execute(select(pages.c.case_id, pages.c.step, pages.c.person_id))
            rungs = Counter(tuple(row) for row in rows)
        assert set(rungs.values()) == {1}
        assert len(rungs) == 12 * 4


class TestWithdrawing:
    @pytest.mark.parametrize("act", ["acknowledge", "take", "close", "lower"])
    def test_pages_that_did_not_leave_are_kept_back(self, parts: Parts, act: str) -> None:
        case, person = one(parts), PersonId("counsellor-1")
        match act:
            case "acknowledge":
                parts.casework.acknowledge(case.id, person)
            case "take":
                parts.casework.take(case.id, person)
            case "close":
                parts.casework.close(case.id, person, "已经安全")
            case _:
                parts.casework.lower(case.id, person, Level.P2, "聊过了")
        assert parts.desk.claim(NOON + at(5), LEASE_S, 10) == []
        if act != "acknowledge":
            assert parts.desk.climb_due(NOON + at(86_400), 10, parts.climb) == 0

    def test_a_page_under_way_reports_late_and_stays_withdrawn(self, parts: Parts) -> None:
        case = one(parts)
        (page,) = parts.desk.claim(NOON, LEASE_S, 10)
        parts.casework.take(case.id, PersonId("counsellor-1"))
        parts.desk.settle(page, FAILED, NOON + at(2))
        assert state(parts, page) == PageState.WITHDRAWN
        assert parts.desk.claim(NOON + at(3600), LEASE_S, 10) == []
        assert kinds(parts, case.id)[-1] == "late_receipt"

    def test_an_acknowledgement_without_words_only_pauses_the_ladder(self, parts: Parts) -> None:
        case = one(parts, Level.P0)
        parts.casework.acknowledge(case.id, PersonId("counsellor-1"))
        assert parts.desk.climb_due(NOON + at(59), 10, parts.climb) == 0
        assert parts.desk.climb_due(NOON + at(61), 10, parts.climb) == 1
        assert parts.desk.claim(NOON + at(61), LEASE_S, 10)
