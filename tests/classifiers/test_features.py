"""The numbers beside a turn."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from classifiers.features import CONTEXT, LEXICON, WIDTH, beside, stacked
from safety.core.types import Assessment, Cue, EventId, Evidence, Label, Role, Strength
from tests.fakes import NIGHT, NOON

SEEN = Assessment(
    EventId("m"),
    {Label.PANIC: 0.7},
    (Evidence("lexicon", 0, 1, "g1", Label.PANIC, Cue.METHOD, Strength.CODED),),
)


def test_scores_cues_role_night_and_time_each_have_a_place() -> None:
    row = beside(Role.CLIENT, NIGHT, NIGHT - timedelta(seconds=60), SEEN)
    assert row.shape == (WIDTH,)
    assert sorted(np.unique(row[row > 0]).round(3)) == [0.1, 0.7, 1.0]
    assert row.sum() == pytest.approx(0.7 + 1 + 1 + 1 + 1 + 0.1)


def test_noon_the_first_turn_and_no_reading_leave_only_the_role() -> None:
    row = beside(Role.LISTENER, NOON, None, None)
    assert row.sum() == 1.0
    assert not row[LEXICON].any()


def test_a_long_gap_counts_as_ten_minutes_and_a_late_clock_as_none() -> None:
    assert beside(Role.CLIENT, NOON, NOON - timedelta(days=1), None).sum() == 2.0
    assert beside(Role.CLIENT, NOON, NOON + timedelta(days=1), None).sum() == 1.0


def test_a_window_is_filled_from_its_end_and_keeps_the_latest() -> None:
    rows = [np.full(3, value, np.float32) for value in range(1, CONTEXT + 4)]
    short, long = stacked(rows[:2], 3), stacked(rows, 3)
    assert short[:, 0].tolist() == [0.0] * (CONTEXT - 1) + [1.0, 2.0]
    assert long[:, 0].tolist() == [float(value) for value in range(3, CONTEXT + 4)]
    assert not stacked([], 3).any()
