"""What the turns before a message lend it (R-DET-02): a short yes, and words cut into pieces."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from classifiers.text import STRETCH, View, solid
from safety.core.types import Cue, Label, Role, Turn, Utterance

SHORT = 12
"""Messages of at most this many letters are read with the ones just before them."""

TOGETHER = timedelta(seconds=90)
"""Pieces of one sentence are sent within this time."""

_PIECES = 2
_LOOK_BACK = 6

_YES = re.compile(
    "(?:嗯+|恩+|额|呃|唉|哎|哦)*(?:是|是的|有|有的|对|对的|对啊|想过|想|有过|有想过|有一点|有点|一点点?|一直有|"
    "一直|经常|常常|每天都?想?|天天|天天想|偶尔|偶尔会?|有时候会?|有时|会|会的|会有|好像有|可能有?|可能吧|应该是|"
    "算是|想了很久|很久了|系|系啊|yes|yeah|y|嗯+|恩+|确实|没错|点头|差不多|几乎每天|最近有|昨晚有|刚才有|现在就有|"
    "好几次|很多次|不止一次|想过很多次|想过几次|说对了|被你说中了|你说对了|瞒不过你|真的有|真的想|有想|都有|两个都有)"
    "(?:啊|吧|呢|的|了|哦|呀|唉|哎|嗯|喔|过|呜|哈)*"
)
_NO = re.compile(
    "(?:嗯|额|呃|哦)*(?:没有|没|没想过|没有过|没有想过|不会|不会的|不是|不|从来没有|从来没想过|不想|没这么想过|"
    "还没有?|倒没有?|暂时没有?|no|n)(?:啊|吧|呢|的|了|哦|呀|唉|啦|过)*"
)
_SUICIDE = re.compile(
    "自杀|想死|去死|轻生|寻短见|不想活|结束(?:自己|生命|这一切|一切)|了结|死的(?:念头|想法)|活不下去|"
    "死了算了|想到过?死|离开这个世界|不想继续活|伤害自己的生命"
)
_INJURY = re.compile("伤害自己|自残|自伤|弄伤自己|割自己|划自己|割腕")
_PLANNING = re.compile(
    "打算什么时候|什么时候(?:去|做|开始|动手|自杀|死|结束)|(?:想好|考虑|计划|准备)(?:过|好)?(?:了)?"
    "(?:用什么|怎么做|什么方式|什么时候|时间|地点|方法|方式|具体|要怎么)|具体(?:的)?(?:计划|打算|安排|方式)|"
    "有(?:没有)?(?:什么|具体)?的?计划|准备(?:好)?了?(?:工具|东西|遗书|药|刀)|手边有|已经准备"
)
_LIVING = re.compile("还想(?:继续)?活|想(?:不想)?(?:继续)?活下去|愿意活下去")
_ASKS = re.compile("[?]|[吗么嘛呢没]$|有没有|是不是|会不会|想不想|想没想|难道|曾否")

_OPEN = re.compile("[没不别我想好要就去又也都很说]$|没有$|真的$|从来$")
"""A piece that ends so goes on in the next one; any other ends its clause."""


class Asked(Enum):
    """What a direct question was about, with what a yes then means."""

    SUICIDE = "suicide"
    INJURY = "injury"
    PLAN = "plan"
    LIVING = "living"


MEANS = {
    Asked.SUICIDE: Label.ACTIVE_IDEATION,
    Asked.INJURY: Label.SELF_INJURY_URGE,
    Asked.PLAN: Label.SUICIDE_PLAN,
    Asked.LIVING: Label.ACTIVE_IDEATION,
}
"""The label that a yes inherits; of `LIVING`, a no."""

SURE = 0.8
"""The score it inherits with (a design value)."""


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a short answer means: a cue, and a label with its score unless it denies."""

    cue: Cue
    asked: Asked
    affirmed: bool


def inherited(utterance: Utterance, view: View) -> Inherited | None:
    """What the client's short message answers, if a direct question came just before it."""
    if not utterance.before or not 0 < len(view.solid) <= SHORT:
        return None
    first = view.solid[: view.cuts[0]] if view.cuts else view.solid
    yes = _YES.fullmatch(view.solid) or (_YES.fullmatch(first) and not _NO.match(view.solid))
    no = None if yes else _NO.fullmatch(view.solid) or _NO.fullmatch(first)
    if not (yes or no):
        return None
    asked = question(utterance.before)
    if asked is None:
        return None
    affirmed = bool(no) if asked is Asked.LIVING else bool(yes)
    return Inherited(Cue.AFFIRMED if affirmed else Cue.DENIED, asked, affirmed)


def question(before: Sequence[Turn]) -> Asked | None:
    """The last direct question of a listener or counsellor, unless the client said more since.

    One empty-handed turn of the client ("…", "唉") may stand between.
    """
    spoken = False
    topic = None
    for turn in reversed(before[-_LOOK_BACK:]):
        if turn.role is Role.CLIENT:
            if spoken or len(solid(turn.text[:200])) > 2:
                break
            continue
        if turn.role is Role.SYSTEM:
            continue
        spoken = True
        text = turn.text[-400:]
        view = View(text)
        if not (_ASKS.search(view.folded.strip()) or _ASKS.search(view.solid)):
            continue
        topic = _topic(view.solid, before)
        break
    return topic


def _topic(asked: str, before: Sequence[Turn]) -> Asked | None:
    if _PLANNING.search(asked):
        grave = _SUICIDE.search(asked) or any(
            _SUICIDE.search(solid(turn.text[-400:])) for turn in before[-_LOOK_BACK:]
        )
        return Asked.PLAN if grave else None
    if _SUICIDE.search(asked):
        return Asked.SUICIDE
    if _INJURY.search(asked):
        return Asked.INJURY
    return Asked.LIVING if _LIVING.search(asked) else None


def joined(utterance: Utterance, view: View) -> tuple[str, int]:
    """The message behind the pieces the client sent just before it, and where it begins there."""
    if not utterance.before or len(view.solid) > SHORT:
        return utterance.text, 0
    earlier = ""
    for count, turn in enumerate(reversed(utterance.before[-_LOOK_BACK:])):
        apart = utterance.sent_at - turn.sent_at
        if turn.role is not Role.CLIENT or count == _PIECES or apart > TOGETHER:
            break
        if len(turn.text) > 2 * SHORT:
            break
        glue = STRETCH if _OPEN.search(turn.text) else " "
        earlier = turn.text + glue + earlier
    return earlier + utterance.text, len(earlier)
