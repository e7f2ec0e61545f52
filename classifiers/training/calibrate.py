"""Probabilities that mean what they say, and thresholds for a stated alert budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from classifiers.features import LABELS, LEVELS
from classifiers.trained import Thresholds, probabilities
from classifiers.training.examples import Example
from safety.core.types import Level

Array = npt.NDArray[np.float32]

ENOUGH = 25
"""Positives below which an output is calibrated with all others together."""

BUDGET = {Level.P0: 0.004, Level.P1: 0.017, Level.P2: 0.042}
"""Share of harmless conversations that the trained reader alone may raise so far. Below the figures
to hold (2 % to P1, 5 % to P2), because the rules raise some too. P3 pages nobody and is left to the
rules: it would open a case for every tired evening."""

LEAST = {Level.P0: 0.5, Level.P1: 0.2, Level.P2: 0.2}
"""Below this a level is never called for, however rare it is among the harmless."""

BACKED = 0.05
"""Where a rule calls for a level too, this share of the trained reader's own threshold is enough;
below it the rule is doubted. On the development part a twentieth takes away nearly half of the
harmless conversations raised for one crisis in two hundred, and no plain word of danger is doubted;
with a tenth the first one is ("笑死,我是真的不想活了")."""


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
    # as if one more of each kind had been seen: separable outputs stay within reason (Platt 1999)
    count = y.sum()
    y = torch.where(y > 0, (count + 1) / (count + 2), 1 / (len(y) - count + 2))
    slope = torch.ones((), dtype=torch.double, requires_grad=True)
    shift = torch.zeros((), dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([slope, shift], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(x * slope + shift, y)
        loss.backward()
        return loss

    optimizer.step(closure)
    return max(slope.item(), 0.05), shift.item()


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
        found[level] = max(float(np.quantile(tops, 1.0 - share)) + 1e-4, LEAST.get(level, 0.0))
    return found


def at_most(least: Mapping[Level, float]) -> dict[Level, float]:
    """Below which probability of a level words alone must not carry a turn so far."""
    return {level: BACKED * least[level] for level in (Level.P1, Level.P2)}


@dataclass(frozen=True, slots=True)
class Calibration:
    """What makes a reader's logits probabilities, and from which of them on something follows."""

    slope: Array
    shift: Array
    thresholds: Thresholds


def calibration(logits: Sequence[Array], examples: Sequence[Example]) -> Calibration:
    """From a reader's logits on the development part; one array an example."""
    wanted = np.concatenate([example.wanted for example in examples])
    known = np.concatenate([example.known for example in examples])
    slope, shift = calibrated(np.concatenate(logits), wanted, known)
    stated = [probabilities(rows, slope, shift) for rows in logits]
    least = at_least(stated, examples)
    return Calibration(slope, shift, Thresholds(least, at_most(least)))
