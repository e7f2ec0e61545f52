"""Probabilities that mean what they say, and thresholds for a stated alert budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from classifiers.features import LABELS, LEVELS
from classifiers.trained import Thresholds
from classifiers.training.examples import Example
from safety.core.types import Level

Array = npt.NDArray[np.float32]

ENOUGH = 25
"""Positives below which an output is calibrated with all others together."""

BUDGET = {Level.P0: 0.004, Level.P1: 0.014, Level.P2: 0.035, Level.P3: 0.12}
"""Share of harmless conversations that the trained reader alone may raise so far. Below the figures
to hold (2 % to P1, 5 % to P2), because the rules raise some too."""

DOUBT = {Level.P1: 0.004, Level.P2: 0.004}
"""Share of the turns of a level that doubt may hold down."""


def calibrated(logits: Array, wanted: Array, known: Array) -> tuple[Array, Array]:
    """Slope and shift of every output (Platt scaling) that make probabilities of its logits."""
    everything = _platt(logits[known > 0], wanted[known > 0])
    slope, shift = np.empty(logits.shape[1], np.float32), np.empty(logits.shape[1], np.float32)
    for output in range(logits.shape[1]):
        rows = known[:, output] > 0
        there = wanted[rows, output]
        if ENOUGH <= there.sum() <= len(there) - ENOUGH:
            slope[output], shift[output] = _platt(logits[rows, output], there)
        else:
            slope[output], shift[output] = everything
    return slope, shift


def _platt(logits: Array, there: Array) -> tuple[float, float]:
    x, y = torch.from_numpy(logits).double(), torch.from_numpy(there).double()
    slope = torch.ones((), dtype=torch.double, requires_grad=True)
    shift = torch.zeros((), dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([slope, shift], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(x * slope + shift, y)
        loss.backward()
        return loss

    optimizer.step(closure)
    return max(float(slope), 0.05), float(shift)


def level_column(level: Level) -> int:
    """Where the probability of a level or worse stands among the outputs."""
    return len(LABELS) + LEVELS.index(level)


def at_least(probabilities: Sequence[Array], examples: Sequence[Example]) -> dict[Level, float]:
    """From which probability on a level is called for, so that the budget of raised harmless
    conversations is kept."""
    harmless = [
        rows
        for rows, example in zip(probabilities, examples, strict=True)
        if example.kind in ("hard", "easy")
    ]
    found = {}
    for level, share in BUDGET.items():
        tops = np.array([rows[:, level_column(level)].max() for rows in harmless])
        found[level] = float(np.quantile(tops, 1.0 - share)) + 1e-4
    return found


def at_most(probabilities: Sequence[Array], examples: Sequence[Example]) -> dict[Level, float]:
    """Below which probability of a level words alone must not carry a turn so far."""
    found = {}
    for level, share in DOUBT.items():
        column = level_column(level)
        there = np.concatenate(
            [
                rows[example.wanted[:, column] > 0.5, column]
                for rows, example in zip(probabilities, examples, strict=True)
            ]
        )
        found[level] = float(np.quantile(there, share)) if len(there) else 0.0
    return found


@dataclass(frozen=True, slots=True)
class Calibration:
    """What makes a reader's logits probabilities, and from which of them on something follows."""

    slope: Array
    shift: Array
    thresholds: Thresholds


def calibration(logits: Sequence[Array], examples: Sequence[Example], gate: float) -> Calibration:
    """From a reader's logits on the development part; one array an example."""
    wanted = np.concatenate([example.wanted for example in examples])
    known = np.concatenate([example.known for example in examples])
    slope, shift = calibrated(np.concatenate(logits), wanted, known)
    probabilities = [1.0 / (1.0 + np.exp(-(rows * slope + shift))) for rows in logits]
    on = Thresholds(at_least(probabilities, examples), at_most(probabilities, examples), gate)
    return Calibration(slope, shift, on)
