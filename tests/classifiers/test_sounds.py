"""Terms found by their sound, and ordinary words left alone."""

from __future__ import annotations

import pytest

from classifiers.sounds import Sounds
from classifiers.text import View
from safety.core.types import Label
from tests.classifiers.shared import present, says

SOUNDS = Sounds(["自杀", "想死", "不想活", "去死", "跳楼"], ["自沙漏"])


@pytest.mark.parametrize(
    ("text", "hit", "term"),
    [
        ("我想子沙", "子沙", "自杀"),
        ("我想zisha", "zisha", "自杀"),
        ("我想自sha了", "自sha", "自杀"),
        ("真的步想活了", "步想活", "不想活"),
        ("bu想huo", "bu想huo", "不想活"),
        ("好想四", "想四", "想死"),
        ("我要tiaolou", "tiaolou", "跳楼"),
    ],
)
def test_a_sound_is_found_where_it_stands(text: str, hit: str, term: str) -> None:
    view = View(text)
    assert [(view.solid[a:b], found) for a, b, found in SOUNDS.find(view)] == [(hit, term)]


@pytest.mark.parametrize(
    "text",
    [
        "我们很相似",
        "去寺庙烧香",
        "想吃司康",
        "我要去丝绸之路",
        "自杀",
        "自沙漏里看时间",
        "",
        "hello",
        "知识",
    ],
)
def test_ordinary_words_and_the_term_itself_are_not(text: str) -> None:
    assert list(SOUNDS.find(View(text))) == []


@pytest.mark.parametrize(
    ("text", "hit"),
    [("我想字沙", "字沙"), ("我真的步 想活了", "步 想活"), ("我又自can了", "自can")],
)
def test_the_lexicon_points_at_the_original(text: str, hit: str) -> None:
    spans = {text[item.start : item.end] for item in says(text).evidence if item.label}
    assert hit in spans
    assert present(says(text)) & {Label.ACTIVE_IDEATION, Label.SELF_INJURY}


def test_without_a_first_person_or_a_wish_it_stays_silent() -> None:
    assert not says("盒子沙发都到了").evidence
