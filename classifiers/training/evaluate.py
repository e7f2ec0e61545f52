"""All measurements of one model brought together, and written for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from classifiers.cascade import Cascade
from classifiers.corpus import Dialogue
from classifiers.evaluation import judge
from classifiers.lexicon import LexiconClassifier
from classifiers.measure import everyday, measured, raised_by_kind
from classifiers.training import sources
from classifiers.training.report import page


def evaluation(
    classifier: Cascade | LexiconClassifier,
    dialogues: Sequence[Dialogue],
    data: Path | None,
    told: Callable[[str], None],
) -> dict[str, Any]:
    """What `jiezhu evaluate` reports. `data`: folder of the public sets, for everyday talk."""
    found = measured(classifier, dialogues, told)
    if isinstance(classifier, Cascade):
        told("ablation")
        found["ablation"] = {}
        for name, part in classifier.parts().items():
            kinds = raised_by_kind(judge(part, dialogues))
            found["ablation"][name] = {
                "crisis": kinds["crisis"]["P1"],
                "harmless": kinds["harmless"]["P1"],
            }
    if data is not None:
        told("everyday talk")
        found["everyday"] = {
            "CPED, KdConv": everyday(classifier, sources.everyday(data)),
            "COLD": everyday(classifier, sources.posts(data)),
        }
    return found


def write(found: dict[str, Any], part: str, folder: Path) -> tuple[Path, Path]:
    """The page and its numbers, into the folder; returns both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    html, numbers = folder / "report.html", folder / "report.json"
    html.write_text(page(found, part), encoding="utf-8")
    numbers.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return html, numbers
