"""The tables of lines: what must be found, what must be left alone, and where."""

from __future__ import annotations

from typing import Any

import pytest

from safety.core.types import Cue, Label, Role, Strength
from tests.classifiers.shared import ACUTE, lines, present, rows, says, turn

OBFUSCATED = [
    (group["word"], group["label"], line)
    for group in rows("obfuscated.yaml")
    for line in group["lines"]
]
SCOPE = [(name, case) for name, cases in rows("scope.yaml").items() for case in cases]
CRISIS = [tuple(line.split("\t")) for line in lines("crisis.tsv")]
BENIGN = lines("benign.txt")


def test_the_tables_are_as_large_as_promised() -> None:
    assert len(OBFUSCATED) >= 60
    assert len({word for word, _, _ in OBFUSCATED}) == 12
    assert len(set(BENIGN)) >= 200
    assert len(set(CRISIS)) >= 120


@pytest.mark.parametrize(("word", "label", "line"), OBFUSCATED)
def test_a_disguised_word_is_found_and_highlighted(word: str, label: str, line: Any) -> None:
    assessment = says(line["text"])
    spans = {line["text"][e.start : e.end] for e in assessment.evidence if e.label == label}
    assert Label(label) in present(assessment), word
    assert line["hit"] in spans


@pytest.mark.parametrize("text", BENIGN)
def test_a_benign_line_raises_nothing(text: str) -> None:
    assert not present(says(text)) & ACUTE


@pytest.mark.parametrize(("label", "text"), CRISIS)
def test_a_crisis_line_shows_its_label(label: str, text: str) -> None:
    assert Label(label) in present(says(text))


@pytest.mark.parametrize(("name", "case"), SCOPE)
def test_scope(name: str, case: Any) -> None:
    assessment = says(case["text"], Role(case.get("role", "client")))
    found = present(assessment)
    if case.get("none"):
        assert not found, name
    assert {Label(label) for label in case.get("has", [])} <= found
    assert not {Label(label) for label in case.get("not", [])} & found
    assert {Cue(cue) for cue in case.get("cues", [])} <= assessment.cues
    assert not {Cue(cue) for cue in case.get("no_cues", [])} & assessment.cues


@pytest.mark.parametrize("pair", rows("coded.yaml"), ids=lambda pair: pair["coded"])
def test_a_coded_word_is_never_plain_and_its_twin_is_silent(pair: Any) -> None:
    fired = [e for e in says(pair["coded"]).evidence if e.term.startswith(pair["row"])]
    assert fired
    assert all(e.strength is not Strength.PLAIN for e in fired)
    twin = says(pair["twin"])
    assert not present(twin) & ACUTE
    assert not {Cue.PACT, Cue.TIME_NOW, Cue.TIME_SOON} & twin.cues


@pytest.mark.parametrize("case", rows("context.yaml"), ids=lambda case: case["text"])
def test_context(case: Any) -> None:
    before = tuple(turn(*piece) for piece in case["before"])
    assessment = says(case["text"], before=before)
    label = case.get("label")
    assert present(assessment) == ({Label(label)} if label else set())
    assert assessment.cues & {Cue.AFFIRMED, Cue.DENIED} == (
        {Cue(case["cue"])} if "cue" in case else set()
    )
    if "hit" in case:
        spans = {case["text"][e.start : e.end] for e in assessment.evidence}
        assert case["hit"] in spans
