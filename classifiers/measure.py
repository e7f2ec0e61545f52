"""Everything that `jiezhu evaluate` measures, as plain data for the report and its JSON."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from math import sqrt
from typing import Any

from classifiers.cascade import Cascade
from classifiers.corpus import Dialogue, Line
from classifiers.disguises import DISGUISES
from classifiers.evaluation import Judged, Score, by_label, by_label_in_talks, judge, utterances_of
from safety.core.ports import Classifier
from safety.core.types import EventId, Label, Level, Role, Utterance

BUDGETS = (0.005, 0.01, 0.02, 0.05, 0.1)
"""Shares of harmless conversations that may be raised, at which recall is stated."""

BINS = 10
_NOON = datetime(2026, 3, 5, 4, tzinfo=UTC)

Told = Callable[[str], None]


def measured(classifier: Classifier, dialogues: Sequence[Dialogue], told: Told) -> dict[str, Any]:
    """The whole of one part: conversations raised, labels, misses, disguises."""
    told("conversations")
    judged = judge(classifier, dialogues)
    found: dict[str, Any] = {
        "versions": dict(classifier.versions),
        "conversations": raised_by_kind(judged),
        "labels": {label.value: _score(score) for label, score in by_label(judged).items()},
        "labels_in_talks": {
            label.value: _score(score) for label, score in by_label_in_talks(judged).items()
        },
        "listener_lapses": _score(lapses(judged)),
        "listener_lapses_in_talks": _score(lapses_in_talks(judged)),
        "misses": misses(judged),
    }
    if isinstance(classifier, Cascade):
        told("curves")
        found |= curves(classifier, dialogues)
    told("disguises")
    found["disguises"] = disguised(classifier, dialogues)
    return found


def raised_by_kind(judged: Sequence[Judged]) -> dict[str, Any]:
    """For each kind of conversation how many reach P1 and P2, with a 95 % interval (Wilson)."""
    held: dict[str, list[Judged]] = defaultdict(list)
    for item in judged:
        held[item.dialogue.kind].append(item)
        if item.dialogue.kind in ("hard", "easy"):
            held["harmless"].append(item)
    return {
        kind: {
            level.name: _share(sum(i.level is not None and i.level <= level for i in items), items)
            for level in (Level.P0, Level.P1, Level.P2, Level.P3)
        }
        for kind, items in sorted(held.items())
    }


def _share(hits: int, items: Sequence[object]) -> dict[str, float]:
    count = len(items)
    low, high = wilson(hits, count)
    return {"hits": hits, "of": count, "share": hits / count, "low": low, "high": high}


def wilson(hits: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """The Wilson score interval of a share."""
    if not count:
        return 0.0, 1.0
    share = hits / count
    middle = share + z * z / (2 * count)
    spread = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def _score(score: Score) -> dict[str, float]:
    return {
        "precision": score.precision,
        "recall": score.recall,
        "f1": score.f1,
        "there": score.right + score.missed,
        "named": score.right + score.wrong,
    }


_LAPSES = (Label.LISTENER_UNSAFE, Label.LISTENER_BOUNDARY, Label.LISTENER_GOADING)


def lapses(judged: Iterable[Judged]) -> Score:
    """Whether a listener's turn is a lapse at all, of whichever kind."""
    return _score_of(pair for item in judged for pair in _lapses_of(item))


def lapses_in_talks(judged: Iterable[Judged]) -> Score:
    """Whether a conversation holds a lapse at all, at whichever turn."""
    talks = (list(_lapses_of(item)) for item in judged)
    return _score_of((any(t for t, _ in held), any(n for _, n in held)) for held in talks)


def _lapses_of(item: Judged) -> Iterator[tuple[bool, bool]]:
    """Of every turn of the listener, whether it is a lapse and whether it was named one."""
    for line, seen in zip(item.dialogue.lines, item.turns, strict=True):
        if line.role is Role.LISTENER:
            yield (
                any(label in line.labels for label in _LAPSES),
                any(seen.scores.get(label, 0.0) >= 0.5 for label in _LAPSES),
            )


def _score_of(pairs: Iterable[tuple[bool, bool]]) -> Score:
    counts = Counter(pairs)
    return Score(counts[True, True], counts[False, True], counts[True, False])


def misses(judged: Iterable[Judged]) -> list[dict[str, Any]]:
    """Crises that stay below P1, and harmless conversations that are raised to P2 or more."""
    found = []
    for item in judged:
        kind, level = item.dialogue.kind, item.level
        missed = kind == "crisis" and (level is None or level > Level.P1)
        alarmed = kind in ("hard", "easy") and level is not None and level <= Level.P2
        if missed or alarmed:
            found.append(
                {
                    "id": item.dialogue.id,
                    "situation": item.dialogue.situation,
                    "kind": kind,
                    "wanted": None if item.dialogue.level is None else item.dialogue.level.name,
                    "given": None if level is None else level.name,
                }
            )
    return found


