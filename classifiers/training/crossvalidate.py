"""PsySUICIDE by cross-validation: what is learned from our corpus, then from four fifths of it."""

from __future__ import annotations

import copy
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from classifiers.features import LABELS
from classifiers.lexicon import LexiconClassifier
from classifiers.trained import probabilities
from classifiers.training.fit import Progress, logits_of
from classifiers.training.run import Plan, gather, grounded, refined, start
from classifiers.training.sources import PSYSUICIDE, Row, psysuicide

Array = npt.NDArray[np.float32]

_ONE, _NOTHING = np.ones(1, np.float32), np.zeros(1, np.float32)
_KNOWN = [LABELS.index(label) for label in PSYSUICIDE.values()]


def cross_validated(plan: Plan, folds: int, told: Progress) -> dict[str, Any]:
    """Any-risk F1 and macro-F1 per source and overall.

    The conversations, which all folds share, are learned once (in `plan.work`, and taken up again
    from there); each fold then learns the other folds' rows, just as the model that ships learns
    all of them. Needs `plan.data`.
    """
    assert plan.data is not None
    lexicon = LexiconClassifier.load()
    lessons = gather(plan, lexicon)
    plan.work.mkdir(parents=True, exist_ok=True)
    net = start(plan, lessons.train)
    grounded(plan, net, lessons, told)
    rows, examples = psysuicide(plan.data), lessons.rows
    order = random.Random(plan.recipe.seed).sample(range(len(rows)), len(rows))
    stated = np.zeros((len(rows), len(_KNOWN)), np.float32)
    for fold in range(folds):
        held = sorted(order[fold::folds])
        taught = [examples[index] for index in order if index not in set(held)]
        learner = copy.deepcopy(net)
        refined(learner, lessons, taught, plan.recipe, partial(_numbered, told, fold))
        logits = logits_of(learner, [examples[index] for index in held])
        for index, found in zip(held, logits, strict=True):
            stated[index] = probabilities(found[0, _KNOWN], _ONE, _NOTHING)
    return by_source(rows, stated)


def _numbered(told: Progress, fold: int, _: str, step: int, steps: int, loss: float) -> None:
    told(f"fold {fold + 1}", step, steps, loss)


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
    each = [
        _f1(there[:, place], named[:, place])
        for place in range(len(_KNOWN))
        if there[:, place].any()
    ]
    return {
        "rows": len(rows),
        "any_f1": _f1(there.max(1), named.max(1)),
        "macro_f1": float(np.mean(each)) if each else 1.0,
    }


def _f1(there: npt.NDArray[np.bool_], named: npt.NDArray[np.bool_]) -> float:
    right = int((there & named).sum())
    both = int(there.sum() + named.sum())
    return 2 * right / both if both else 1.0
