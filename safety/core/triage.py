"""From an assessment in its context to a level. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from safety.core.conversation import Conversation
from safety.core.rules import Circumstance, EntryRule, Signal, TriageRules
from safety.core.types import (
    LISTENER_LABELS,
    Assessment,
    Cue,
    Label,
    Level,
    Role,
    Strength,
    most_urgent,
)

LISTENER_CUES = frozenset({Cue.LSTN_2, Cue.MONEY})
CO_SIGNALS: frozenset[Signal] = frozenset(
    {
        Cue.PACT,
        Cue.PAINLESS,
        Cue.FAREWELL,
        Cue.SETTLING,
        Cue.DISAPPEARANCE,
        Cue.AFFIRMED,
        Label.ACTIVE_IDEATION,
        Label.PASSIVE_IDEATION,
        Circumstance.PLACE_OPEN,
        Circumstance.RISK_BEFORE,
    }
)
"""What turns a coded word into a plain one (clinical reference 5.1 rule 2).

First person and time anchors are left to the glossary row itself: "this weekend I go clubbing" has
both and means nothing.
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The level a message calls for and the rules that say so, most urgent first."""

    level: Level | None
    reasons: tuple[str, ...]


NOTHING = Verdict(None, ())


def triage(
    assessment: Assessment, role: Role, before: Conversation, at: datetime, rules: TriageRules
) -> Verdict:
    """What one message calls for, given the conversation before it."""
    signals = _signals_of(assessment, role)
    if not signals and (role is not Role.CLIENT or assessment.at_least is None):
        return NOTHING
    _promote_coded(signals, before, at, rules)
    if role is Role.CLIENT:
        signals.update(_remembered(before, at, rules))
    signals.update((item, Strength.PLAIN) for item in circumstances(before, at, rules))
    level: Level | None = None
    firm: Level | None = None
    reasons: list[str] = []
    for rule in rules.entry:
        cap = _cap(rule, signals, assessment.scores)
        if cap is not None:
            reasons.append(rule.id)
            if rule.level is not None:
                level = most_urgent(level, max(rule.level, cap))
                firm = most_urgent(firm, max(rule.level, cap)) if rule.firm else firm
    verdict = Verdict(level, tuple(reasons))
    return _weighed(verdict, firm, assessment) if role is Role.CLIENT else verdict


def _weighed(verdict: Verdict, firm: Level | None, assessment: Assessment) -> Verdict:
    """What the rules say of a client's words, held down, but not below what is firm, or lifted by
    a trained reader that is all but certain."""
    level, reasons = verdict.level, verdict.reasons
    most, least = assessment.at_most, assessment.at_least
    if level is not None and most is not None and level < most and level != firm:
        level, reasons = most_urgent(most, firm), (*reasons, "model.doubts")
    if least is not None and (level is None or least < level):
        level, reasons = least, (f"{least.name.lower()}.model", *reasons)
    return Verdict(level, reasons)


def _signals_of(assessment: Assessment, role: Role) -> dict[Signal, Strength]:
    """Labels and cues that this role may raise, each with its strongest support."""
    signals: dict[Signal, Strength] = {}
    for item in assessment.evidence:
        for signal in (item.label, item.cue):
            if signal is not None:
                known = signals.get(signal, item.strength)
                signals[signal] = min(known, item.strength, key=_ORDER.index)
    scores = assessment.scores
    for label, score in scores.items():
        if score >= 0.5:
            signals.setdefault(label, Strength.PLAIN)
    return {
        signal: how
        for signal, how in signals.items()
        if _may_raise(signal, role)
        and not (isinstance(signal, Label) and scores.get(signal, 0.0) < 0.5)
    }


_ORDER = (Strength.PLAIN, Strength.WEAK, Strength.CODED)


def _may_raise(signal: Signal, role: Role) -> bool:
    """Nobody's words raise the level of somebody else: a listener's question is not an answer."""
    if role is Role.CLIENT:
        return signal not in LISTENER_LABELS or signal is Label.OFF_PLATFORM
    if role is Role.LISTENER:
        return signal in LISTENER_LABELS or signal in LISTENER_CUES
    return False


def _promote_coded(
    signals: dict[Signal, Strength], before: Conversation, at: datetime, rules: TriageRules
) -> None:
    if Strength.CODED not in signals.values():
        return
    plain = {signal for signal, how in signals.items() if how is Strength.PLAIN}
    if CO_SIGNALS & (plain | circumstances(before, at, rules)):
        for signal, how in signals.items():
            if how is Strength.CODED:
                signals[signal] = Strength.PLAIN


def _remembered(before: Conversation, at: datetime, rules: TriageRules) -> dict[Signal, Strength]:
    """Leave-taking said a few minutes ago still counts beside what is said now."""
    return {
        seen.cue: Strength.PLAIN
        for seen in before.cues
        if seen.cue in _LASTING and timedelta(0) <= at - seen.at <= rules.cue_memory
    }


_LASTING = frozenset({Cue.FAREWELL, Cue.DISAPPEARANCE, Cue.SETTLING})


def circumstances(
    before: Conversation, at: datetime, rules: TriageRules
) -> frozenset[Circumstance]:
    """What hour, place and history contribute at event time `at`."""
    found: set[Circumstance] = set()
    if is_night(at, rules):
        found.add(Circumstance.NIGHT)
    if before.place_at is not None:
        found.add(Circumstance.PLACE_OPEN)
    if before.prior_risk_at is not None and at - before.prior_risk_at <= rules.risk_memory:
        found.add(Circumstance.RISK_BEFORE)
    if any(
        seen.cue is Cue.HOPELESS and timedelta(0) <= at - seen.at <= rules.cue_memory
        for seen in before.cues
    ):
        found.add(Circumstance.DISTRESS_BEFORE)
    if before.wish_at is not None and timedelta(0) <= at - before.wish_at <= rules.cue_memory:
        found.add(Circumstance.WISH_BEFORE)
    if before.shown:
        found.add(Circumstance.CARD_SHOWN)
    return frozenset(found)


def is_night(at: datetime, rules: TriageRules) -> bool:
    """Whether it is night where the clients live."""
    hour = at.astimezone(ZoneInfo(rules.timezone)).hour
    return hour >= rules.night_from or hour < rules.night_to


def _cap(
    rule: EntryRule, signals: Mapping[Signal, Strength], scores: Mapping[Label, float]
) -> Level | None:
    """None when the rule is not met; otherwise how urgent its support lets it become."""
    strengths: set[Strength] = set()
    for index, group in enumerate(rule.groups):
        floor = rule.floor if index == 0 else 0.0
        met = {
            signal
            for signal in group & signals.keys()
            if not isinstance(signal, Label) or scores.get(signal, 0.0) >= floor
        }
        if not met:
            return None
        strengths |= {signals[signal] for signal in met - _BACKGROUND}
    if Strength.PLAIN in strengths:
        return Level.P0
    return Level.P2 if Strength.WEAK in strengths else Level.P3


_BACKGROUND: frozenset[Signal] = frozenset(Circumstance) - {Circumstance.PLACE_OPEN}
"""What makes doubtful words no plainer. An open place does: somebody saw it or said it."""
