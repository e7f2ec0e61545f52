"""What every classifier promises, whichever reads the words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers import LexiconClassifier, load_classifier
from safety.core.ports import Classifier
from safety.core.types import Assessment, EventId, Label, Role, Turn, Utterance

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
IMPLEMENTATIONS: dict[str, Callable[[], Classifier]] = {
    "lexicon": LexiconClassifier.load,
    "cascade": load_classifier,
}
_LOADED: dict[str, Classifier] = {}

_PIECES = [
    "我",
    "不",
    "想",
    "死",
    "自",
    "杀",
    "活了",
    "跳楼",
    "今晚",
    "“",
    "”",
    "，",
    "\u200b",
    "4",
    "\x00",
    "🐭",
    "殺",
    "。",
]
any_text = st.one_of(
    st.text(max_size=60),
    st.text(st.characters(categories=("Cs", "Cc", "Mn", "So", "Zs")), max_size=30),
    st.lists(st.sampled_from(_PIECES), max_size=40).map("".join),
)
turns = st.builds(
    lambda role, text, ago: Turn(EventId("b"), role, text, NOON - timedelta(seconds=ago)),
    st.sampled_from(Role),
    any_text,
    st.integers(0, 200),
)
utterances = st.builds(
    lambda number, role, text, before: Utterance(
        EventId(f"m-{number}"), role, text, NOON, tuple(before)
    ),
    st.integers(0, 9),
    st.sampled_from(Role),
    any_text,
    st.lists(turns, max_size=4),
)


@pytest.fixture(params=sorted(IMPLEMENTATIONS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def loaded(name: str) -> Classifier:
    if name not in _LOADED:
        _LOADED[name] = IMPLEMENTATIONS[name]()
    return _LOADED[name]


def check(utterance: Utterance, assessment: Assessment) -> None:
    assert assessment.event_id == utterance.event_id
    assert assessment.versions
    assert all(isinstance(label, Label) for label in assessment.scores)
    assert all(0 < score <= 1 for score in assessment.scores.values())
    for item in assessment.evidence:
        assert 0 <= item.start <= item.end <= len(utterance.text)
        assert item.label is not None or item.cue is not None
        assert item.label is None or item.label in assessment.scores
        assert item.term
        assert item.source in {"lexicon", "context", "model"}
    shown = {item.label for item in assessment.evidence}
    assert set(assessment.scores) <= shown | set(assessment.scores)


def test_nothing_in_nothing_out(name: str) -> None:
    assert loaded(name).assess([]) == []


@settings(max_examples=150, deadline=None)
@given(batch=st.lists(utterances, max_size=4))
def test_one_assessment_each_in_order_and_the_same_again(batch: list[Utterance]) -> None:
    for implementation in IMPLEMENTATIONS:
        classifier = loaded(implementation)
        first = classifier.assess(batch)
        assert len(first) == len(batch)
        for utterance, assessment in zip(batch, first, strict=True):
            check(utterance, assessment)
        assert classifier.assess(batch) == first


@settings(max_examples=60, deadline=None)
@given(batch=st.lists(utterances, min_size=2, max_size=4))
def test_a_message_reads_the_same_alone_as_in_a_batch(batch: list[Utterance]) -> None:
    for implementation in IMPLEMENTATIONS:
        classifier = loaded(implementation)
        together = classifier.assess(batch)
        assert together == [classifier.assess([utterance])[0] for utterance in batch]


@pytest.mark.parametrize(
    "text", ["", " ", "\x00", "\ud800", "\ud800想死\udfff", "死" * 5000, "。" * 5000]
)
def test_odd_texts_are_read(name: str, text: str) -> None:
    utterance = Utterance(EventId("m-1"), Role.CLIENT, text, NOON)
    check(utterance, loaded(name).assess([utterance])[0])


def test_a_plain_cry_is_heard_from_the_client_alone(name: str) -> None:
    heard = [
        loaded(name).assess([Utterance(EventId("m-1"), role, "我真的不想活了", NOON)])[0]
        for role in (Role.CLIENT, Role.LISTENER, Role.COUNSELLOR)
    ]
    assert [a.scores.get(Label.ACTIVE_IDEATION, 0) >= 0.5 for a in heard] == [True, False, False]


def test_evidence_carries_no_words(name: str) -> None:
    utterance = Utterance(EventId("m-1"), Role.CLIENT, "我真的不想活了", NOON)
    assert "不想活" not in repr(loaded(name).assess([utterance])[0])
