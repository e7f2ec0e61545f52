"""Every way into a level (clinical reference, section 9): it opens, and each part is needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from safety.core.conversation import Conversation, SeenCue
from safety.core.rules import ENTRY_RULES, Circumstance, EntryRule, Signal
from safety.core.triage import Verdict, triage
from safety.core.types import LISTENER_LABELS, Cue, Label, Level, Role
from tests.core.builders import RULES, assessed, memory
from tests.fakes import NIGHT, NOON


@dataclass(frozen=True)
class Part:
    """What meets one group of a rule: something in the words, or something around them."""

    labels: Mapping[Label, float] = field(default_factory=dict)
    cues: tuple[Cue, ...] = ()
    around: frozenset[Circumstance] = frozenset()


def label(*labels: Label, score: float = 0.8) -> Part:
    return Part(dict.fromkeys(labels, score))


def cue(*cues: Cue) -> Part:
    return Part(cues=cues)


def around(*circumstances: Circumstance) -> Part:
    return Part(around=frozenset(circumstances))


NIGHTLY = around(Circumstance.NIGHT)
RISKY = around(Circumstance.RISK_BEFORE)
PLACE = label(Label.DANGEROUS_PLACE)

FIXTURES: dict[str, tuple[Level | None, tuple[Part, ...]]] = {
    "p0.act": (Level.P0, (label(Label.SUICIDE_ATTEMPT), cue(Cue.ACT_NOW))),
    "p0.place_with_intent": (
        Level.P0,
        (around(Circumstance.PLACE_OPEN), label(Label.PASSIVE_IDEATION)),
    ),
    "p0.place_at_night": (Level.P0, (PLACE, NIGHTLY)),
    "p0.place_after_risk": (Level.P0, (PLACE, RISKY)),
    "p0.place_after_wish": (Level.P0, (PLACE, around(Circumstance.WISH_BEFORE))),
    "p0.medical_injury": (Level.P0, (cue(Cue.MEDICAL), label(Label.SELF_INJURY))),
    "p0.plan_now": (Level.P0, (label(Label.SUICIDE_PLAN), cue(Cue.TIME_NOW))),
    "p0.method_now": (
        Level.P0,
        (label(Label.ACTIVE_IDEATION), cue(Cue.METHOD), cue(Cue.TIME_NOW)),
    ),
    "p0.farewell_and_gone": (Level.P0, (cue(Cue.FAREWELL), cue(Cue.DISAPPEARANCE))),
    "p0.goading": (Level.P0, (label(Label.LISTENER_GOADING),)),
    "p1.attempt": (Level.P1, (cue(Cue.RECENT_ATTEMPT),)),
    "p1.plan": (Level.P1, (label(Label.SUICIDE_PLAN),)),
    "p1.preparation": (Level.P1, (label(Label.SUICIDE_PREPARATION),)),
    "p1.intent": (Level.P1, (label(Label.ACTIVE_IDEATION),)),
    "p1.affirmed": (Level.P1, (label(Label.ACTIVE_IDEATION, score=0.6), cue(Cue.AFFIRMED))),
    "p1.wish_with": (Level.P1, (label(Label.PASSIVE_IDEATION), cue(Cue.SETTLING))),
    "p1.painless": (Level.P1, (cue(Cue.PAINLESS),)),
    "p1.pact": (Level.P1, (cue(Cue.PACT), cue(Cue.METHOD))),
    "p1.means": (Level.P1, (cue(Cue.MEANS), cue(Cue.HOPELESS))),
    "p1.method_and_leaving": (Level.P1, (cue(Cue.METHOD), cue(Cue.SETTLING))),
    "p1.wish_then": (Level.P1, (cue(Cue.FAREWELL), around(Circumstance.WISH_BEFORE))),
    "p1.medical": (Level.P1, (cue(Cue.MEDICAL), label(Label.PANIC))),
    "p1.leaving_after_risk": (Level.P1, (cue(Cue.FAREWELL), RISKY)),
    "p2.thoughts": (Level.P2, (label(Label.ACTIVE_IDEATION, score=0.6),)),
    "p2.self_injury": (Level.P2, (label(Label.SELF_INJURY_URGE),)),
    "p2.method_thought": (Level.P2, (cue(Cue.METHOD), cue(Cue.HOPELESS))),
    "p2.exploration": (Level.P2, (label(Label.SUICIDE_EXPLORATION),)),
    "p2.third_party": (Level.P2, (label(Label.THIRD_PARTY),)),
    "p2.dependency": (Level.P2, (cue(Cue.DEP_3),)),
    "p2.pact": (Level.P2, (cue(Cue.PACT),)),
    "p2.harm_to_others": (Level.P2, (label(Label.AGGRESSION_BY_CLIENT),)),
    "p2.calm_after_risk": (Level.P2, (cue(Cue.CALM), RISKY)),
    "p2.settling_and_leaving": (Level.P2, (cue(Cue.SETTLING), cue(Cue.DISAPPEARANCE))),
    "p2.medical": (Level.P2, (cue(Cue.MEDICAL),)),
    "p2.wish_in_despair": (
        Level.P2,
        (label(Label.PASSIVE_IDEATION), around(Circumstance.DISTRESS_BEFORE)),
    ),
    "p3.passive": (Level.P3, (label(Label.PASSIVE_IDEATION),)),
    "p3.hopeless": (Level.P3, (cue(Cue.HOPELESS), label(Label.DEPENDENCY))),
    "p3.leaving": (Level.P3, (cue(Cue.DISAPPEARANCE),)),
    "p3.panic": (Level.P3, (label(Label.PANIC),)),
    "p3.place": (Level.P3, (PLACE,)),
    "p3.transference": (Level.P3, (cue(Cue.TRANS_3),)),
    "p3.dependency": (Level.P3, (label(Label.DEPENDENCY),)),
    "p3.off_platform": (Level.P3, (label(Label.OFF_PLATFORM),)),
    "p3.listener_boundary": (Level.P3, (label(Label.LISTENER_BOUNDARY),)),
    "p3.coded": (Level.P3, (cue(Cue.METHOD),)),
    "coach.listener_unsafe": (None, (label(Label.LISTENER_UNSAFE),)),
    "coach.stop_asking": (None, (cue(Cue.STOP_ASKING), around(Circumstance.CARD_SHOWN))),
}


def verdict_of(parts: Iterable[Part]) -> Verdict:
    """What triage says when all these parts come together in one message."""
    parts = list(parts)
    scores = {name: score for part in parts for name, score in part.labels.items()}
    circumstances = {item for part in parts for item in part.around}
    at = NIGHT if Circumstance.NIGHT in circumstances else NOON
    role = Role.LISTENER if scores.keys() & LISTENER_LABELS else Role.CLIENT
    reading = assessed(scores, *(item for part in parts for item in part.cues))
    return triage(reading, role, surroundings(circumstances), at, RULES)


def surroundings(circumstances: set[Circumstance]) -> Conversation:
    """A conversation in which these are true, at noon and at night alike."""
    earlier = NIGHT - timedelta(minutes=1)
    lately = earlier if Circumstance.NIGHT in circumstances else NOON - timedelta(minutes=1)
    cues = [SeenCue(Cue.HOPELESS, at - timedelta(minutes=1)) for at in (NOON, NIGHT)]
    return memory(
        place_at=earlier if Circumstance.PLACE_OPEN in circumstances else None,
        prior_risk_at=earlier if Circumstance.RISK_BEFORE in circumstances else None,
        cues=tuple(cues) if Circumstance.DISTRESS_BEFORE in circumstances else (),
        wish_at=lately if Circumstance.WISH_BEFORE in circumstances else None,
        shown=("hold",) if Circumstance.CARD_SHOWN in circumstances else (),
    )


def part_of(signal: Signal) -> Part:
    if isinstance(signal, Label):
        return label(signal)
    return cue(signal) if isinstance(signal, Cue) else around(signal)


def test_every_rule_has_a_fixture_here() -> None:
    assert sorted(FIXTURES) == sorted(rule.id for rule in ENTRY_RULES)
    assert {rule.id: rule.level for rule in ENTRY_RULES} == {
        name: level for name, (level, _) in FIXTURES.items()
    }


@pytest.mark.parametrize("rule", ENTRY_RULES, ids=lambda rule: rule.id)
def test_the_rule_opens_its_level(rule: EntryRule) -> None:
    level, parts = FIXTURES[rule.id]
    verdict = verdict_of(parts)
    assert rule.id in verdict.reasons
    assert verdict.level is level


@pytest.mark.parametrize("rule", ENTRY_RULES, ids=lambda rule: rule.id)
def test_no_part_of_the_rule_can_be_left_out(rule: EntryRule) -> None:
    _, parts = FIXTURES[rule.id]
    assert len(parts) == len(rule.groups)
    for missing in range(len(parts)):
        rest = [part for place, part in enumerate(parts) if place != missing]
        assert rule.id not in verdict_of(rest).reasons


@pytest.mark.parametrize("rule", ENTRY_RULES, ids=lambda rule: rule.id)
def test_each_signal_of_a_group_will_do(rule: EntryRule) -> None:
    _, parts = FIXTURES[rule.id]
    for place, group in enumerate(rule.groups):
        for signal in group:
            tried = [*parts[:place], part_of(signal), *parts[place + 1 :]]
            assert rule.id in verdict_of(tried).reasons, signal


@pytest.mark.parametrize("rule", ENTRY_RULES, ids=lambda rule: rule.id)
def test_a_label_below_the_floor_does_not_count(rule: EntryRule) -> None:
    _, parts = FIXTURES[rule.id]
    below = Part(dict.fromkeys(parts[0].labels, rule.floor - 0.01), parts[0].cues, parts[0].around)
    at_floor = Part(dict.fromkeys(parts[0].labels, rule.floor), parts[0].cues, parts[0].around)
    assert rule.id in verdict_of([at_floor, *parts[1:]]).reasons
    if parts[0].labels:
        assert rule.id not in verdict_of([below, *parts[1:]]).reasons


def test_nothing_calls_for_nothing() -> None:
    assert verdict_of([]) == Verdict(None, ())
    assert verdict_of([NIGHTLY, RISKY, around(Circumstance.PLACE_OPEN)]) == Verdict(None, ())
