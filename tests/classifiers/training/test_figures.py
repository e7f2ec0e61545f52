"""The figures of cross-validation and of the learning curve, on answers known beforehand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from classifiers.training.calibrate import at_least, at_most, calibrated
from classifiers.training.crossvalidate import by_source
from classifiers.training.curve import area
from classifiers.training.examples import Example
from classifiers.training.sources import PSYSUICIDE, Row, psysuicide
from safety.core.errors import Misconfigured
from safety.core.types import Label, Level

WISH, PLAN = Label.ACTIVE_IDEATION, Label.SUICIDE_PLAN
ROWS = [
    Row("a", frozenset({WISH}), "chat"),
    Row("b", frozenset({WISH}), "chat"),
    Row("c", frozenset(), "chat"),
    Row("d", frozenset({PLAN}), "post"),
]


def stated(*named: tuple[int, Label]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    found = np.zeros((len(ROWS), len(PSYSUICIDE)), np.float32)
    for row, label in named:
        found[row, list(PSYSUICIDE.values()).index(label)] = 0.9
    return found


def test_the_order_of_the_labels_is_the_data_sets_own() -> None:
    assert [label.value for label in PSYSUICIDE.values()] == [
        "suicide_attempt",
        "suicide_preparation",
        "suicide_plan",
        "active_ideation",
        "passive_ideation",
        "self_injury",
        "self_injury_urge",
        "aggression_by_client",
        "aggression_by_other",
        "suicide_exploration",
    ]


def test_figures_are_of_each_source_and_of_all() -> None:
    found = by_source(ROWS, stated((0, WISH), (2, WISH), (3, PLAN)))
    assert set(found) == {"chat", "post", "all"}
    assert found["chat"]["any_f1"] == pytest.approx(0.5)
    assert found["post"] == {"rows": 1, "any_f1": 1.0, "macro_f1": 1.0}
    assert found["all"]["macro_f1"] == pytest.approx((0.5 + 1.0) / 2)


def test_another_label_of_risk_is_still_risk() -> None:
    assert by_source(ROWS, stated((0, PLAN), (1, PLAN), (3, WISH)))["all"]["any_f1"] == 1.0


def test_a_row_with_an_unknown_label_is_refused(tmp_path: Path) -> None:
    row = {"text": "好", "labels": ["开心"], "source": "chat"}
    (tmp_path / "psysuicide_valid.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(Misconfigured, match="开心"):
        psysuicide(tmp_path)


def test_the_area_counts_pairs_in_order() -> None:
    assert area(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1.0
    assert area(np.array([0.0]), np.array([1.0])) == 0.0
    assert area(np.array([1.0]), np.array([1.0])) == 0.5


def test_calibration_makes_boasting_modest() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(4000)
    there = (rng.random(4000) < truth).astype(np.float32)[:, None]
    logits = (3.0 * np.log(truth / (1.0 - truth)) + 1.0).astype(np.float32)[:, None]
    slope, shift = calibrated(logits, there, np.ones_like(there))
    assert slope[0] == pytest.approx(1 / 3, abs=0.05)
    assert shift[0] == pytest.approx(-1 / 3, abs=0.15)


def test_thresholds_keep_the_budget_and_p0_is_never_a_guess() -> None:
    def example(kind: str) -> Example:
        nothing = np.zeros((1, 1), np.float32)
        return Example(kind, kind, ("",), nothing, nothing, nothing)

    held = [example("hard") for _ in range(1000)]
    rows = [np.full((1, 23), place / 1000, np.float32) for place in range(1000)]
    least = at_least(rows, held)
    raised = sum(row[0, 20] >= least[Level.P1] for row in rows)
    assert raised <= 17
    low = at_least([(row / 10).astype(np.float32) for row in rows], held)
    assert low[Level.P0] == 0.5
    assert set(at_most(least)) == {Level.P1, Level.P2}
    assert at_most(least)[Level.P1] < least[Level.P1]
