"""What is measured, on conversations whose outcome is known beforehand."""

from __future__ import annotations

import random

import pytest

from classifiers.disguises import DISGUISES
from classifiers.evaluation import Score, by_label, by_label_in_talks, judge
from classifiers.measure import (
    disguised,
    everyday,
    lapses,
    lapses_in_talks,
    measured,
    misses,
    raised_by_kind,
    reliability,
    wilson,
)
from classifiers.text import View
from safety.core.types import Label, Level
from tests.classifiers.training.tiny import dialogues
from tests.fakes import DictionaryClassifier, Says

WORDS = {
    "我不想活了": Says({Label.ACTIVE_IDEATION: 0.9}),
    "我想吃饭了": Says({Label.PANIC: 0.7}),
    "在吗": Says({Label.LISTENER_UNSAFE: 0.8}),
}


def test_levels_labels_and_misses_of_a_known_reader() -> None:
    judged = judge(DictionaryClassifier(WORDS), dialogues(3))
    assert [item.level for item in judged] == [Level.P1, Level.P3] * 3
    kinds = raised_by_kind(judged)
    assert kinds["crisis"]["P1"]["hits"] == kinds["crisis"]["P1"]["of"] == 3
    assert kinds["harmless"]["P2"]["hits"] == 0
    assert kinds["harmless"]["P3"]["hits"] == 3
    found = by_label(judged)
    assert found[Label.ACTIVE_IDEATION] == Score(right=3)
    assert found[Label.PANIC] == Score(wrong=3)
    assert found[Label.SUICIDE_PREPARATION] == Score(missed=3)
    assert lapses(judged) == Score(wrong=6)
    assert lapses_in_talks(judged) == Score(wrong=6)
    whole = by_label_in_talks(judged)
    assert whole[Label.ACTIVE_IDEATION] == Score(right=3)
    assert whole[Label.LISTENER_UNSAFE] == Score(wrong=6)
    assert whole[Label.SUICIDE_PREPARATION] == Score(missed=3)
    assert misses(judged) == []


def test_a_reader_that_sees_nothing_misses_every_crisis() -> None:
    found = measured(DictionaryClassifier({}), dialogues(2), lambda _: None)
    assert [item["kind"] for item in found["misses"]] == ["crisis", "crisis"]
    assert found["conversations"]["crisis"]["P1"]["share"] == 0.0
    assert "budget" not in found


def test_a_score_without_anything_is_perfect_and_one_of_misses_is_nothing() -> None:
    assert (Score().precision, Score().recall, Score().f1) == (1.0, 1.0, 1.0)
    assert Score(missed=2).f1 == 0.0
    assert Score(right=2, wrong=2).precision == 0.5


def test_everyday_talk_is_counted_by_message() -> None:
    found = everyday(DictionaryClassifier(WORDS), iter(["面", "我不想活了", "饭"]))
    assert found == {"messages": 3, "P2": 1, "P1": 1, "share": pytest.approx(1 / 3)}


def test_an_interval_holds_the_share() -> None:
    low, high = wilson(95, 100)
    assert low < 0.95 < high
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(10, 10)[1] == pytest.approx(1.0)


def test_reliability_is_the_gap_between_said_and_came() -> None:
    honest = [(0.25, place % 4 == 0) for place in range(400)]
    boastful = [(0.95, place % 2 == 0) for place in range(400)]
    assert reliability(honest)["error"] == pytest.approx(0.0)
    assert reliability(boastful)["error"] == pytest.approx(0.45)


@pytest.mark.parametrize("name", sorted(set(DISGUISES) - {"sounds", "pinyin"}))
def test_the_normaliser_sees_through(name: str) -> None:
    text = "我真的不想活了我想自杀"
    hidden = DISGUISES[name](text, random.Random(5))
    assert hidden != text or name == "traditional"
    assert View(hidden).solid.replace("\x02", "") == View(text).solid or name == "stretched"


def test_disguises_change_the_clients_words_alone_and_the_same_way_each_time() -> None:
    reader = DictionaryClassifier(WORDS)
    found = disguised(reader, dialogues(2))
    assert set(found) == set(DISGUISES)
    assert found["traditional"]["share"] == 1.0
    assert found["marks"]["of"] == 2
    assert disguised(reader, dialogues(2)) == found
