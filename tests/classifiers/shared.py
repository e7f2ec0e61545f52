"""What the tests of this room share: one loaded classifier and a short way to ask it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from classifiers import LexiconClassifier
from safety.core.types import Assessment, EventId, Label, Role, Turn, Utterance

DATA = Path(__file__).parent / "data"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACUTE = frozenset(
    {
        Label.SUICIDE_ATTEMPT,
        Label.SUICIDE_PREPARATION,
        Label.SUICIDE_PLAN,
        Label.ACTIVE_IDEATION,
        Label.PASSIVE_IDEATION,
        Label.DANGEROUS_PLACE,
    }
)


@cache
def lexicon() -> LexiconClassifier:
    return LexiconClassifier.load()


def says(text: str, role: Role = Role.CLIENT, before: tuple[Turn, ...] = ()) -> Assessment:
    utterance = Utterance(EventId("m-1"), role, text, NOON, before)
    return lexicon().assess([utterance])[0]


def turn(role: str, seconds: int, text: str) -> Turn:
    who = {"C": Role.CLIENT, "L": Role.LISTENER, "K": Role.COUNSELLOR}[role]
    return Turn(EventId(f"b-{seconds}"), who, text, NOON - timedelta(seconds=seconds))


def present(assessment: Assessment) -> set[Label]:
    return {label for label, score in assessment.scores.items() if score >= 0.5}


def rows(name: str) -> Any:
    return yaml.safe_load((DATA / name).read_text(encoding="utf-8"))


def lines(name: str) -> list[str]:
    written = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [line for line in written if line and not line.startswith("#")]
