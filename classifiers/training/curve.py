"""What more text buys: the reader over a still encoder, from growing shares of the corpus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from classifiers.corpus import Dialogue, read_part
from classifiers.lexicon import LexiconClassifier
from classifiers.training.calibrate import level_column
from classifiers.training.examples import Example, of_corpus
from classifiers.training.fit import fit_reader, logits_of
from classifiers.training.run import Plan, share_of, start
from safety.core.types import Level

SHARES = (0.0625, 0.125, 0.25, 0.5, 1.0)
BUDGET = 0.02
"""Share of harmless conversations that may be raised where recall is stated."""


def learning_curve(plan: Plan, told: Callable[[str], None]) -> list[dict[str, Any]]:
    """For each share of the training part: crises raised at the budget, and the area under the
    curve of crises against harmless conversations, both on the test part.

    The encoder stays as it came, so that a point costs minutes; what it learns beyond comes on top.
    """
    lexicon = LexiconClassifier.load()
    test = of_corpus(read_part("test"), lexicon)
    points = []
    for share in SHARES:
        told(f"{share:.0%} of the corpus")
        lessons = share_of(read_part("train"), share, plan.recipe.seed)
        points.append(_point(plan, lessons, test, lexicon))
    return points


def _point(
    plan: Plan, lessons: Sequence[Dialogue], test: Sequence[Example], lexicon: LexiconClassifier
) -> dict[str, Any]:
    examples = of_corpus(lessons, lexicon)
    net = start(replace(plan, work=plan.work / f"{len(lessons)}"), examples)
    # a small share gets as many steps as a large one, or it would only be trained less
    passes = min(60, round(plan.recipe.head_passes * (1.0 + 1_000 / len(lessons))))
    recipe = replace(plan.recipe, head_passes=passes)
    fit_reader(net, examples, recipe, lambda *_: None)
    column = level_column(Level.P1)
    tops = [float(rows[:, column].max()) for rows in logits_of(net, test)]
    crises = np.array([top for top, one in zip(tops, test, strict=True) if one.kind == "crisis"])
    harmless = np.array(
        [top for top, one in zip(tops, test, strict=True) if one.kind in ("hard", "easy")]
    )
    return {
        "conversations": len(lessons),
        "recall": float((crises > np.quantile(harmless, 1.0 - BUDGET)).mean()),
        "area": area(crises, harmless),
    }


def area(above: npt.NDArray[np.float64], below: npt.NDArray[np.float64]) -> float:
    """How often one of the first is above one of the second; a tie counts half."""
    ordered = np.sort(below)
    under = np.searchsorted(ordered, above, "left") + np.searchsorted(ordered, above, "right")
    return float(under.mean() / 2 / len(ordered))
