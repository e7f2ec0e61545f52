"""Plain words of somebody in danger, through the whole cascade and the rules: no reader talks them
down."""

from __future__ import annotations

from functools import cache

import pytest

from classifiers import load_classifier
from classifiers.corpus import Dialogue, Line
from classifiers.evaluation import judge
from safety.core.ports import Classifier
from safety.core.types import Level, Role

TALK = ("在吗", "在的", "今天下班好晚", "辛苦了,吃了吗", "吃了点面", "那就好")
PLAIN = {
    "我真的不想活了": Level.P1,
    "我想自杀": Level.P1,
    "笑死,我是真的不想活了": Level.P1,
    "好想死": Level.P1,
    "今晚就从楼上跳下去": Level.P1,
    "我割腕了": Level.P1,
    "我刚把药全吞了": Level.P1,
    "遗书写好了": Level.P1,
    "怎么死才不痛苦": Level.P1,
    "我站在楼顶,不想活了": Level.P0,
    "有过想死的念头,但不会去做": Level.P3,
}


@cache
def reader() -> Classifier:
    return load_classifier()


@pytest.mark.parametrize("context", [0, 2, len(TALK)])
@pytest.mark.parametrize(("text", "level"), PLAIN.items())
def test_plain_danger_is_raised_alone_and_within_a_talk(
    text: str, level: Level, context: int
) -> None:
    lines = [
        Line(Role.LISTENER if place % 2 else Role.CLIENT, words)
        for place, words in enumerate(TALK[:context])
    ]
    talk = Dialogue("plain", "plain", 12 * 60, "", (*lines, Line(Role.CLIENT, text)))
    (judged,) = judge(reader(), [talk])
    given = judged.turns[-1].level
    assert given is not None
    assert given <= level


@pytest.mark.parametrize("text", ["笑死我了", "累死了", "今天面好吃", "烦死了不想上班", "明天见"])
def test_everyday_words_raise_nobody(text: str) -> None:
    talk = Dialogue("day", "day", 12 * 60, "", (Line(Role.CLIENT, text),))
    (judged,) = judge(reader(), [talk])
    assert judged.level is None
