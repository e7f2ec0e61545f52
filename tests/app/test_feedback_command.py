"""`jiezhu feedback`: the file that leaves, and the table."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import click.testing
import orjson
import pytest

from safety.app.cli import main
from safety.app.commands.feedback import export_to, feedback
from safety.app.store.training import Export
from safety.app.wiring import Parts
from safety.core.cases import Case
from safety.core.clock import SystemClock
from safety.core.errors import Misconfigured
from safety.core.feedback import Consent, Judged
from tests.app.fixtures import migrated
from tests.app.judging import ROOF, WISH, B, give, judged_case, read, said
from tests.app.makers import RING, SECRET, fresh, key_entry
from tests.fakes import FakeClock
from tests.world import sqlite_url

NOW = SystemClock().now


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Parts]:
    """A database whose present is really the present, because the command's is."""
    with fresh(migrated(sqlite_url(tmp_path)), clock=FakeClock(NOW())) as parts:
        yield parts


@pytest.fixture
def case(desk: Parts) -> Case:
    """A case with one verdict of each consent."""
    found = judged_case(desk)
    give(desk, found, Judged.TRUE, term="g002", consent=Consent.GIVEN)
    give(desk, found, Judged.FALSE, term="g082")
    give(desk, found, Judged.MISSED, "m-2", person=B, consent=Consent.GIVEN)
    return found


def run(parts: Parts, *arguments: str, ring: str = RING) -> click.testing.Result:
    env = {"JIEZHU_DATABASE_URL": parts.settings.database_url, "JIEZHU_MASTER_KEY": ring}
    return click.testing.CliRunner().invoke(feedback, arguments, env=env)


class TestExport:
    def test_writes_rows_for_its_owner_alone(self, desk: Parts, case: Case, tmp_path: Path) -> None:
        file = tmp_path / "rows.jsonl"
        result = run(desk, "export", str(file))
        assert result.exit_code == 0
        assert result.stdout == ""
        told = "2 rows written; left out: 1 without consent, 0 whose text was destroyed\n"
        assert result.stderr == told
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        rows = [orjson.loads(line) for line in file.read_bytes().splitlines()]
        assert [(row["verdict"], row["terms"]) for row in rows] == [
            ("true", ["g002"]),
            ("missed", []),
        ]
        assert rows[0]["text"] == SECRET
        assert rows[1]["before"][-1] == {"role": "client", "text": SECRET}

    def test_after_a_refusal_nothing_of_the_client_is_left(
        self, desk: Parts, case: Case, tmp_path: Path
    ) -> None:
        give(desk, case, Judged.FALSE, term="g082", consent=Consent.REFUSED)
        result = run(desk, "export", str(tmp_path / "rows.jsonl"))
        assert (tmp_path / "rows.jsonl").read_bytes() == b""
        assert "0 rows written; left out: 3 without consent" in result.stderr

    def test_does_not_overwrite(self, desk: Parts, case: Case, tmp_path: Path) -> None:
        file = tmp_path / "rows.jsonl"
        file.write_text("mine")
        result = run(desk, "export", str(file))
        assert result.exit_code == 1
        assert isinstance(result.exception, Misconfigured)
        assert "there already" in str(result.exception)
        assert file.read_text() == "mine"
        link = tmp_path / "link.jsonl"
        link.symlink_to(tmp_path / "elsewhere")
        assert run(desk, "export", str(link)).exit_code == 1
        assert not (tmp_path / "elsewhere").exists()

    def test_what_fails_midway_leaves_no_file(
        self, desk: Parts, case: Case, tmp_path: Path
    ) -> None:
        file = tmp_path / "rows.jsonl"
        result = run(desk, "export", str(file), ring=key_entry("k1", b"z"))
        assert isinstance(result.exception, Misconfigured)
        assert SECRET not in result.output + str(result.exception)
        assert not file.exists()
        with pytest.raises(Misconfigured, match="cannot be made"):
            export_to(tmp_path / "nowhere" / "rows.jsonl", desk.store, Export())

    def test_a_mistake_is_one_plain_sentence(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as caught:
            main(["feedback", "export"])
        assert caught.value.code == 2
        assert "FILE" in capsys.readouterr().err


class TestPrecisionTable:
    def test_prints_labels_and_terms(self, desk: Parts, case: Case) -> None:
        result = run(desk, "precision")
        assert result.exit_code == 0
        first, *rest = result.output.splitlines()
        lines = [line.split() for line in rest]
        assert first == "verdicts of the last 90 days: 1 true, 1 false, 1 missed"
        assert ["active_ideation", "1", "0", "0", "1.00", "1.00"] in lines
        assert ["dangerous_place", "0", "1", "0", "0.00", "-"] in lines
        assert ["g002", "SI-A", "1", "0", "1.00"] in lines
        assert ["g082", "CTX-PLACE", "0", "1", "0.00"] in lines
        assert SECRET not in result.output

    def test_says_what_to_review_and_what_to_keep(self, desk: Parts) -> None:
        turns = tuple(said(f"m-{n}", after_s=n) for n in range(10))
        case = judged_case(desk, turns)
        for n in range(10):
            read(desk, f"m-{n}", WISH, ROOF)
            give(desk, case, Judged.FALSE, f"m-{n}")
        lines = [line.split() for line in run(desk, "precision").output.splitlines()]
        assert ["g082", "CTX-PLACE", "0", "10", "0.00", "review"] in lines
        assert ["g002", "SI-A", "0", "10", "0.00", "review,", "never", "drop"] in lines

    def test_looks_back_as_far_as_it_is_told(self, desk: Parts) -> None:
        clock = desk.clock
        assert isinstance(clock, FakeClock)
        clock.at = NOW() - timedelta(days=3)
        give(desk, judged_case(desk), Judged.FALSE)
        assert "0 true, 1 false" in run(desk, "precision").output
        assert "0 true, 0 false" in run(desk, "precision", "--days", "2").output
        assert run(desk, "precision", "--days", "0").exit_code == 2

    def test_of_an_empty_database(self, tmp_path: Path) -> None:
        with fresh(migrated(sqlite_url(tmp_path))) as parts:
            result = run(parts, "precision")
        assert "0 true, 0 false, 0 missed" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export"], ["FILE", "consent", "owner alone", "chat text"]),
        (["precision"], ["--days", "missed", "review it", "20 %"]),
    ],
)
def test_says_what_a_newcomer_needs(arguments: list[str], words: list[str]) -> None:
    result = click.testing.CliRunner().invoke(feedback, [*arguments, "--help"])
    told = " ".join(result.output.split())
    assert [word for word in words if word not in told] == []
