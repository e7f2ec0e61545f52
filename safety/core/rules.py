"""The entry rules of the levels as versioned data, with defaults and ceilings.

Source: clinical reference, sections 3.5 (silence) and 9 (levels); all times are design values
that a clinical lead signs off. A rule fires when each of its groups is met by at least one signal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from safety.core.errors import Misconfigured
from safety.core.types import Cue, Label, Level


class Circumstance(StrEnum):
    """What the conversation, rather than the message, contributes."""

    NIGHT = "night"  # 22:00-06:00 where the client lives (R-IN-04)
    PLACE_OPEN = "place_open"  # a place cue that nobody cleared
    RISK_BEFORE = "risk_before"  # own danger at P2 or worse in this conversation within 30 days
    DISTRESS_BEFORE = "distress_before"  # hopelessness within the cue memory
    WISH_BEFORE = "wish_before"  # a wish to be dead, active or passive, within the cue memory
    CARD_SHOWN = "card_shown"  # the listener was given a card in this conversation


Signal = Label | Cue | Circumstance


@dataclass(frozen=True, slots=True)
class EntryRule:
    """One way into a level. `groups`: of each, at least one signal must be there.

    `floor` is the probability that a label in the first group must reach. `level` None: no case,
    only a card for the listener. A `firm` rule stands whatever a trained reader doubts.
    """

    id: str
    level: Level | None
    groups: tuple[frozenset[Signal], ...]
    floor: float = 0.5
    firm: bool = False


def _rule(
    id_: str, level: Level | None, *groups: set[Signal], floor: float = 0.5, firm: bool = False
) -> EntryRule:
    return EntryRule(id_, level, tuple(frozenset(group) for group in groups), floor, firm)


IDEATION: frozenset[Label] = frozenset(
    {
        Label.SUICIDE_ATTEMPT,
        Label.SUICIDE_PREPARATION,
        Label.SUICIDE_PLAN,
        Label.ACTIVE_IDEATION,
        Label.PASSIVE_IDEATION,
    }
)
_DEATH: set[Signal] = {*IDEATION, Cue.AFFIRMED, Cue.PACT, Cue.PAINLESS}
_LEAVING: set[Signal] = {Cue.FAREWELL, Cue.SETTLING, Cue.DISAPPEARANCE}
_WITH: set[Signal] = {Cue.METHOD, Cue.MEANS, Cue.TIME_NOW, Cue.TIME_SOON, *_LEAVING}
_DISTRESS: set[Signal] = {
    Circumstance.DISTRESS_BEFORE,
    Circumstance.RISK_BEFORE,
    Circumstance.NIGHT,
    Label.PANIC,
    Label.DEPENDENCY,
    *_LEAVING,
}
_HARM: set[Signal] = {Label.SUICIDE_ATTEMPT, Label.SELF_INJURY}
_ACT: set[Signal] = {*_HARM, Cue.MEDICAL}
_PLACE: set[Signal] = {Label.DANGEROUS_PLACE}
_THERE: set[Signal] = {Label.DANGEROUS_PLACE, Circumstance.PLACE_OPEN}
_AT_HAND: set[Signal] = {Cue.METHOD, Cue.MEANS}

ENTRY_RULES: tuple[EntryRule, ...] = (
    _rule("p0.act", Level.P0, _ACT, {Cue.ACT_NOW}),
    _rule("p0.place_with_intent", Level.P0, _THERE, _DEATH),
    # somebody at an edge at night stays P0 until a person has cleared it (clinical reference 9)
    _rule("p0.place_at_night", Level.P0, _PLACE, {Circumstance.NIGHT}, firm=True),
    _rule("p0.place_after_risk", Level.P0, _PLACE, {Circumstance.RISK_BEFORE}, firm=True),
    _rule("p0.place_after_wish", Level.P0, _PLACE, {Circumstance.WISH_BEFORE}, firm=True),
    _rule("p0.medical_injury", Level.P0, {Cue.MEDICAL}, _HARM),
    _rule("p0.plan_now", Level.P0, {Label.SUICIDE_PLAN}, {Cue.TIME_NOW}),
    _rule("p0.method_now", Level.P0, {Label.ACTIVE_IDEATION}, _AT_HAND, {Cue.TIME_NOW}),
    _rule("p0.farewell_and_gone", Level.P0, {Cue.FAREWELL}, {Cue.DISAPPEARANCE}),
    _rule("p0.goading", Level.P0, {Label.LISTENER_GOADING}),
    _rule("p1.attempt", Level.P1, {Label.SUICIDE_ATTEMPT, Cue.RECENT_ATTEMPT}),
    _rule("p1.plan", Level.P1, {Label.SUICIDE_PLAN}),
    _rule("p1.preparation", Level.P1, {Label.SUICIDE_PREPARATION}, floor=0.75),
    _rule("p1.intent", Level.P1, {Label.ACTIVE_IDEATION}, floor=0.75),
    _rule("p1.affirmed", Level.P1, {*IDEATION}, {Cue.AFFIRMED}),
    _rule("p1.wish_with", Level.P1, {Label.ACTIVE_IDEATION, Label.PASSIVE_IDEATION}, _WITH),
    _rule("p1.painless", Level.P1, {Cue.PAINLESS}),
    _rule("p1.pact", Level.P1, {Cue.PACT}, {*IDEATION, Cue.METHOD, Circumstance.RISK_BEFORE}),
    _rule("p1.means", Level.P1, {Cue.MEANS}, {Cue.HOPELESS, Circumstance.DISTRESS_BEFORE}),
    _rule("p1.method_and_leaving", Level.P1, _AT_HAND, _LEAVING),
    _rule("p1.wish_then", Level.P1, _AT_HAND | _LEAVING, {Circumstance.WISH_BEFORE}),
    _rule("p1.medical", Level.P1, {Cue.MEDICAL}, {Label.PANIC}),
    _rule("p1.leaving_after_risk", Level.P1, _LEAVING, {Circumstance.RISK_BEFORE}),
    _rule("p2.thoughts", Level.P2, {Label.ACTIVE_IDEATION, Label.SUICIDE_PREPARATION}),
    _rule("p2.self_injury", Level.P2, {Label.SELF_INJURY, Label.SELF_INJURY_URGE}),
    _rule("p2.method_thought", Level.P2, _AT_HAND, {Cue.HOPELESS, Label.PASSIVE_IDEATION}),
    _rule("p2.exploration", Level.P2, {Label.SUICIDE_EXPLORATION}),
    _rule("p2.third_party", Level.P2, {Label.THIRD_PARTY}),
    _rule("p2.dependency", Level.P2, {Cue.DEP_3}),
    _rule("p2.pact", Level.P2, {Cue.PACT}),
    _rule("p2.harm_to_others", Level.P2, {Label.AGGRESSION_BY_CLIENT}, floor=0.75),
    _rule("p2.calm_after_risk", Level.P2, {Cue.CALM}, {Circumstance.RISK_BEFORE}),
    _rule(
        "p2.settling_and_leaving",
        Level.P2,
        {Cue.SETTLING},
        {Cue.FAREWELL, Cue.DISAPPEARANCE},
    ),
    _rule("p2.medical", Level.P2, {Cue.MEDICAL}),
    _rule("p2.wish_in_despair", Level.P2, {Label.PASSIVE_IDEATION}, {Circumstance.DISTRESS_BEFORE}),
    _rule("p3.passive", Level.P3, {Label.PASSIVE_IDEATION}),
    _rule("p3.hopeless", Level.P3, {Cue.HOPELESS}, _DISTRESS),
    _rule("p3.leaving", Level.P3, {Cue.DISAPPEARANCE, Cue.SETTLING}),
    _rule("p3.panic", Level.P3, {Label.PANIC}),
    _rule("p3.place", Level.P3, {Label.DANGEROUS_PLACE}),
    _rule("p3.transference", Level.P3, {Cue.TRANS_3}),
    _rule("p3.dependency", Level.P3, {Label.DEPENDENCY}),
    _rule("p3.off_platform", Level.P3, {Label.OFF_PLATFORM}),
    _rule("p3.listener_boundary", Level.P3, {Label.LISTENER_BOUNDARY}),
    _rule("p3.coded", Level.P3, {Cue.METHOD}),
    _rule("coach.listener_unsafe", None, {Label.LISTENER_UNSAFE}),
    _rule("coach.stop_asking", None, {Cue.STOP_ASKING}, {Circumstance.CARD_SHOWN}),
)


@dataclass(frozen=True, slots=True)
class Silence:
    """After `after_s` seconds without the client, at this level, the case rises to `to`."""

    after_s: float
    to: Level


@dataclass(frozen=True, slots=True)
class TriageRules:
    """Everything triage may be told; the defaults are the clinical reference's.

    `silence_grace_s` waits for words that were sent in time and came late. `window_turns` is how
    many turns are remembered (at most 20, R-PRIV-02; at least 8 before the present one, R-DET-02).
    """

    version: str = "2026.11.1"
    entry: tuple[EntryRule, ...] = ENTRY_RULES
    silence: Mapping[Level, Silence] = field(
        default_factory=lambda: {
            Level.P2: Silence(120.0, Level.P1),
            Level.P1: Silence(60.0, Level.P0),
        }
    )
    silence_grace_s: float = 1.0
    timezone: str = "Asia/Shanghai"
    night_from: int = 22
    night_to: int = 6
    window_turns: int = 12
    cue_memory: timedelta = timedelta(minutes=30)
    risk_memory: timedelta = timedelta(days=30)

    def __post_init__(self) -> None:
        """Refuse what the ceilings forbid."""
        for level in sorted({*self.silence, *SILENCE_CEILINGS_S}):
            rule = self.silence.get(level)
            ceiling_s = SILENCE_CEILINGS_S.get(level, DAY_S)
            if rule is None or not 0 < rule.after_s <= ceiling_s or rule.to >= level:
                raise Misconfigured(
                    f"silence at {level.name} must raise to a more urgent level within"
                    f" {ceiling_s:g} seconds"
                )
        if not 0 <= self.night_to < self.night_from <= 24:
            raise Misconfigured("night_to and night_from must be hours, night_to the smaller one")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Misconfigured("timezone must be the name of one, such as Asia/Shanghai") from None
        if not 9 <= self.window_turns <= 20:
            raise Misconfigured("window_turns must be between 9 and 20")
        if not 0 <= self.silence_grace_s <= 5:
            raise Misconfigured("silence_grace_s must be between 0 and 5 seconds")


DAY_S = 86_400.0
SILENCE_CEILINGS_S: Mapping[Level, float] = {Level.P2: 300.0, Level.P1: 120.0}
