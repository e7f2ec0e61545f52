"""Conversations as numbers to learn from, with a mask where a source says nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from classifiers.corpus import Dialogue
from classifiers.features import CONTEXT, LABELS, LEVELS, beside
from classifiers.lexicon import LexiconClassifier
from classifiers.training.sources import PSYSUICIDE, Row
from safety.core.types import LISTENER_LABELS, EventId, Label, Level, Role, Turn, Utterance

OUTPUTS = len(LABELS) + len(LEVELS)
_CHINA_MIDNIGHT = datetime(2026, 3, 4, 16, 0, tzinfo=UTC)
_KNOWN_TO_PSYSUICIDE = frozenset(PSYSUICIDE.values())


@dataclass(frozen=True, slots=True)
class Example:
    """One conversation. `beside` (turns, WIDTH); `wanted` and `known` (turns, labels + levels):
    what is right, and where something is known to be right. `kind` as of the corpus."""

    id: str
    kind: str
    texts: tuple[str, ...]
    beside: npt.NDArray[np.float32]
    wanted: npt.NDArray[np.float32]
    known: npt.NDArray[np.float32]


def utterances(dialogue: Dialogue) -> list[Utterance]:
    """A conversation of the corpus as the classifiers are asked about it, on one invented day."""
    at = _CHINA_MIDNIGHT + timedelta(minutes=dialogue.minute)
    turns: list[Turn] = []
    found = []
    for number, line in enumerate(dialogue.lines):
        at += timedelta(seconds=line.gap_s if number else 0)
        turn = Turn(EventId(f"{dialogue.id}:{number}"), line.role, line.text, at)
        found.append(Utterance(turn.event_id, turn.role, turn.text, at, tuple(turns[-CONTEXT:])))
        turns.append(turn)
    return found


def of_corpus(dialogues: Iterable[Dialogue], lexicon: LexiconClassifier) -> list[Example]:
    """The corpus, with the lexicon's reading of every turn beside it."""
    examples = []
    for dialogue in dialogues:
        asked = utterances(dialogue)
        wanted = np.zeros((len(asked), OUTPUTS), np.float32)
        known = np.zeros((len(asked), OUTPUTS), np.float32)
        for number, line in enumerate(dialogue.lines):
            wanted[number] = _wanted(line.labels, line.level)
            known[number] = _known(line.role)
        numbers = _beside(asked, lexicon)
        texts = tuple(line.text for line in dialogue.lines)
        examples.append(Example(dialogue.id, dialogue.kind, texts, numbers, wanted, known))
    return examples


def of_psysuicide(rows: Sequence[Row], lexicon: LexiconClassifier) -> list[Example]:
    """Single texts with ten labels; which level they call for is not known."""
    examples = []
    for number, row in enumerate(rows):
        asked = [Utterance(EventId(f"psy:{number}"), Role.CLIENT, row.text, _CHINA_MIDNIGHT)]
        known = np.array([[label in _KNOWN_TO_PSYSUICIDE for label in LABELS] + [False] * 4])
        example = Example(
            f"psy:{number}",
            row.source,
            (row.text,),
            _beside(asked, lexicon),
            _wanted(row.labels, None)[None],
            known.astype(np.float32),
        )
        examples.append(example)
    return examples


def of_everyday(
    talks: Iterable[Sequence[str]], lexicon: LexiconClassifier, unknown: frozenset[Label]
) -> list[Example]:
    """Talk in which nothing calls for anybody; `unknown` labels are left out of the lesson."""
    examples = []
    for number, texts in enumerate(talks):
        turns: list[Turn] = []
        asked = []
        at = _CHINA_MIDNIGHT + timedelta(hours=12)
        for place, text in enumerate(texts):
            at += timedelta(seconds=20)
            role = Role.LISTENER if place % 2 else Role.CLIENT
            turn = Turn(EventId(f"day:{number}:{place}"), role, text, at)
            asked.append(Utterance(turn.event_id, role, text, at, tuple(turns[-CONTEXT:])))
            turns.append(turn)
        known = np.stack([_known(item.role) for item in asked])
        known[:, [index for index, label in enumerate(LABELS) if label in unknown]] = 0.0
        wanted = np.zeros((len(asked), OUTPUTS), np.float32)
        numbers = _beside(asked, lexicon)
        examples.append(Example(f"day:{number}", "everyday", tuple(texts), numbers, wanted, known))
    return examples


def _beside(asked: Sequence[Utterance], lexicon: LexiconClassifier) -> npt.NDArray[np.float32]:
    found = lexicon.assess(asked)
    earlier = [None, *(item.sent_at for item in asked)]
    return np.stack(
        [
            beside(item.role, item.sent_at, last, said)
            for item, last, said in zip(asked, earlier, found, strict=False)
        ]
    )


def _wanted(labels: frozenset[Label], level: Level | None) -> npt.NDArray[np.float32]:
    said = [float(label in labels) for label in LABELS]
    calls = [float(level is not None and level <= floor) for floor in LEVELS]
    return np.array([*said, *calls], np.float32)


def _known(role: Role) -> npt.NDArray[np.float32]:
    """A role's own labels are known of its turns; of a counsellor's nothing is asked."""
    if role not in (Role.CLIENT, Role.LISTENER):
        return np.zeros(OUTPUTS, np.float32)
    own = [
        label is Label.OFF_PLATFORM or (label in LISTENER_LABELS) is (role is Role.LISTENER)
        for label in LABELS
    ]
    return np.array([*own, *[True] * len(LEVELS)], np.float32)
