"""From a reading in its context to a level: who may raise what, and how far."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from safety.core.conversation import SeenCue
from safety.core.rules import Circumstance, TriageRules
from safety.core.triage import NOTHING, Verdict, circumstances, is_night, triage
from safety.core.types import (
    LISTENER_LABELS,
    Assessment,
    Cue,
    EventId,
    Evidence,
    Label,
    Level,
    Role,
    Strength,
)
from tests.core.builders import RULES, after, assessed, memory
from tests.fakes import NIGHT, NOON

WISH = {Label.ACTIVE_IDEATION: 0.95}
MAYBE = {Label.ACTIVE_IDEATION: 0.6}


def level_of(
    reading: Assessment, role: Role = Role.CLIENT, at: datetime = NOON, **before: object
) -> Level | None:
    return triage(reading, role, memory(**before), at, RULES).level


@pytest.mark.parametrize("label", [label for label in Label if label not in LISTENER_LABELS])
@pytest.mark.parametrize("role", [Role.LISTENER, Role.COUNSELLOR, Role.SYSTEM])
def test_nobody_else_raises_the_level_of_the_client(label: Label, role: Role) -> None:
    reading = assessed({label: 1.0}, Cue.ACT_NOW, Cue.FAREWELL, Cue.DISAPPEARANCE, Cue.AFFIRMED)
    assert triage(reading, role, memory(), NIGHT, RULES) == NOTHING
    assert level_of(reading, Role.CLIENT, NIGHT) is Level.P0


@pytest.mark.parametrize("label", sorted(LISTENER_LABELS - {Label.OFF_PLATFORM}))
@pytest.mark.parametrize("role", [Role.CLIENT, Role.COUNSELLOR, Role.SYSTEM])
def test_nobody_else_raises_what_is_said_of_listeners(label: Label, role: Role) -> None:
    reading = assessed({label: 1.0})
    assert triage(reading, role, memory(), NOON, RULES) == NOTHING
    assert triage(reading, Role.LISTENER, memory(), NOON, RULES).reasons


@pytest.mark.parametrize(
    ("role", "level"),
    [(Role.CLIENT, Level.P3), (Role.LISTENER, Level.P3), (Role.COUNSELLOR, None)],
)
def test_off_the_platform_counts_from_both_sides(role: Role, level: Level | None) -> None:
    assert level_of(assessed({Label.OFF_PLATFORM: 0.9}), role) is level


def test_a_goading_listener_is_not_held_back_by_what_the_client_label_says() -> None:
    both = assessed({Label.LISTENER_GOADING: 0.9, **WISH})
    assert triage(both, Role.LISTENER, memory(), NOON, RULES).reasons == ("p0.goading",)
    assert triage(both, Role.CLIENT, memory(), NOON, RULES).reasons == ("p1.intent", "p2.thoughts")


def test_what_is_remembered_does_not_turn_a_listeners_words_into_the_clients() -> None:
    gone = (SeenCue(Cue.FAREWELL, after(-60)), SeenCue(Cue.DISAPPEARANCE, after(-50)))
    slip = assessed({Label.LISTENER_BOUNDARY: 0.9})
    assert level_of(slip, Role.LISTENER, cues=gone) is Level.P3
    assert level_of(assessed({Label.PANIC: 0.9}), Role.CLIENT, cues=gone) is Level.P0


def test_reasons_come_with_the_most_urgent_first() -> None:
    verdict = triage(assessed(WISH, Cue.METHOD, Cue.TIME_NOW), Role.CLIENT, memory(), NOON, RULES)
    assert verdict.level is Level.P0
    assert verdict.reasons[0] == "p0.method_now"
    assert "p1.intent" in verdict.reasons


@pytest.mark.parametrize("score", [0.0, 0.2, 0.49])
def test_a_faint_label_is_none_whatever_fired(score: float) -> None:
    assert level_of(assessed({Label.SUICIDE_PLAN: score}, Cue.TIME_NOW)) is None
    assert level_of(assessed({Label.SUICIDE_PLAN: 0.5}, Cue.TIME_NOW)) is Level.P0


@pytest.mark.parametrize(
    ("label", "below"),
    [
        (Label.ACTIVE_IDEATION, Level.P2),
        (Label.SUICIDE_PREPARATION, Level.P2),
        (Label.AGGRESSION_BY_CLIENT, None),
    ],
)
def test_some_labels_must_be_surer_than_others(label: Label, below: Level | None) -> None:
    assert level_of(assessed({label: 0.74})) is below
    assert level_of(assessed({label: 0.75})) is not below


def test_evidence_for_a_label_without_a_score_counts_for_nothing() -> None:
    wish = Evidence("lexicon", 0, 1, "t", label=Label.PASSIVE_IDEATION)
    assert level_of(assessed(None, Cue.HOPELESS, also=[wish]), place_at=NOON) is None
    scored = assessed({Label.PASSIVE_IDEATION: 0.5}, Cue.HOPELESS, also=[wish])
    assert level_of(scored, place_at=NOON) is Level.P0


def test_a_label_needs_no_evidence() -> None:
    """A model may score without a span."""
    assert level_of(Assessment(EventId("e"), WISH)) is Level.P1


# Weak: an unsourced row.


@pytest.mark.parametrize("label", [label for label in Label if label not in LISTENER_LABELS])
def test_a_weak_row_alone_never_pages_at_once(label: Label) -> None:
    weak = assessed({label: 1.0}, *Cue, how=Strength.WEAK)
    assert (level_of(weak, at=NIGHT) or Level.P3) >= Level.P2


@pytest.mark.parametrize("cue", list(Cue))
def test_a_weak_cue_alone_never_pages_at_once(cue: Cue) -> None:
    weak = assessed(None, cue, how=Strength.WEAK)
    assert (level_of(weak, at=NIGHT, prior_risk_at=NIGHT) or Level.P3) >= Level.P2


def test_a_weak_row_reaches_p2_and_a_plain_one_beside_it_carries_it_further() -> None:
    weak = assessed(WISH, how=Strength.WEAK)
    assert level_of(weak) is Level.P2
    assert level_of(assessed(WISH)) is Level.P1
    means = Evidence("lexicon", 0, 1, "t", cue=Cue.MEANS)
    assert level_of(assessed(WISH, how=Strength.WEAK, also=[means])) is Level.P1


def test_the_strongest_support_of_a_signal_counts() -> None:
    plain = Evidence("lexicon", 0, 1, "t", label=Label.ACTIVE_IDEATION)
    for how in (Strength.WEAK, Strength.CODED):
        assert level_of(assessed(WISH, how=how)) is not Level.P1
        assert level_of(assessed(WISH, how=how, also=[plain])) is Level.P1
    weak = Evidence("lexicon", 0, 1, "t", label=Label.ACTIVE_IDEATION, strength=Strength.WEAK)
    mixed = assessed(WISH, how=Strength.CODED, also=[weak, plain])
    assert level_of(assessed(WISH, how=Strength.CODED, also=[weak])) is Level.P2
    assert level_of(replace(mixed, evidence=mixed.evidence[::-1])) is Level.P1


# Coded: a word that needs a co-signal (R-DET-07).


@pytest.mark.parametrize("label", [label for label in Label if label not in LISTENER_LABELS])
def test_a_coded_word_alone_is_at_most_p3(label: Label) -> None:
    coded = assessed({label: 1.0}, how=Strength.CODED)
    assert (level_of(coded, at=NIGHT) or Level.P3) is Level.P3


@pytest.mark.parametrize("cue", list(Cue))
def test_a_coded_cue_alone_is_at_most_p3(cue: Cue) -> None:
    coded = assessed(None, cue, how=Strength.CODED)
    assert (level_of(coded, at=NIGHT) or Level.P3) is Level.P3


@pytest.mark.parametrize(
    "cue",
    [Cue.PACT, Cue.PAINLESS, Cue.FAREWELL, Cue.SETTLING, Cue.DISAPPEARANCE, Cue.AFFIRMED],
)
def test_a_plain_cue_beside_a_coded_word_makes_it_count(cue: Cue) -> None:
    beside = Evidence("lexicon", 0, 1, "t", cue=cue)
    coded = {Label.SELF_INJURY: 0.9}
    assert level_of(assessed(coded, Cue.ACT_NOW, how=Strength.CODED)) is Level.P3
    assert level_of(assessed(coded, Cue.ACT_NOW, how=Strength.CODED, also=[beside])) is Level.P0


@pytest.mark.parametrize("label", [Label.ACTIVE_IDEATION, Label.PASSIVE_IDEATION])
def test_a_plain_wish_beside_a_coded_method_makes_it_count(label: Label) -> None:
    coded = Evidence("lexicon", 0, 1, "t", cue=Cue.METHOD, strength=Strength.CODED)
    assert level_of(assessed(None, also=[coded])) is Level.P3
    assert level_of(assessed({label: 0.6}, also=[coded])) is Level.P1


def test_risk_or_a_place_before_makes_a_coded_word_count() -> None:
    coded = assessed(WISH, how=Strength.CODED)
    assert level_of(coded) is Level.P3
    assert level_of(coded, prior_risk_at=after(-60)) is Level.P1
    assert level_of(coded, place_at=after(-60)) is Level.P0


def test_night_or_a_shown_card_makes_no_coded_word_count() -> None:
    coded = assessed(WISH, how=Strength.CODED)
    assert level_of(coded, at=NIGHT, shown=("hold",)) is Level.P3


def test_a_pact_with_a_coded_method_is_p1() -> None:
    pact = Evidence("lexicon", 0, 1, "t", cue=Cue.PACT)
    method = assessed(None, Cue.METHOD, how=Strength.CODED, also=[pact])
    assert level_of(method) is Level.P1


# The hour.


@pytest.mark.parametrize(
    ("hour", "minute", "night"),
    [
        (21, 59, False),
        (22, 0, True),
        (23, 59, True),
        (0, 0, True),
        (2, 7, True),
        (5, 59, True),
        (6, 0, False),
        (12, 0, False),
    ],
)
def test_night_is_from_22_to_6_where_the_client_lives(hour: int, minute: int, night: bool) -> None:
    shanghai = timezone(timedelta(hours=8))
    at = datetime(2026, 3, 5, hour, minute, tzinfo=shanghai)
    place = assessed({Label.DANGEROUS_PLACE: 0.9})
    for same in (at, at.astimezone(UTC), at.astimezone(timezone(timedelta(hours=-7)))):
        assert is_night(same, RULES) is night
        assert level_of(place, at=same) is (Level.P0 if night else Level.P3)


def test_night_is_elsewhere_at_another_time() -> None:
    there = TriageRules(timezone="America/New_York")
    assert is_night(NOON, there)
    assert not is_night(NOON, RULES)


# What came before.


def test_a_farewell_is_remembered_for_half_an_hour() -> None:
    gone = assessed(None, Cue.DISAPPEARANCE)
    said = (SeenCue(Cue.FAREWELL, NOON),)
    assert level_of(gone, at=after(30 * 60), cues=said) is Level.P0
    assert level_of(gone, at=after(30 * 60 + 1), cues=said) is Level.P3


def test_hopelessness_is_remembered_for_half_an_hour() -> None:
    wish = assessed({Label.PASSIVE_IDEATION: 0.9})
    said = (SeenCue(Cue.HOPELESS, NOON),)
    assert level_of(wish, at=after(30 * 60), cues=said) is Level.P2
    assert level_of(wish, at=after(30 * 60 + 1), cues=said) is Level.P3


def test_what_is_said_later_was_not_said_before() -> None:
    later = (SeenCue(Cue.FAREWELL, after(1)), SeenCue(Cue.HOPELESS, after(1)))
    wish = assessed({Label.PASSIVE_IDEATION: 0.9})
    assert level_of(wish, cues=later) is Level.P3
    assert level_of(wish, at=after(1), cues=later) is Level.P1


def test_risk_is_remembered_for_thirty_days() -> None:
    calm = assessed(None, Cue.CALM)
    assert level_of(calm, at=NOON + timedelta(days=30), prior_risk_at=NOON) is Level.P2
    assert level_of(calm, at=NOON + timedelta(days=30, seconds=1), prior_risk_at=NOON) is None


def test_a_wish_is_remembered_for_half_an_hour() -> None:
    goodbye = assessed(None, Cue.FAREWELL)
    assert level_of(goodbye, at=NOON + timedelta(minutes=30), wish_at=NOON) is Level.P1
    assert level_of(goodbye, at=NOON + timedelta(minutes=31), wish_at=NOON) is None
    assert level_of(goodbye, at=NOON, wish_at=after(1)) is None


def test_doubtful_words_do_not_turn_coded_ones_plain() -> None:
    coded = assessed({Label.PASSIVE_IDEATION: 0.9}, how=Strength.CODED).evidence
    weak = assessed(None, Cue.PACT, how=Strength.WEAK).evidence
    both = replace(assessed({Label.PASSIVE_IDEATION: 0.9}), evidence=(*coded, *weak))
    plain = replace(both, evidence=(*coded, *assessed(None, Cue.PACT).evidence))
    assert level_of(both) is Level.P2
    assert level_of(plain) is Level.P1


def test_circumstances_are_those_of_the_conversation() -> None:
    everything = memory(
        place_at=NOON,
        prior_risk_at=NOON,
        wish_at=NIGHT,
        cues=(SeenCue(Cue.HOPELESS, NIGHT),),
        shown=("hold",),
    )
    assert circumstances(memory(), NOON, RULES) == frozenset()
    assert circumstances(everything, NIGHT, RULES) == frozenset(Circumstance)


def test_doubtful_words_at_an_open_place_are_p0_and_after_risk_they_are_not() -> None:
    weak = assessed({Label.PASSIVE_IDEATION: 0.9}, how=Strength.WEAK)
    assert level_of(weak, at=after(60), place_at=NOON) is Level.P0
    assert level_of(weak, at=after(60), prior_risk_at=NOON) is Level.P3
    pact = assessed(None, Cue.PACT, how=Strength.WEAK)
    assert level_of(pact, at=after(60), prior_risk_at=NOON) is Level.P2
    assert level_of(assessed(None, Cue.PACT), at=after(60), prior_risk_at=NOON) is Level.P1


def test_a_trained_reader_lifts_a_client_whom_no_rule_sees() -> None:
    lifted = replace(assessed(), at_least=Level.P1)
    assert triage(lifted, Role.CLIENT, memory(), NOON, RULES) == Verdict(Level.P1, ("p1.model",))
    below = replace(assessed(WISH), at_least=Level.P2)
    assert level_of(below) is Level.P1


@pytest.mark.parametrize("role", [Role.LISTENER, Role.COUNSELLOR, Role.SYSTEM])
def test_it_lifts_nobody_for_the_words_of_another(role: Role) -> None:
    reading = replace(assessed(), at_least=Level.P0, at_most=Level.P3)
    assert triage(reading, role, memory(), NOON, RULES) == NOTHING
    goaded = replace(assessed({Label.LISTENER_GOADING: 0.9}), at_most=Level.P3)
    assert level_of(goaded, Role.LISTENER) is Level.P0


@pytest.mark.parametrize("most", [Level.P2, Level.P3])
def test_it_holds_words_alone_down_and_says_so(most: Level) -> None:
    verdict = triage(replace(assessed(WISH), at_most=most), Role.CLIENT, memory(), NOON, RULES)
    assert verdict.level is most
    assert verdict.reasons[-1] == "model.doubts"
    assert "p1.intent" in verdict.reasons


def test_a_place_at_night_stands_whatever_it_doubts() -> None:
    there = replace(assessed({Label.DANGEROUS_PLACE: 0.9}), at_most=Level.P3)
    assert level_of(there, at=NIGHT) is Level.P0
    assert level_of(there, at=NOON) is Level.P3
    wished = assessed({Label.DANGEROUS_PLACE: 0.9, Label.ACTIVE_IDEATION: 0.9})
    assert level_of(replace(wished, at_most=Level.P3), at=NOON) is Level.P3


def test_it_makes_nothing_of_what_is_milder_than_it_would_allow() -> None:
    mild = replace(assessed({Label.PANIC: 0.9}), at_most=Level.P2)
    assert triage(mild, Role.CLIENT, memory(), NOON, RULES) == Verdict(Level.P3, ("p3.panic",))
    nothing = replace(assessed(), at_most=Level.P3)
    assert triage(nothing, Role.CLIENT, memory(), NOON, RULES) == NOTHING