def curves(cascade: Cascade, dialogues: Sequence[Dialogue]) -> dict[str, Any]:
    """Probabilities against what was written: calibration, precision-recall, recall at a budget."""
    tops: list[tuple[str, float]] = []
    pairs: dict[Label, list[tuple[float, bool]]] = {label: [] for label in Label}
    calls: list[tuple[float, bool]] = []
    for dialogue in dialogues:
        top = 0.0
        for line, (said, opinion) in zip(
            dialogue.lines, cascade.read(list(utterances_of(dialogue))), strict=True
        ):
            if line.role not in (Role.CLIENT, Role.LISTENER):
                continue
            urgent = 0.0 if opinion is None else opinion.levels[Level.P1]
            top = max(top, urgent)
            calls.append((urgent, line.level is not None and line.level <= Level.P1))
            for label in Label:
                pairs[label].append((said.scores.get(label, 0.0), label in line.labels))
        tops.append((dialogue.kind, top))
    everything = [pair for held in pairs.values() for pair in held if pair[0] > 0.0]
    return {
        "budget": _budget(tops),
        "reliability": {"labels": reliability(everything), "urgent": reliability(calls)},
        "precision_recall": {label.value: _steps(held) for label, held in pairs.items()},
    }


def _budget(tops: Sequence[tuple[str, float]]) -> list[dict[str, float]]:
    harmless = sorted((top for kind, top in tops if kind in ("hard", "easy")), reverse=True)
    crises = [top for kind, top in tops if kind == "crisis"]
    points = []
    for budget in sorted({*BUDGETS, *(step / 50 for step in range(26))}):
        place = int(budget * len(harmless))
        threshold = harmless[place] if place < len(harmless) else 0.0
        recall = sum(top > threshold for top in crises) / max(1, len(crises))
        points.append({"harmless": budget, "recall": recall, "threshold": threshold})
    return points


def reliability(pairs: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """Stated probability against what came, in ten bins; `error` is the mean gap (ECE)."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for stated, came in pairs:
        bins[min(int(stated * BINS), BINS - 1)].append((stated, came))
    rows = [
        {
            "stated": sum(stated for stated, _ in held) / len(held),
            "came": sum(came for _, came in held) / len(held),
            "count": len(held),
        }
        for held in bins
        if held
    ]
    total = sum(row["count"] for row in rows) or 1
    error = sum(abs(row["stated"] - row["came"]) * row["count"] for row in rows) / total
    return {"bins": rows, "error": error}


def _steps(pairs: Sequence[tuple[float, bool]], points: int = 60) -> dict[str, Any]:
    """A precision-recall curve, thinned, with its average precision."""
    ordered = sorted(pairs, key=lambda pair: -pair[0])
    there = sum(came for _, came in ordered)
    right, area, curve, last = 0, 0.0, [], 0.0
    for count, (_, came) in enumerate(ordered, start=1):
        if came:
            right += 1
            recall, precision = right / there, right / count
            area += precision * (recall - last)
            last = recall
            curve.append((recall, precision))
    step = max(1, len(curve) // points)
    return {"average": area, "there": there, "curve": curve[::step]}


def disguised(classifier: Classifier, dialogues: Sequence[Dialogue]) -> dict[str, Any]:
    """Crises whose client turns are disguised: how many are still raised to P1."""
    crises = [dialogue for dialogue in dialogues if dialogue.kind == "crisis"]
    found = {}
    for name, disguise in DISGUISES.items():
        rng = random.Random(name)  # noqa: S311 - the same disguise in every run
        hidden = [
            replace(
                dialogue,
                id=f"{dialogue.id}:{name}",
                lines=tuple(
                    replace(line, text=disguise(line.text, rng))
                    if line.role is Role.CLIENT
                    else line
                    for line in dialogue.lines
                ),
            )
            for dialogue in crises
        ]
        judged = judge(classifier, hidden)
        hits = sum(item.level is not None and item.level <= Level.P1 for item in judged)
        found[name] = _share(hits, judged)
    return found


def everyday(classifier: Classifier, texts: Iterable[str]) -> dict[str, Any]:
    """Messages of ordinary talk, each read by itself: how many come to P2 or above."""
    counts = dict.fromkeys(("messages", "P2", "P1"), 0)
    rest = enumerate(texts)
    while part := list(islice(rest, 500)):
        alone = [
            Dialogue(f"day-{number}", "everyday", 12 * 60, "", (Line(Role.CLIENT, text),))
            for number, text in part
        ]
        for item in judge(classifier, alone):
            counts["messages"] += 1
            counts["P2"] += item.level is not None and item.level <= Level.P2
            counts["P1"] += item.level is not None and item.level <= Level.P1
    return {**counts, "share": counts["P2"] / max(1, counts["messages"])}


def single(classifier: Classifier, texts: Sequence[str]) -> list[Mapping[Label, float]]:
    """Scores of texts without any context."""
    asked = [
        Utterance(EventId(f"one-{number}"), Role.CLIENT, text, _NOON)
        for number, text in enumerate(texts)
    ]
    return [assessment.scores for assessment in classifier.assess(asked)]
