"""What a classifier makes of whole conversations, through the same rules as the live stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from classifiers.corpus import Dialogue
from safety.core.cards import CardWish
from safety.core.events import EventType, Message
from safety.core.ports import Classifier
from safety.core.reader import Reader, Told
from safety.core.rules import TriageRules
from safety.core.types import (
    ConversationId,
    EventId,
    Label,
    Level,
    PersonId,
    Role,
    TenantId,
    Turn,
    Utterance,
    most_urgent,
)

_TENANT = TenantId("corpus")
_MIDNIGHT = datetime(2026, 3, 4, 16, tzinfo=UTC)
"""Of one invented day, where the clients live."""

_TOGETHER = 50


@dataclass(frozen=True, slots=True)
class Seen:
    """What was made of one turn."""

    level: Level | None
    scores: Mapping[Label, float]
    degraded: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """One conversation and what was made of each of its turns. `case_level` counts silence too."""

    dialogue: Dialogue
    turns: tuple[Seen, ...]
    case_level: Level | None

    @property
    def level(self) -> Level | None:
        """The most urgent level of its turns."""
        return most_urgent(*(turn.level for turn in self.turns))


def events_of(dialogue: Dialogue) -> list[Message]:
    """A conversation of the corpus as the platform would have sent it."""
    at = _MIDNIGHT + timedelta(minutes=dialogue.minute)
    found: list[Message] = []
    for number, line in enumerate(dialogue.lines):
        at += timedelta(seconds=line.gap_s if number else 0)
        found.append(
            Message(
                type=EventType.MESSAGE,
                event_id=EventId(f"{dialogue.id}:{number}"),
                tenant=_TENANT,
                conversation_id=ConversationId(dialogue.id),
                sender_id=PersonId(line.role.value),
                role=line.role,
                sent_at=at,
                text=line.text,
            )
        )
    return found


def utterances_of(dialogue: Dialogue, window: int = 12) -> Iterator[Utterance]:
    """Every turn of a conversation as classifiers are asked about it."""
    turns: list[Turn] = []
    for event in events_of(dialogue):
        before = tuple(turns[-window:])
        yield Utterance(event.event_id, event.role, event.text, event.sent_at, before)
        turns.append(Turn(event.event_id, event.role, event.text, event.sent_at))


def judge(
    classifier: Classifier, dialogues: Sequence[Dialogue], rules: TriageRules | None = None
) -> list[Judged]:
    """Every conversation read turn by turn, as the stream would."""
    reader = Reader(classifier, _no_card, rules or TriageRules())
    judged = []
    for at in range(0, len(dialogues), _TOGETHER):
        part = dialogues[at : at + _TOGETHER]
        effects = reader.read([event for item in part for event in events_of(item)], {})
        told = iter(effects.told)
        for dialogue in part:
            seen = tuple(islice(told, len(dialogue.lines)))
            judged.append(Judged(dialogue, tuple(map(_seen, seen)), seen[-1].standing))
    return judged


def _seen(told: Told) -> Seen:
    said = told.assessment
    if said is None:
        return Seen(told.level, {}, degraded=False)
    return Seen(told.level, said.scores, said.degraded)


def _no_card(_wish: CardWish) -> None:
    return None


def raised(judged: Iterable[Judged], kinds: frozenset[str], level: Level) -> tuple[int, int]:
    """How many conversations of these kinds reach the level or a more urgent one, of how many."""
    held = [item for item in judged if item.dialogue.kind in kinds]
    hits = sum(item.level is not None and item.level <= level for item in held)
    return hits, len(held)


HARMLESS = frozenset({"hard", "easy"})
CRISIS = frozenset({"crisis"})


@dataclass(frozen=True, slots=True)
class Score:
    """Of one label over turns: right, wrong, missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        """Right among all that were named; 1 where none was."""
        return self.right / named if (named := self.right + self.wrong) else 1.0

    @property
    def recall(self) -> float:
        """Right among all that were there; 1 where none was."""
        return self.right / there if (there := self.right + self.missed) else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        both = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / both if both else 1.0


def by_label(judged: Iterable[Judged], threshold: float = 0.5) -> dict[Label, Score]:
    """Each label over all turns whose role may have it."""
    counts = {label: [0, 0, 0] for label in Label}
    for item in judged:
        for line, seen in zip(item.dialogue.lines, item.turns, strict=True):
            if line.role not in (Role.CLIENT, Role.LISTENER):
                continue
            for label in Label:
                there, named = label in line.labels, seen.scores.get(label, 0.0) >= threshold
                if there or named:
                    counts[label][0 if there and named else 1 if named else 2] += 1
    return {label: Score(*count) for label, count in counts.items()}


def by_label_in_talks(judged: Iterable[Judged], threshold: float = 0.5) -> dict[Label, Score]:
    """Each label over whole conversations: whether it stands there at all, at whichever turn."""
    counts = {label: [0, 0, 0] for label in Label}
    for item in judged:
        there = {label for line in item.dialogue.lines for label in line.labels}
        named = {
            label
            for line, seen in zip(item.dialogue.lines, item.turns, strict=True)
            if line.role in (Role.CLIENT, Role.LISTENER)
            for label, score in seen.scores.items()
            if score >= threshold
        }
        for label in there | named:
            counts[label][0 if label in there & named else 1 if label in named else 2] += 1
    return {label: Score(*count) for label, count in counts.items()}
