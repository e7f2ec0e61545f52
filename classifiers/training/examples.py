"""Conversations as numbers to learn from, with a mask where a source says nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from classifiers.corpus import Dialogue, Line
from classifiers.evaluation import utterances_of
from classifiers.features import CONTEXT, LABELS, LEVELS, beside
from classifiers.lexicon import LexiconClassifier
from classifiers.training.sources import PSYSUICIDE, Row
from safety.core.types import LISTENER_LABELS, EventId, Label, Level, Role, Utterance

OUTPUTS = len(LABELS) + len(LEVELS)
_NIGHT = datetime(2026, 3, 4, 16, tzinfo=UTC)
NOON_MINUTE = 12 * 60
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


def of_corpus(dialogues: Iterable[Dialogue], lexicon: LexiconClassifier) -> list[Example]:
    """The corpus, with the lexicon's reading of every turn beside it."""
    examples = []
    for dialogue in dialogues:
        asked = list(utterances_of(dialogue, CONTEXT))
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
        asked = [Utterance(EventId(f"psy:{number}"), Role.CLIENT, row.text, _NIGHT)]
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
    source: str,
    talks: Iterable[Sequence[str]],
    lexicon: LexiconClassifier,
    unknown: frozenset[Label],
) -> list[Example]:
    """Talk in which nothing calls for anybody; `unknown` labels are left out of the lesson."""
    talk = [
        Dialogue(f"day:{source}:{number}", "everyday", NOON_MINUTE, "", tuple(_taking_turns(texts)))
        for number, texts in enumerate(talks)
    ]
    left_out = [LABELS.index(label) for label in unknown]
    examples = of_corpus(talk, lexicon)
    for example in examples:
        example.known[:, left_out] = 0.0
    return examples


def _taking_turns(texts: Iterable[str]) -> Iterator[Line]:
    for place, text in enumerate(texts):
        yield Line(Role.LISTENER if place % 2 else Role.CLIENT, text)


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
