"""What counsellors say of the readings, and what that makes of each term and label. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from safety.core.types import CaseId, ConversationId, EventId, Level, PersonId, TenantId

REVIEW_BELOW = 0.2
"""A term of which a smaller share is true is looked at again (R-DET-15)."""

REVIEW_FROM = 10
"""So many verdicts it takes before a share says anything."""

NEVER_DROPPED = frozenset({"SI-A", "SI-P"})
"""Glossary classes of suicidal ideation: however often they are wrong, they stay (R-DET-15)."""

MESSAGE = ""
"""What a verdict decides that is about the message as a whole and about no term of it."""


class Judged(StrEnum):
    """A verdict. TRUE and FALSE are about what fired; MISSED about a message that should have been
    raised and was not; WITHDRAWN takes back what the same person said before."""

    TRUE = "true"
    FALSE = "false"
    MISSED = "missed"
    WITHDRAWN = "withdrawn"


class Consent(StrEnum):
    """Whether the client agreed, separately, that these words train a model (R-PRIV-09)."""

    GIVEN = "given"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Fired:
    """What fired on one message under one term: a lexicon row, a rule, or the model.

    `labels` and `cues` are values of `Label` and `Cue` as they were called then.
    """

    source: str
    term: str
    labels: tuple[str, ...] = ()
    cues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CounsellorVerdict:
    """One verdict as it was given; `id` grows with time.

    `term` None speaks of everything that fired. `labels` are the right ones, as far as the
    counsellor named them. `level`, `fired` and `versions` are copied from the reading, so that
    they outlive it; a message on which nothing fired has none. `reason` is None unless it was
    asked for and can still be read; `has_reason` says whether one is kept.
    """

    id: int
    tenant: TenantId
    case_id: CaseId
    client_id: PersonId
    conversation_id: ConversationId
    event_id: EventId
    person: PersonId
    at: datetime
    judged: Judged
    term: str | None = None
    labels: tuple[str, ...] = ()
    consent: Consent = Consent.UNKNOWN
    level: Level | None = None
    fired: tuple[Fired, ...] = ()
    versions: Mapping[str, str] | None = None
    has_reason: bool = False
    reason: str | None = None

    @property
    def subjects(self) -> frozenset[str]:
        """What it decides: terms, and MESSAGE for the message as a whole."""
        if self.term is not None:
            return frozenset({self.term})
        if self.judged is Judged.MISSED:
            return frozenset({MESSAGE})
        return frozenset({MESSAGE, *(piece.term for piece in self.fired)})


@dataclass(frozen=True, slots=True)
class Standing:
    """A verdict that nobody has taken back, and the terms on which it still is the last word."""

    verdict: CounsellorVerdict
    terms: frozenset[str]


def standing(verdicts: Iterable[CounsellorVerdict]) -> list[Standing]:
    """Of each person the last word on each term of each message; `verdicts` in order of time."""
    last: dict[tuple[PersonId, TenantId, EventId, str], CounsellorVerdict] = {}
    for verdict in verdicts:
        whose = (verdict.person, verdict.tenant, verdict.event_id)
        last.update(((*whose, subject), verdict) for subject in verdict.subjects)
    decided: dict[int, set[str]] = defaultdict(set)
    by_id: dict[int, CounsellorVerdict] = {}
    for (*_, subject), verdict in last.items():
        by_id[verdict.id] = verdict
        decided[verdict.id].add(subject)
    return [
        Standing(by_id[number], frozenset(subjects - {MESSAGE}))
        for number, subjects in sorted(decided.items())
        if by_id[number].judged is not Judged.WITHDRAWN and _speaks(by_id[number], subjects)
    ]


def _speaks(verdict: CounsellorVerdict, subjects: set[str]) -> bool:
    """Whether anything is left that it decides: a judged term, or the message where none fired."""
    return subjects != {MESSAGE} or verdict.judged is Judged.MISSED or not verdict.fired


def exportable(verdicts: Sequence[CounsellorVerdict]) -> frozenset[int]:
    """Ids of the verdicts that may become training rows; `verdicts` in order of time.

    Consent was given with the verdict itself and not refused since: a refusal withdraws all
    earlier rows of the client, and of the conversation, because a client may be known late.
    """
    refused: dict[tuple[TenantId, str, str], int] = {}
    for verdict in verdicts:
        if verdict.consent is Consent.REFUSED:
            for subject in _consenting(verdict):
                refused[subject] = verdict.id
    return frozenset(
        verdict.id
        for verdict in verdicts
        if verdict.consent is Consent.GIVEN
        and all(verdict.id > refused.get(subject, -1) for subject in _consenting(verdict))
    )


def _consenting(verdict: CounsellorVerdict) -> tuple[tuple[TenantId, str, str], ...]:
    return (
        (verdict.tenant, "client", verdict.client_id),
        (verdict.tenant, "conversation", verdict.conversation_id),
    )


@dataclass(frozen=True, slots=True)
class Share:
    """How often a term or label was right, in verdicts.

    `missed` counts messages that the label belongs to and on which it did not fire; a term has
    none, because no message belongs to a term. `labels` are those a term fired for.
    """

    name: str
    true: int
    false: int
    missed: int = 0
    labels: tuple[str, ...] = ()
    kind: str | None = None

    @property
    def precision(self) -> float | None:
        """Of what was judged the share that is true, in [0, 1]; None without any."""
        return _share(self.true, self.false)

    @property
    def recall(self) -> float | None:
        """Of what counsellors called true or missed the share that fired, in [0, 1]; None without
        any. What nobody noticed is not in it."""
        return _share(self.true, self.missed)

    @property
    def review(self) -> bool:
        """Whether somebody should look at this term again."""
        precision = self.precision
        enough = self.true + self.false >= REVIEW_FROM
        return enough and precision is not None and precision < REVIEW_BELOW

    @property
    def may_be_dropped(self) -> bool:
        """Whether that review may end in proposing to drop the row: only a row of the glossary,
        and never one of suicidal ideation."""
        return self.review and self.kind is not None and self.kind not in NEVER_DROPPED


@dataclass(frozen=True, slots=True)
class Precision:
    """What the verdicts say of the readings. `given` counts standing verdicts by their word."""

    given: Mapping[Judged, int]
    labels: tuple[Share, ...]
    terms: tuple[Share, ...]


def precision(standings: Iterable[Standing], kinds: Mapping[str, str]) -> Precision:
    """Counts per label and per term; `kinds` gives the glossary class of each row.

    On one message one person's word counts once for each term and once for each label: a label is
    right if a term that fired for it was, or if the person named it.
    """
    tally = _Tally()
    messages: dict[tuple[PersonId, TenantId, EventId], list[Standing]] = defaultdict(list)
    for item in standings:
        tally.given[item.verdict.judged] += 1
        verdict = item.verdict
        messages[verdict.person, verdict.tenant, verdict.event_id].append(item)
    for said in messages.values():
        tally.add(said)
    return Precision(tally.given, tally.label_shares(), tally.term_shares(kinds))


class _Tally:
    """Counts as they come together."""

    def __init__(self) -> None:
        self.given: Counter[Judged] = Counter({Judged.TRUE: 0, Judged.FALSE: 0, Judged.MISSED: 0})
        self._terms: dict[str, Counter[bool]] = defaultdict(Counter)
        self._term_labels: dict[str, set[str]] = defaultdict(set)
        self._labels: dict[str, Counter[bool]] = defaultdict(Counter)
        self._missed: Counter[str] = Counter()

    def add(self, said: Sequence[Standing]) -> None:
        """What one person says of one message."""
        named = {label for item in said for label in item.verdict.labels}
        fired = {label for item in said for p in item.verdict.fired for label in p.labels}
        right: dict[str, bool] = {}
        for item in said:
            true = item.verdict.judged is Judged.TRUE
            for piece in item.verdict.fired:
                if piece.term not in item.terms:
                    continue
                self._terms[piece.term][true] += 1
                self._term_labels[piece.term].update(piece.labels)
                for label in piece.labels:
                    right[label] = right.get(label, False) or true or label in named
        for label, is_right in right.items():
            self._labels[label][is_right] += 1
        self._missed.update(named - fired)

    def label_shares(self) -> tuple[Share, ...]:
        """Every label that was judged or named, by name."""
        names = sorted({*self._labels, *self._missed})
        return tuple(
            Share(name, self._labels[name][True], self._labels[name][False], self._missed[name])
            for name in names
        )

    def term_shares(self, kinds: Mapping[str, str]) -> tuple[Share, ...]:
        """Every term that was judged: those to review first, then the most judged."""
        shares = [
            Share(
                name,
                count[True],
                count[False],
                labels=tuple(sorted(self._term_labels[name])),
                kind=kinds.get(name),
            )
            for name, count in self._terms.items()
        ]
        return tuple(sorted(shares, key=lambda s: (not s.review, -(s.true + s.false), s.name)))


def _share(part: int, rest: int) -> float | None:
    return part / (part + rest) if part + rest else None
