"""When: the word that turns a wish into a plan (clinical reference 5.2 row 75, section 9)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from safety.core.types import Cue

_NOW = (
    "今晚|今夜|今天晚上|今儿晚上|马上|这就|等下|等会儿?|待会儿?|一会儿?|立刻|立马|天亮之?前|"
    "[几半十\\d]+分钟后"
)
_LOOSE = "现在|今天|今日|此刻|这会儿|凌晨"
_SOON = (
    "明天|明晚|明早|明日|后天|大后天|这周[一二三四五六日末]?|周末|下周|这两天|过两天|过几天|月底|"
    "[一二三四五六七八九十\\d]+[号日](?:那天|就|晚上)|周[一二三四五六日](?:就|晚上|那天)|生日那天|"
    "(?:过完|等|考完|办完|处理完|交代完)[^,]{1,10}?(?:之后|以后|后|完|了)?就"
)
_DECIDED = "(?=.{0,8}(?:就|要|打算|准备|决定|去|走))"
_TIME = re.compile(f"(?P<now>{_NOW}|(?:{_LOOSE}){_DECIDED})|(?P<soon>{_SOON})")
_REACH = 20


@dataclass(frozen=True, slots=True)
class Anchor:
    """A time word: solid `[start, end)` and what it means."""

    start: int
    end: int
    cue: Cue


def anchor(solid: str, low: int, high: int, *, start: int) -> Anchor | None:
    """The most pressing time word in the clause `[low, high)` of a hit at `start`, the clause
    before it or the one after it.

    "现在" and "今天" count only with a decision after them: a wish felt now is not a time set.
    """
    found: Anchor | None = None
    for match in _TIME.finditer(solid, max(0, low - _REACH), min(len(solid), high + _REACH)):
        if match["now"]:
            return Anchor(match.start(), match.end(), Cue.TIME_NOW)
        near = found is None or abs(match.start() - start) < abs(found.start - start)
        if near:
            found = Anchor(match.start(), match.end(), Cue.TIME_SOON)
    return found
