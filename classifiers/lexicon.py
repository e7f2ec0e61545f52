"""The classifier that reads by glossary and rules: it needs no model and no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import zip_longest
from pathlib import Path

from classifiers.automaton import Automaton, Hit
from classifiers.clauses import Clauses
from classifiers.context import MEANS, SURE, inherited, joined
from classifiers.entries import Entry
from classifiers.lint import findings
from classifiers.loader import Glossary, load_glossary
from classifiers.scope import Reading, Whose, read
from classifiers.text import View
from classifiers.timing import anchor
from safety.core.types import Assessment, Cue, Evidence, Label, Role, Strength, Utterance

_ACUTE = frozenset(
    {
        Label.SUICIDE_ATTEMPT,
        Label.SUICIDE_PREPARATION,
        Label.SUICIDE_PLAN,
        Label.ACTIVE_IDEATION,
        Label.PASSIVE_IDEATION,
    }
)
_CLOSE = 4
"""So few characters between a time and a term need no verb of deciding ("明天跳江")."""

_MESSAGE = 300
"""How far around a hit a message is searched for what a row asks of it."""

_ACT_WISHED = {Label.ACTIVE_IDEATION: 0.7}
_FAINT = 0.3
_REMEMBERED = 0.55
_ATTEMPTED_ONCE = 0.6
_THIRD = 0.75
_FADED = 0.5


class LexiconClassifier:
    """Reads each message once against the whole glossary, each hit by the rules of its clause.

    It never raises on any text and keeps nothing between messages; threads may share one.
    """

    def __init__(self, glossary: Glossary) -> None:
        self._glossary = glossary
        self._automaton = Automaton(glossary.entries)
        self._versions: Mapping[str, str] = {"lexicon": glossary.version}

    @classmethod
    def load(cls, folder: Path | None = None) -> LexiconClassifier:
        """The classifier of a glossary folder, by default the shipped one.

        Raises Misconfigured, naming file and row, if the glossary is broken.
        """
        return cls(load_glossary(folder))

    @property
    def version(self) -> str:
        """The glossary's date and a short hash of its content."""
        return self._glossary.version

    @property
    def versions(self) -> Mapping[str, str]:
        """Which lexicon reads."""
        return self._versions

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The rows, for lists and reports."""
        return self._glossary.entries

    def lint(self, today: date) -> list[str]:
        """What a reviewer should look at, one plain sentence each; empty when all is well."""
        return findings(self._glossary.entries, today)

    def assess(self, utterances: Sequence[Utterance]) -> list[Assessment]:
        """One assessment for each utterance, in order."""
        return [self._assess(utterance) for utterance in utterances]

    def _assess(self, utterance: Utterance) -> Assessment:
        tally = _Tally()
        if utterance.role is Role.CLIENT:
            self._client(utterance, tally)
        elif utterance.role is Role.LISTENER:
            view = View(utterance.text)
            self._match(view, utterance.role, 0, tally)
        return Assessment(
            event_id=utterance.event_id,
            scores=tally.scores,
            evidence=tuple(tally.evidence),
            versions=self._versions,
        )

    def _client(self, utterance: Utterance, tally: _Tally) -> None:
        view = View(utterance.text)
        answer = inherited(utterance, view)
        if answer is not None:
            label = MEANS[answer.asked] if answer.affirmed else None
            if label is not None:
                tally.raise_to(label, SURE)
            whole = view.span(0, len(view.solid))
            term = f"asked.{answer.asked.value}"
            tally.evidence.setdefault(Evidence("context", *whole, term, label, answer.cue))
        text, base = joined(utterance, view)
        self._match(View(text) if base else view, utterance.role, base, tally)

    def _match(self, view: View, role: Role, base: int, tally: _Tally) -> None:
        first = view.before(base) if base else 0
        hits = [
            hit
            for hit in self._automaton.find(view)
            if role in hit.entry.roles and hit.stop > base and _placed(hit, view.solid, first)
        ]
        if not hits:
            return
        clauses = Clauses(view)
        spoken: list[tuple[Hit, Reading]] = []
        for hit in hits:
            if _shadowed(hit, spoken) or not _fits(hit, clauses):
                continue
            reading = read(hit, clauses)
            if reading.whose is not Whose.NOBODY:
                spoken.append((hit, reading))
        tally.tell(spoken, clauses, base)


_RANK = {"HOPE": 1, "CTX": 1, "MED": 1, "PANIC": 1, "DEP": 1, "TRANS": 1, "SI-P": 2, "CTX-PLACE": 2}
_GRAVE = 3


def _rank(entry: Entry) -> int:
    return _RANK.get(entry.kind, _GRAVE)


def _shadowed(hit: Hit, spoken: Iterable[tuple[Hit, Reading]]) -> bool:
    """A longer phrase that fired speaks for the shorter ones inside it, unless they are graver."""
    return any(
        other.start <= hit.start
        and hit.end <= other.end
        and other.end - other.start > hit.end - hit.start > 0
        and (other.entry is hit.entry or not other.headed)
        and _rank(other.entry) >= _rank(hit.entry)
        for other, _ in spoken
    )


def _placed(hit: Hit, solid: str, first: int) -> bool:
    """Whether what the row asks of its neighbours and of the whole message holds."""
    entry = hit.entry
    if entry.alone and (hit.start > first or hit.end != len(solid)):
        return False
    if entry.not_before and solid[hit.end : hit.end + 1] in entry.not_before:
        return False
    if entry.not_after and hit.start and solid[hit.start - 1] in entry.not_after:
        return False
    low, high = max(0, hit.start - _MESSAGE), min(len(solid), hit.end + _MESSAGE)
    if entry.needs_message is not None and not entry.needs_message.search(solid, low, high):
        return False
    return entry.unless_message is None or not entry.unless_message.search(solid, low, high)


def _fits(hit: Hit, clauses: Clauses) -> bool:
    """Whether what the row asks of its clause holds."""
    entry, solid = hit.entry, clauses.view.solid
    low, high = clauses.around(hit.start, hit.end)
    if entry.needs is not None and not entry.needs.search(solid, low, high):
        return False
    return entry.unless is None or not entry.unless.search(solid, low, high)


class _Tally:
    """Scores and evidence of one message as they come together."""

    __slots__ = ("evidence", "scores")

    def __init__(self) -> None:
        self.scores: dict[Label, float] = {}
        self.evidence: dict[Evidence, None] = {}

    def raise_to(self, label: Label, score: float) -> None:
        """Signs of one label do not add up: the strongest counts."""
        if score > self.scores.get(label, 0.0):
            self.scores[label] = score

    def tell(self, spoken: Sequence[tuple[Hit, Reading]], clauses: Clauses, base: int) -> None:
        """Everything that fired in one message."""
        for hit, reading in spoken:
            labels, cues = _meaning(hit.entry, reading)
            timed = reading.whose is Whose.SELF and hit.entry.timed
            if timed and (hit.entry.strength is not Strength.CODED or _backed(hit, spoken)):
                labels = self._dated(hit, reading, clauses, base) | labels
            for label, score in labels.items():
                self.raise_to(label, score)
            begin = max(hit.begin - base, 0)
            for label, cue in zip_longest(labels, cues):
                self._add(begin, hit.stop - base, hit.entry, label, cue)

    def _dated(self, hit: Hit, reading: Reading, clauses: Clauses, base: int) -> dict[Label, float]:
        low, high = clauses.around(hit.start, hit.end)
        when = anchor(clauses.view.solid, low, high, start=hit.start)
        if when is None:
            return {}
        begin, stop = clauses.view.span(when.start, when.end)
        if stop > base:
            self._add(max(begin - base, 0), stop - base, hit.entry, None, when.cue)
        apart = hit.start - when.end
        close = low <= when.start and apart <= (_CLOSE if reading.wish else 2 * _CLOSE)
        return dict(hit.entry.dated) if reading.intent or close else {}

    def _add(
        self, begin: int, stop: int, entry: Entry, label: Label | None, cue: Cue | None
    ) -> None:
        found = Evidence("lexicon", begin, stop, entry.id, label, cue, entry.strength)
        self.evidence.setdefault(found)


def _backed(hit: Hit, spoken: Sequence[tuple[Hit, Reading]]) -> bool:
    """A coded method word takes a time only beside a pact or plain risk: dinner has times too."""
    if not hit.entry.kind.startswith("METH"):
        return True
    return any(
        Cue.PACT in other.entry.cues or other.entry.strength is Strength.PLAIN
        for other, _ in spoken
        if other.entry.kind not in {"CTX", "MED", "TRANS", "DEP", "OFFPLAT"}
    )


def _meaning(entry: Entry, reading: Reading) -> tuple[dict[Label, float], tuple[Cue, ...]]:
    """What a row says when read this way."""
    labels = dict(entry.labels)
    if reading.whose is Whose.THIRD:
        return ({Label.THIRD_PARTY: _THIRD} if entry.third else {}), ()
    if reading.whose is Whose.SOFTENED:
        return ({Label.PASSIVE_IDEATION: _FAINT} if not _ACUTE.isdisjoint(labels) else {}), ()
    if reading.whose in {Whose.PAST, Whose.RECOVERED}:
        return _memory(entry, reading), ()
    if entry.kind == "ACT" and reading.wish and not (reading.intent or reading.done):
        return dict(_ACT_WISHED), ()
    if reading.done and entry.done:
        cue = Cue.RECENT_ATTEMPT if reading.recent else Cue.ACT_NOW
        return _higher(labels, entry.done), (*entry.cues, cue)
    if reading.wish:
        labels = _higher(labels, entry.wish)
    return labels, entry.cues


def _memory(entry: Entry, reading: Reading) -> dict[Label, float]:
    """Past and recovered lowers; past alone stays worth a look (clinical reference 5.2 row 102)."""
    better = reading.whose is Whose.RECOVERED
    grave = not _ACUTE.isdisjoint((*entry.labels, *entry.wish, *entry.done))
    if not grave:
        return {label: score * _FADED for label, score in entry.labels.items()}
    if reading.done and entry.done and not better:
        return {Label.ACTIVE_IDEATION: _ATTEMPTED_ONCE}
    return {Label.PASSIVE_IDEATION: _FAINT if better else _REMEMBERED}


def _higher(one: Mapping[Label, float], other: Mapping[Label, float]) -> dict[Label, float]:
    return {label: max(one.get(label, 0), other.get(label, 0)) for label in (*one, *other)}
