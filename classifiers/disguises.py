"""Ways in which people disguise a word, to measure what survives them (clinical reference 5.1)."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import cache

from opencc import OpenCC
from pypinyin import lazy_pinyin

_CHINESE = range(0x4E00, 0x9FA5 + 1)
_MARKS = "·、_*/~。-"
_INVISIBLE = "\u200b\u200c\u2060"
_EMOJI = "🌸💔🍃"
_SOUNDS = {
    "死": "4亖似",
    "杀": "沙鲨",
    "活": "或火",
    "自": "紫字",
    "想": "香",
    "跳": "挑",
    "残": "惨",
}

Disguise = Callable[[str, random.Random], str]


def _between(signs: str) -> Disguise:
    def disguise(text: str, rng: random.Random) -> str:
        made = []
        for place, char in enumerate(text):
            made.append(char)
            after = text[place + 1 : place + 2]
            if after and ord(char) in _CHINESE and ord(after) in _CHINESE and rng.random() < 0.4:
                made.append(rng.choice(signs))
        return "".join(made)

    return disguise


def _traditional(text: str, _rng: random.Random) -> str:
    return str(_to_traditional().convert(text))


@cache
def _to_traditional() -> OpenCC:
    return OpenCC("s2t")


def _sounding(text: str, rng: random.Random) -> str:
    return "".join(rng.choice(_SOUNDS[char]) if char in _SOUNDS else char for char in text)


def _pinyin(text: str, rng: random.Random) -> str:
    return "".join(
        lazy_pinyin(char)[0] if char in _SOUNDS and rng.random() < 0.7 else char for char in text
    )


def _stretched(text: str, rng: random.Random) -> str:
    return "".join(char * (4 if rng.random() < 0.15 else 1) for char in text)


DISGUISES: Mapping[str, Disguise] = {
    "marks": _between(_MARKS),
    "spaces": _between(" "),
    "invisible": _between(_INVISIBLE),
    "emoji": _between(_EMOJI),
    "traditional": _traditional,
    "sounds": _sounding,
    "pinyin": _pinyin,
    "stretched": _stretched,
}
"""Each takes a text and a random generator and returns the text disguised."""
