"""The shared nouns of reading a conversation: who, how urgent, what was seen in a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum, StrEnum
from typing import NamedTuple, NewType

TenantId = NewType("TenantId", str)
ConversationId = NewType("ConversationId", str)
EventId = NewType("EventId", str)
PersonId = NewType("PersonId", str)
CaseId = NewType("CaseId", str)
PageId = NewType("PageId", str)


class Role(StrEnum):
    """Who wrote or did something. A listener is unqualified unless the register says otherwise."""

    CLIENT = "client"
    LISTENER = "listener"
    COUNSELLOR = "counsellor"
    SYSTEM = "system"


class Modality(StrEnum):
    """How the words reached us: typed, or a transcript of speech supplied by the platform."""

    TEXT = "text"
    TRANSCRIPT = "transcript"


class Level(IntEnum):
    """Urgency of response: a duty and a clock, never a prediction. Smaller is more urgent."""

    P0 = 0
    P1 = 1
    P2 = 2
    P3 = 3


def most_urgent(*levels: Level | None) -> Level | None:
    """The most urgent of the given levels; None stands for "calls for nothing"."""
    present = [level for level in levels if level is not None]
    return min(present) if present else None


class Label(StrEnum):
    """What a message may hold.

    The first ten are the PsySUICIDE taxonomy in the order of its label vector (EMNLP 2024); then
    our own labels of the client's words, then the listener's.
    """

    SUICIDE_ATTEMPT = "suicide_attempt"
    SUICIDE_PREPARATION = "suicide_preparation"
    SUICIDE_PLAN = "suicide_plan"
    ACTIVE_IDEATION = "active_ideation"
    PASSIVE_IDEATION = "passive_ideation"
    SELF_INJURY = "self_injury"
    SELF_INJURY_URGE = "self_injury_urge"
    AGGRESSION_BY_CLIENT = "aggression_by_client"
    AGGRESSION_BY_OTHER = "aggression_by_other"
    SUICIDE_EXPLORATION = "suicide_exploration"
    PANIC = "panic"
    DANGEROUS_PLACE = "dangerous_place"
    TRANSFERENCE = "transference"
    DEPENDENCY = "dependency"
    THIRD_PARTY = "third_party"
    LISTENER_UNSAFE = "listener_unsafe"
    LISTENER_BOUNDARY = "listener_boundary"
    LISTENER_GOADING = "listener_goading"
    OFF_PLATFORM = "off_platform"


LISTENER_LABELS = frozenset(
    {Label.LISTENER_UNSAFE, Label.LISTENER_BOUNDARY, Label.LISTENER_GOADING, Label.OFF_PLATFORM}
)


class Cue(StrEnum):
    """Circumstances that no label names but that decide urgency (clinical reference 5.3 and 9)."""

    ACT_NOW = "act_now"  # an act in progress or just done
    TIME_NOW = "time_now"  # now, tonight, within about two hours
    TIME_SOON = "time_soon"  # within about 72 hours
    FAREWELL = "farewell"  # goodbye, thanks for everything, last words
    DISAPPEARANCE = "disappearance"  # you will not find me
    SETTLING = "settling"  # debts, pets, passwords, affairs put in order
    MEANS = "means"  # means at hand; category only, never detail
    METHOD = "method"  # a method category was named; alone it is at most P3
    PACT = "pact"  # together with others
    PAINLESS = "painless"  # first person, asking how it would not hurt
    HOPELESS = "hopeless"  # despair, burden, worthlessness
    CALM = "calm"  # suddenly at peace; a warning only after distress
    RECENT_ATTEMPT = "recent_attempt"  # an attempt within about two weeks
    AFFIRMED = "affirmed"  # a bare yes to a direct question about suicide
    DENIED = "denied"  # a bare no to such a question
    MEDICAL = "medical"  # a red flag that calls for an ambulance, not for grounding
    STOP_ASKING = "stop_asking"  # the client asks for the questions to end
    MONEY = "money"  # money in an off-platform or attachment context
    DEP_3 = "dependency_3"  # "cannot live without you", debts to pay for sessions
    TRANS_3 = "transference_3"  # declaration, private meeting, exclusive claim
    LSTN_2 = "listener_2"  # a listener's lapse for the supervisor rather than for a coach


class Strength(Enum):
    """How far one piece of evidence may carry a level on its own.

    PLAIN: as far as the entry rules say. WEAK: an unsourced glossary row; alone never P0 or P1.
    CODED: a coded word; alone never above P3 (R-DET-07), it needs a co-signal.
    """

    PLAIN = "plain"
    WEAK = "weak"
    CODED = "coded"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that fired. `start` and `end` are code-point offsets into the original text.

    `source` says which part fired: lexicon, context, model. `term` is the id of the rule or
    lexicon row, never the client's words.
    """

    source: str
    start: int
    end: int
    term: str
    label: Label | None = None
    cue: Cue | None = None
    strength: Strength = Strength.PLAIN


class Turn(NamedTuple):
    """One message as context for a later one. A tuple, because every batch makes thousands."""

    event_id: EventId
    role: Role
    text: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Utterance:
    """What a classifier is asked to read: one message and the turns before it, oldest first."""

    event_id: EventId
    role: Role
    text: str
    sent_at: datetime
    before: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the classifiers say of one message.

    `scores` maps labels to calibrated probabilities in [0, 1]; an absent label means 0.
    `versions` names every part that had a say, for example {"lexicon": "2026.11"}. `degraded` is
    true when a part that should have had a say could not. A trained reader may say of the message
    in its context that it calls for a level `at_least`, and that words alone must not carry it
    beyond `at_most`; None: it does not say.
    """

    event_id: EventId
    scores: Mapping[Label, float] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    degraded: bool = False
    at_least: Level | None = None
    at_most: Level | None = None

    @property
    def cues(self) -> frozenset[Cue]:
        """The circumstances named by the evidence."""
        return frozenset(item.cue for item in self.evidence if item.cue is not None)
