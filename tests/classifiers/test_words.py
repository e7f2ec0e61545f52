"""What the encoder is given to read."""

from __future__ import annotations

import pytest

from classifiers.words import plain


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("我不想活了", "我不想活了"),
        ("我不想活著", "我不想活着"),
        ("不\u200b想\u2060活", "不想活"),
        ("啊啊啊啊啊", "啊"),
        ("笑死😂", "笑死😂"),
        ("不😂想😂活了", "不想活了😂😂"),
        ("ＡＢ，好", "ab,好"),
        ("好~困~", "好困"),
        ("", ""),
    ],
)
def test_a_message_is_folded_and_its_emoji_come_last(text: str, read: str) -> None:
    assert plain(text) == read
