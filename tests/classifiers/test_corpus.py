"""The corpus: its format, its size, and that no conversation stands twice."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from classifiers.corpus import PARTS, Dialogue, Malformed, parse, read_part
from classifiers.corpus.likeness import BOUND, alike, grams
from safety.core.types import Label, Level, Role

HEAD = "== 借的书还了 | 21:05 | 女,27,话少\n"
TURNS = "客 在吗\n听 在的\n客 书还了 {~suicide_preparation}\n听 好\n客 嗯\n听 早点睡\n"


@cache
def everything() -> dict[str, list[Dialogue]]:
    return {part: read_part(part) for part in PARTS}


def test_it_is_as_large_as_promised() -> None:
    held = [dialogue for part in everything().values() for dialogue in part]
    kinds = Counter(dialogue.kind for dialogue in held)
    assert len(held) >= 3_000
    assert kinds["hard"] + kinds["easy"] >= len(held) / 2
    assert kinds["hard"] > kinds["easy"]


@pytest.mark.parametrize("label", Label)
def test_every_label_has_turns_and_twins(label: Label) -> None:
    lines = [line for part in everything().values() for one in part for line in one.lines]
    assert sum(label in line.labels for line in lines) >= 400
    assert sum(label in line.near for line in lines) >= 400


def test_no_situation_stands_in_two_parts() -> None:
    places = {part: {one.situation for one in held} for part, held in everything().items()}
    for part in PARTS:
        for other in PARTS:
            if part < other:
                assert not places[part] & places[other]


def test_different_hands_wrote_the_parts() -> None:
    hands = {part: {one.id.split("-")[0] for one in held} for part, held in everything().items()}
    assert all(hands.values())
    assert len(set.union(*hands.values())) == sum(map(len, hands.values()))


def test_nothing_stands_twice_within_or_across_parts() -> None:
    held = [dialogue for part in everything().values() for dialogue in part]
    assert list(alike(held)) == []


def test_the_check_finds_a_copy() -> None:
    told = "客 楼下那只三花今天又来蹭饭了,吃完就蹲在我的鞋上不走\n" + TURNS
    (one,) = parse(HEAD + told, "a")
    (copy,) = parse(HEAD + told.replace("早点睡", "晚安"), "b")
    assert grams(one)
    found = list(alike([one, copy]))
    assert [pair[:2] for pair in found] == [("a-01", "b-01")]
    assert found[0][2] > BOUND


def test_a_turn_is_read_whole() -> None:
    text = HEAD.replace("27", "27") + "客 我想走了 {active_ideation ~panic P1 +15m}\n" + TURNS
    (dialogue,) = parse(text, "a")
    first = dialogue.lines[0]
    assert (first.role, first.text, first.level) == (Role.CLIENT, "我想走了", Level.P1)
    assert first.labels == {Label.ACTIVE_IDEATION}
    assert first.near == {Label.PANIC}
    assert first.gap_s == 900
    assert (dialogue.id, dialogue.minute, dialogue.kind) == ("a-01", 21 * 60 + 5, "crisis")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("客 在吗\n", "a:1: a turn before any"),
        ("== 没有时间 | 女\n" + TURNS, "a:1: write '=="),
        (HEAD + "在吗\n" + TURNS, "a:2: write '客"),
        (HEAD + "客 在吗 {sad}\n" + TURNS, "a:2: no label is called 'sad'"),
        (HEAD + "听 去吧 {active_ideation}\n" + TURNS, "does not belong to a listener's turn"),
        (HEAD + "客 去吧 {listener_unsafe}\n" + TURNS, "does not belong to a client's turn"),
        (HEAD + "师 我在 {P1}\n" + TURNS, "a level without a label"),
        (HEAD + "客 在吗\n", "a-01: 1 turns, must be 6 to 16"),
        (HEAD.replace("21:05", "25:05") + TURNS, "25 is no hour"),
    ],
)
def test_what_breaks_the_format_is_named(text: str, says: str) -> None:
    with pytest.raises(Malformed, match="a") as error:
        list(parse(text, "a"))
    assert says in str(error.value)


def test_a_harmless_line_may_look_like_anything() -> None:
    (dialogue,) = parse(HEAD + "听 你想过自杀吗 {~active_ideation}\n" + TURNS, "a")
    assert dialogue.kind == "hard"
    assert dialogue.level is None
