"""The words that everybody shares."""

from __future__ import annotations

import pytest

from safety.core.clock import SystemClock
from safety.core.errors import (
    ClassifierUnavailable,
    Conflict,
    NotifierUnavailable,
    SafetyError,
    SourceUnavailable,
    StoreUnavailable,
    Unavailable,
    UnreadableRecord,
)
from safety.core.ports import nowhere
from safety.core.types import LISTENER_LABELS, Cue, Label, Level, most_urgent
from tests.core.builders import assessed, memory

PSYSUICIDE = (
    "suicide_attempt",
    "suicide_preparation",
    "suicide_plan",
    "active_ideation",
    "passive_ideation",
    "self_injury",
    "self_injury_urge",
    "aggression_by_client",
    "aggression_by_other",
    "suicide_exploration",
)


def test_the_first_ten_labels_are_those_of_the_data_in_its_order() -> None:
    assert tuple(label.value for label in Label)[:10] == PSYSUICIDE
    assert len(Label) == 19
    assert {label.value for label in LISTENER_LABELS} < {label.value for label in Label}


def test_smaller_is_more_urgent() -> None:
    assert most_urgent(Level.P2, None, Level.P0, Level.P3) is Level.P0
    assert most_urgent(None, Level.P3) is Level.P3
    assert most_urgent(None, None) is None
    assert most_urgent() is None


def test_cues_of_an_assessment_come_from_its_evidence() -> None:
    assert assessed({Label.PANIC: 0.9}).cues == frozenset()
    reading = assessed({Label.PANIC: 0.9}, Cue.MEDICAL, Cue.MEDICAL, Cue.CALM)
    assert reading.cues == {Cue.MEDICAL, Cue.CALM}


def test_a_conversation_is_known_by_tenant_and_name() -> None:
    assert memory().key == ("default", "c-1")


@pytest.mark.parametrize(
    "error",
    [SourceUnavailable, StoreUnavailable, ClassifierUnavailable, NotifierUnavailable, Conflict],
)
def test_what_may_be_tried_again_is_unavailable(error: type[SafetyError]) -> None:
    assert issubclass(error, Unavailable)


def test_an_unreadable_record_says_why_and_where() -> None:
    assert str(UnreadableRecord("not_json")) == "not_json"
    error = UnreadableRecord("missing", "sent_at")
    assert (str(error), error.reason, error.field) == ("sent_at: missing", "missing", "sent_at")


def test_the_wall_clock_is_aware_and_runs() -> None:
    clock = SystemClock()
    offset = clock.now().utcoffset()
    assert offset is not None
    assert not offset
    before = clock.monotonic()
    clock.sleep(-1.0)
    assert clock.monotonic() >= before


def test_the_checkpoint_of_production_does_nothing() -> None:
    nowhere("anywhere")
