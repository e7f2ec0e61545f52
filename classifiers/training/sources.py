"""The public sets a training run may read, from a folder of JSON Lines; none of it is kept."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safety.core.errors import Misconfigured
from safety.core.types import Label

PSYSUICIDE = {
    "自杀未遂": Label.SUICIDE_ATTEMPT,
    "自杀准备行为": Label.SUICIDE_PREPARATION,
    "自杀计划": Label.SUICIDE_PLAN,
    "主动自杀意图": Label.ACTIVE_IDEATION,
    "被动自杀意图": Label.PASSIVE_IDEATION,
    "自伤行为": Label.SELF_INJURY,
    "自伤意图": Label.SELF_INJURY_URGE,
    "用户攻击行为": Label.AGGRESSION_BY_CLIENT,
    "他人攻击行为": Label.AGGRESSION_BY_OTHER,
    "关于自杀的探索": Label.SUICIDE_EXPLORATION,
}
"""The order of the data set's own label vector; the eleventh means none of these."""

IRRELEVANT = "与自杀/自伤/攻击行为无关"


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text of PsySUICIDE; `source` says where the set took it from."""

    text: str
    labels: frozenset[Label]
    source: str


def rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """The objects of a JSON Lines file, packed or not. Raises Misconfigured if it is not there."""
    if not path.is_file():
        raise Misconfigured(f"there is no file {path}: name the folder of the public sets")
    opener: Any = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def psysuicide(folder: Path) -> list[Row]:
    """PsySUICIDE's rows for learning (MIT). Raises Misconfigured for a label it does not know."""
    found = []
    for row in rows(folder / "psysuicide_valid.jsonl"):
        names = [name for name in row["labels"] if name != IRRELEVANT]
        unknown = sorted(set(names) - PSYSUICIDE.keys())
        if unknown:
            raise Misconfigured(f"psysuicide_valid.jsonl: no label is called {unknown[0]!r}")
        labels = frozenset(PSYSUICIDE[name] for name in names)
        found.append(Row(row["text"], labels, row["source"]))
    return found


def dialogues(folder: Path, name: str) -> Iterator[list[tuple[str, str]]]:
    """The conversations of a set, each as (role, text)."""
    for row in rows(folder / f"{name}_dialogues.jsonl.xz"):
        yield [(turn["role"], turn["text"]) for turn in row["turns"]]


def everyday(folder: Path) -> Iterator[str]:
    """Messages of everyday talk: CPED (Apache-2.0) and KdConv (Apache-2.0)."""
    for row in rows(folder / "cped_utterances.jsonl.xz"):
        yield row["text"]
    for turns in dialogues(folder, "kdconv"):
        yield from (text for _, text in turns)


def posts(folder: Path) -> Iterator[str]:
    """Posts of social media, offensive or not: COLD (Apache-2.0)."""
    for row in rows(folder / "cold_posts.jsonl.xz"):
        yield row["text"]
