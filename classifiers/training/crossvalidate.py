"""PsySUICIDE by cross-validation: what is learned from our corpus, then from four fifths of it."""

from __future__ import annotations

import copy
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifiers.features import LABELS
from classifiers.lexicon import LexiconClassifier
from classifiers.training.examples import Example, of_psysuicide
from classifiers.training.fit import Net, Recipe, fit_all, logits_of
from classifiers.training.sources import PSYSUICIDE, Row, psysuicide
from safety.core.types import Label

Array = npt.NDArray[np.float32]

RECIPE = Recipe(passes=6, turns=48, encoder_rate=4e-5, weigh=1.5)
_KNOWN = [LABELS.index(label) for label in PSYSUICIDE.values()]


def cross_validated(
    net: Net,
    folder: Path,
    others: Sequence[Example],
    folds: int,
    seed: int,
    told: Callable[[str], None],
) -> dict[str, Any]:
    """Any-risk F1 and macro-F1 per source and overall. `net` has learned nothing of PsySUICIDE;
    `others` keeps what it knows alive while it learns a fold's rows."""
    rows = psysuicide(folder)
    examples = of_psysuicide(rows, LexiconClassifier.load())
    order = list(range(len(rows)))
    random.Random(seed).shuffle(order)
    stated = np.zeros((len(rows), len(_KNOWN)), np.float32)
    for fold in range(folds):
        told(f"fold {fold + 1} of {folds}")
        held = set(order[fold::folds])
        learner = copy.deepcopy(net)
        lessons = [examples[index] for index in order if index not in held]
        fit_all(learner, [*lessons, *others], RECIPE, lambda *_: None)
        asked = sorted(held)
        logits = logits_of(learner, [examples[index] for index in asked])
        for index, found in zip(asked, logits, strict=True):
            stated[index] = 1.0 / (1.0 + np.exp(-found[0, _KNOWN]))
    return by_source(rows, stated)


def by_source(rows: Sequence[Row], stated: Array, threshold: float = 0.5) -> dict[str, Any]:
    """The figures of each source and of all, from probabilities (rows, ten labels)."""
    places: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        places[row.source].append(index)
        places["all"].append(index)
    return {
        source: _figures([rows[index] for index in held], stated[held], threshold)
        for source, held in sorted(places.items())
    }


def _figures(rows: Sequence[Row], stated: Array, threshold: float) -> Mapping[str, float]:
    there = np.array([[label in row.labels for label in PSYSUICIDE.values()] for row in rows])
    named = stated >= threshold
    each = [_f1(there[:, place], named[:, place]) for place in range(len(_KNOWN))]
    return {
        "rows": len(rows),
        "any_f1": _f1(there.any(1), named.any(1)),
        "macro_f1": float(
            np.mean([value for value, has in zip(each, there.any(0), strict=True) if has])
        ),
    }


def _f1(there: npt.NDArray[np.bool_], named: npt.NDArray[np.bool_]) -> float:
    right = int((there & named).sum())
    both = int(there.sum() + named.sum())
    return 2 * right / both if both else 1.0


def labels() -> tuple[Label, ...]:
    """The ten labels that PsySUICIDE knows, in its order."""
    return tuple(PSYSUICIDE.values())
