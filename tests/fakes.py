"""Stand-ins that are honest: a clock that moves when told, phones that fail on surprises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from safety.core.cases import Page, Person, Receipt
from safety.core.errors import ClassifierUnavailable
from safety.core.types import Assessment, Cue, Evidence, Label, Role, Utterance

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
"""12:00 in Shanghai."""

NIGHT = datetime(2026, 3, 4, 18, 7, tzinfo=UTC)
"""02:07 in Shanghai."""


@dataclass
class FakeClock:
    """Time stands still until somebody sleeps or advances it."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=max(0.0, seconds))

    def advance(self, seconds: float) -> None:
        self.sleep(seconds)


@dataclass(frozen=True)
class Says:
    """What the dictionary classifier makes of one text."""

    labels: Mapping[Label, float] = field(default_factory=dict)
    cues: tuple[Cue, ...] = ()


class DictionaryClassifier:
    """Text → scores, for tests that are not about language."""

    versions: Mapping[str, str] = MappingProxyType({"lexicon": "dictionary"})

    def __init__(self, words: Mapping[str, Says]) -> None:
        self.words = words
        self.down = False
        self.asked: list[Utterance] = []

    def assess(self, utterances: Sequence[Utterance]) -> list[Assessment]:
        if self.down:
            raise ClassifierUnavailable("switched off by the test")
        self.asked.extend(utterances)
        return [self._one(item) for item in utterances]

    def _one(self, item: Utterance) -> Assessment:
        says = self.words.get(item.text, Says())
        if item.role not in (Role.CLIENT, Role.LISTENER):
            says = Says()
        evidence = [
            Evidence("lexicon", 0, len(item.text), "t1", label=label) for label in says.labels
        ]
        evidence += [Evidence("lexicon", 0, len(item.text), "t2", cue=cue) for cue in says.cues]
        return Assessment(item.event_id, dict(says.labels), tuple(evidence), self.versions)


@dataclass
class FakePhone:
    """Everybody's phone on one channel. `pages` lists what rang and was not yet expected."""

    channel: str = "console"
    pages: list[tuple[str, Page]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    def send(self, page: Page, person: Person) -> Receipt:
        if self.failures:
            raise self.failures.pop(0)
        self.pages.append((person.id, page))
        return Receipt(f"ring-{page.id}-{page.attempt}")

    def expect(self, person: str, level: str) -> Page:
        """The next page must have gone to `person` at `level`."""
        for index, (name, page) in enumerate(self.pages):
            if name == person and page.level.name == level:
                del self.pages[index]
                return page
        rang = [(name, page.level.name) for name, page in self.pages]
        raise AssertionError(f"expected {level} for {person}, rang: {rang}")
