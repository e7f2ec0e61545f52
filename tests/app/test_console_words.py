"""The console has plain Chinese words for every code and every refusal that it may be shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from safety.app.api.application import CONSOLE
from safety.app.store.verdicts import __file__ as verdicts_file
from safety.core.rules import ENTRY_RULES
from safety.core.types import LISTENER_LABELS, Cue, Label, Level
from safety.core.watch import __file__ as watch_file

SCRIPT = (CONSOLE / "words.js").read_text("utf-8")


def test_every_reason_has_words() -> None:
    known = set(re.findall(r'^  "([a-z0-9]+\.[a-z_]+)":', SCRIPT, re.MULTILINE))
    decided = {rule.id for rule in ENTRY_RULES}
    decided |= set(re.findall(r'"(p\d\.[a-z_]+)"', Path(watch_file).read_text()))
    decided |= {f"{level.name.lower()}.model" for level in Level}
    assert decided <= known, f"without words: {sorted(decided - known)}"


@pytest.mark.parametrize(
    ("table", "codes"),
    [("LABEL_WORDS", {label.value for label in Label}), ("CUE_WORDS", {cue.value for cue in Cue})],
)
def test_whatever_fires_has_words(table: str, codes: set[str]) -> None:
    found = re.search(rf"const {table} = table\(\{{(.*?)\}}\);", SCRIPT, re.DOTALL)
    assert found is not None
    assert set(re.findall(r'(\w+): "[^"]+"', found[1])) == codes


def test_whose_words_a_label_is_about_is_the_same_everywhere() -> None:
    found = re.search(r"LISTENER_LABELS = \[(.*?)\];", SCRIPT)
    assert found is not None
    assert set(re.findall(r'"(\w+)"', found[1])) == {label.value for label in LISTENER_LABELS}


def test_every_refusal_of_a_verdict_has_words() -> None:
    patterns = re.findall(r"^  \[/(.+)/, ", SCRIPT, re.MULTILINE)
    script = Path(verdicts_file).read_text()
    refusals = re.findall(r'raise (?:InvalidRequest|NoSuchMessage)\(f?"(.+?)"\)', script)
    assert len(refusals) == 8
    for sentence in refusals:
        shown = sentence.replace("{label.value}", "panic").replace("{role.value}", "listener")
        assert any(re.search(pattern, shown) for pattern in patterns), shown
