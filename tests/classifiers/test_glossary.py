"""The shipped glossary against the reference, and the loader against broken files."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from classifiers import LexiconClassifier
from classifiers.entries import Entry
from classifiers.loader import load_glossary, shipped
from safety.core.errors import Misconfigured
from safety.core.types import Strength
from tests.classifiers.shared import lexicon

# The rows of clinical reference 5.2 that rest on L or the brief alone.
UNSOURCED = frozenset(
    {12, 38, 39, 40, 41, 58, 77, 83, 93, 107, 118, 119, 120, 125, 130, 138, 148, 150, 154, 160}
    | {161, 162, 175, 177, 179, 180, 183, 184, 185, 213, 215, 216}
)
CLASSES = "A:\n  roles: [client]\n  labels: {active_ideation: 0.9}\n"
ROW = "{id: g001, class: A, terms: [词], source: own}"


def number(entry: Entry) -> int:
    return int(entry.id[1:4])


def folder(tmp_path: Path, rows: str, *, head: str = "reviewed_on: 2026-01-01\n") -> Path:
    (tmp_path / "classes.yaml").write_text(CLASSES, encoding="utf-8")
    (tmp_path / "groups.yaml").write_text("g: [甲]\n", encoding="utf-8")
    body = f'version: "2026-01-01"\n{head}rows:\n- {rows}\n'
    (tmp_path / "words.yaml").write_text(body, encoding="utf-8")
    return tmp_path


def test_every_row_of_the_reference_is_there() -> None:
    ours = {number(entry) for entry in lexicon().entries if entry.id.startswith("g")}
    assert ours == set(range(1, 217))


def test_unsourced_rows_are_weak() -> None:
    rows = [entry for entry in lexicon().entries if entry.id.startswith("g")]
    weak = {
        number(entry) for entry in rows if re.match(r"(brief; )?L\b(?!.*S\d)[^;]*\Z", entry.source)
    }
    assert weak == UNSOURCED
    assert len(weak) == 32
    for entry in rows:
        if number(entry) in UNSOURCED:
            assert entry.strength is Strength.WEAK, entry.id


def test_nothing_in_the_shipped_glossary_is_stale_or_disputed() -> None:
    day = max(entry.reviewed_on for entry in lexicon().entries)
    assert lexicon().lint(day) == []
    late = lexicon().lint(day + timedelta(days=91))
    assert any("over 90 days ago" in line for line in late)


def test_the_version_names_the_day_and_the_content() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d\+[0-9a-f]{8}", lexicon().version)
    assert LexiconClassifier.load().version == lexicon().version


def test_the_shipped_folder_is_found_by_package() -> None:
    assert shipped().joinpath("classes.yaml").is_file()


def test_a_folder_of_its_own_is_read(tmp_path: Path) -> None:
    entries = load_glossary(folder(tmp_path, ROW)).entries
    assert [entry.id for entry in entries] == ["g001"]
    assert entries[0].reviewed_on == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("{id: 7, class: A, terms: [词], source: own}", "needs an id"),
        ("{id: g001, class: Z, terms: [词], source: own}", "unknown class"),
        ("{id: g001, class: A, terms: [词]}", "needs a source"),
        ("{id: g001, class: A, terms: 词, source: own}", "list of strings"),
        ("{id: g001, class: A, terms: [], source: own}", "no terms"),
        ("{id: g001, class: A, terms: ['·'], source: own}", "empty once normalised"),
        ("{id: g001, class: A, terms: ['…词'], source: own}", "empty once normalised"),
        ("{id: g001, class: A, terms: [词], source: own, labels: {doom: 1}}", "doom"),
        ("{id: g001, class: A, terms: [词], source: own, labels: [panic]}", "map names"),
        ("{id: g001, class: A, terms: [词], source: own, score: 2}", "at most 1"),
        ("{id: g001, class: A, terms: [词], source: own, score: true}", "at most 1"),
        (
            "{id: g001, class: A, terms: [词], source: own, score: 1, labels: {panic: 1}}",
            "not both",
        ),
        ("{id: g001, class: A, terms: [词], source: own, cues: [gloom]}", "gloom"),
        ("{id: g001, class: A, terms: [词], source: own, strength: strong}", "unknown strength"),
        ("{id: g001, class: A, terms: [词], source: own, unless: ['@none']}", "unknown group"),
        ("{id: g001, class: A, terms: [词], source: own, alone: 3}", "true or false"),
        ("{id: g001, class: A, terms: [词], source: own, not_after: [a]}", "strings of"),
        ("{id: g001, class: A, terms: [词], source: own, colour: red}", "unknown field colour"),
        ("{id: g001, class: A, terms: [词], source: own, benign: [词]}", "also benign"),
        (f"{ROW}\n- {ROW}", "there twice"),
        ("just words", "not a mapping"),
    ],
)
def test_a_broken_row_is_refused_by_name(tmp_path: Path, row: str, complaint: str) -> None:
    with pytest.raises(Misconfigured, match=complaint):
        load_glossary(folder(tmp_path, row))


def test_the_sentence_names_file_and_row(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"words\.yaml, row g001"):
        load_glossary(folder(tmp_path, "{id: g001, class: A, terms: [词]}"))


def test_a_term_for_too_many_strings_is_refused(tmp_path: Path) -> None:
    many = "{" + "|".join("一二三四五六七八九十") + "}"
    row = f"{{id: g001, class: A, terms: ['{many * 4}'], source: own}}"
    with pytest.raises(Misconfigured, match="10000 strings"):
        load_glossary(folder(tmp_path, row))


def test_a_row_without_a_date_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="reviewed_on"):
        load_glossary(folder(tmp_path, ROW, head=""))


def test_what_is_not_yaml_or_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        load_glossary(tmp_path / "nowhere")
    with pytest.raises(Misconfigured, match=r"no classes\.yaml"):
        load_glossary(tmp_path)
    folder(tmp_path, ROW)
    (tmp_path / "more.yaml").write_text("rows: [", encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"more\.yaml, line 1 is not YAML"):
        load_glossary(tmp_path)


@pytest.mark.parametrize("text", ["- 1\n", "version: x\n", 'version: ""\nrows: []\n', "extra: 1\n"])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    folder(tmp_path, ROW)
    (tmp_path / "more.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"more\.yaml"):
        load_glossary(tmp_path)


def test_lint_tells_of_a_term_read_in_two_ways(tmp_path: Path) -> None:
    place = folder(tmp_path, f"{ROW}\n- {{id: g002, class: B, terms: [词], source: own}}")
    (tmp_path / "classes.yaml").write_text(
        CLASSES + "B:\n  roles: [client]\n  labels: {panic: 0.5}\n", encoding="utf-8"
    )
    found = LexiconClassifier.load(place).lint(date(2026, 1, 2))
    assert found == ["词 stands in rows g001, g002 of different classes: A, B"]
