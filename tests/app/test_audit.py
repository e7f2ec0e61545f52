"""`jiezhu stress`: its audit finds what is planted, and each threshold has an exit code."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import insert, select, update

from safety.app.audit import Audit, audit, missing, percentile
from safety.app.cli import cli
from safety.app.commands.stress import Thresholds, await_effects, report
from safety.app.store.engine import transaction
from safety.app.store.tables import cases, pages
from safety.app.wiring import Parts
from safety.core.types import Level
from tests.app.makers import message, opened
from tests.app.makers import update as raised
from tests.fakes import NOON, FakeClock


def fill(parts: Parts) -> list[str]:
    ids = [f"m-{number}" for number in range(5)]
    with parts.store.transaction() as tx:
        tx.remember([(message(name), None) for name in ids])
    opened(parts, raised(Level.P0, "u-1"), raised(Level.P1, "u-2"))
    parts.desk.claim(NOON, 30, 100)
    return ids


def breaches(found: Audit, **limits: Any) -> list[str]:
    return report(found, None, Thresholds(**limits), lambda line: None)


class TestAudit:
    def test_of_a_clean_run_finds_nothing(self, parts: Parts) -> None:
        ids = fill(parts)
        found = audit(parts.store.engine, ids)
        assert (found.lost, found.cases, found.duplicate_cases) == ((), 2, 0)
        assert (found.pages, found.duplicate_pages, found.unmarked_pages) == (3, 0, 0)
        assert breaches(found) == []

    def test_finds_the_lost(self, parts: Parts) -> None:
        ids = [*fill(parts), "planted"]
        assert missing(parts.store.engine, ids) == ["planted"]
        found = audit(parts.store.engine, ids)
        assert found.lost == ("planted",)
        assert breaches(found) == ["events lost: 1, threshold 0"]

    def test_finds_a_second_case(self, parts: Parts) -> None:
        ids = fill(parts)
        with transaction(parts.store.engine) as connection:
            row = dict(connection.execute(select(cases)).mappings().first() or {})
            connection.execute(insert(cases), {**row, "id": "twin", "status": "closed"})
        found = audit(parts.store.engine, ids)
        assert found.duplicate_cases == 1
        assert len(breaches(found)) == 1

    def test_finds_a_twin_page_and_one_that_hides_that_it_repeats(self, parts: Parts) -> None:
        ids = fill(parts)
        with transaction(parts.store.engine) as connection:
            row = dict(connection.execute(select(pages)).mappings().first() or {})
            connection.execute(insert(pages), {**row, "id": "twin"})
        found = audit(parts.store.engine, ids)
        assert (found.duplicate_pages, found.unmarked_pages) == (1, 1)
        assert len(breaches(found)) == 2
        with transaction(parts.store.engine) as connection:
            again = update(pages).where(pages.c.id == row["id"])
            connection.execute(again.values(attempt=3, is_repeat=False))
        found = audit(parts.store.engine, ids)
        assert (found.duplicate_pages, found.unmarked_pages) == (3, 2)

    def test_waits_while_effects_arrive_and_no_longer(self) -> None:
        clock, ids = FakeClock(), [f"m-{number}" for number in range(30)]
        due = {name: NOON + timedelta(seconds=3 * n) for n, name in enumerate(ids)}
        due["m-29"] = NOON + timedelta(days=1)
        await_effects(ids, lambda some: [n for n in some if due[n] > clock.now()], clock, 10)
        assert 84 <= (clock.now() - NOON).total_seconds() <= 84 + 12

    @pytest.mark.parametrize(
        "limits",
        [{"per_second": 11.0}, {"page_p95_s": 1.9}, {"card_p95_s": 9.0}, {"card_p99_s": 9.0}],
    )
    def test_each_threshold_can_be_breached(self, limits: dict[str, float]) -> None:
        found = Audit(10, (), 1, 0, 1, 0, 0, (2.0,), NOON, NOON + timedelta(seconds=1))
        assert breaches(found, per_second=10.0, page_p95_s=2.0) == []
        assert len(breaches(found, **limits)) == 1

    @pytest.mark.parametrize(
        ("count", "share", "found"),
        [(0, 0.5, 0), (1, 0.99, 1), (20, 0.95, 19), (31, 0.95, 30), (100, 0.99, 99),
         (5, 0.5, 3), (4, 0.5, 2)],
    )  # fmt: skip
    def test_percentiles_are_nearest_rank(self, count: int, share: float, found: int) -> None:
        assert percentile([float(n) for n in range(count, 0, -1)], share) == found

    @pytest.mark.parametrize(("planted", "code"), [([], 0), (["planted"], 1)])
    def test_the_exit_code_tells(
        self,
        parts: Parts,
        url: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        planted: list[str],
        code: int,
    ) -> None:
        monkeypatch.setenv("JIEZHU_DATABASE_URL", url)
        ledger = tmp_path / "ledger"
        ledger.write_text("\n".join([*fill(parts), *planted]))
        result = CliRunner().invoke(cli, ["stress", "--ledger", str(ledger), "--patience", "0"])
        assert result.exit_code == code, result.output
        assert f"events lost        {len(planted)}" in result.output
        assert ("BREACHED" in result.output) == bool(code)
