"""What the configuration of triage may not be."""

from __future__ import annotations

from typing import Any

import pytest

from safety.core.errors import Misconfigured
from safety.core.rules import ENTRY_RULES, Silence, TriageRules
from safety.core.types import Level

P2_RULE = Silence(120.0, Level.P1)
P1_RULE = Silence(60.0, Level.P0)


def test_the_defaults_are_those_of_the_clinical_reference() -> None:
    rules = TriageRules()
    assert rules.silence == {Level.P2: P2_RULE, Level.P1: P1_RULE}
    assert (rules.night_from, rules.night_to, rules.timezone) == (22, 6, "Asia/Shanghai")
    assert rules.cue_memory.total_seconds() == 30 * 60
    assert rules.risk_memory.days == 30
    assert len({rule.id for rule in ENTRY_RULES}) == len(ENTRY_RULES)


@pytest.mark.parametrize(
    "given",
    [
        {"silence": {Level.P2: Silence(300.0, Level.P0), Level.P1: Silence(120.0, Level.P0)}},
        {"silence": {Level.P2: P2_RULE, Level.P1: P1_RULE, Level.P3: Silence(600.0, Level.P2)}},
        {"window_turns": 9},
        {"window_turns": 20},
        {"silence_grace_s": 0.0},
        {"silence_grace_s": 5.0},
        {"timezone": "Asia/Hong_Kong"},
        {"night_from": 23, "night_to": 5},
    ],
    ids=str,
)
def test_what_stays_below_the_ceilings_is_taken(given: dict[str, Any]) -> None:
    rules = TriageRules(**given)
    assert all(getattr(rules, name) == value for name, value in given.items())


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"silence": {}}, "P1"),
        ({"silence": {Level.P1: P1_RULE}}, "P2"),
        ({"silence": {Level.P2: Silence(301.0, Level.P1), Level.P1: P1_RULE}}, "300"),
        ({"silence": {Level.P2: P2_RULE, Level.P1: Silence(121.0, Level.P0)}}, "120"),
        ({"silence": {Level.P2: P2_RULE, Level.P1: Silence(0.0, Level.P0)}}, "P1"),
        ({"silence": {Level.P2: Silence(9.0, Level.P2), Level.P1: P1_RULE}}, "P2"),
        (
            {"silence": {Level.P2: P2_RULE, Level.P1: P1_RULE, Level.P3: Silence(0.0, Level.P2)}},
            "P3",
        ),
        (
            {"silence": {Level.P2: P2_RULE, Level.P1: P1_RULE, Level.P3: Silence(9.0, Level.P3)}},
            "P3",
        ),
        ({"window_turns": 8}, "window_turns"),
        ({"window_turns": 21}, "window_turns"),
        ({"silence_grace_s": -0.1}, "silence_grace_s"),
        ({"silence_grace_s": 5.1}, "silence_grace_s"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"night_from": 6, "night_to": 22}, "night_from"),
        ({"night_from": 25}, "night_from"),
        ({"night_to": -1}, "night_to"),
    ],
    ids=str,
)
def test_what_the_ceilings_forbid_is_refused(given: dict[str, Any], word: str) -> None:
    with pytest.raises(Misconfigured, match=word):
        TriageRules(**given)
