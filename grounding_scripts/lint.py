"""What a card must never say (R-CARD-03, R-CARD-04, R-CARD-07), and who still has to sign it.

The words are looked for in everything a listener reads, also in what to avoid: a phrase that is
in front of somebody under stress gets said. So cards describe what to avoid without quoting it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from grounding_scripts.schema import Entry

MAX_ASK = 28
MAX_REVIEW_AGE_DAYS = 180


@dataclass(frozen=True, slots=True)
class LintReport:
    """Plain sentences for a person. Errors must not reach a listener, warnings ask for care."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Rule:
    """A fault, the pattern that shows it, and wording that only looks like it."""

    fault: str
    pattern: re.Pattern[str]
    allowed: re.Pattern[str] | None = None


def _rule(fault: str, pattern: str, allowed: str | None = None) -> _Rule:
    return _Rule(fault, re.compile(pattern), re.compile(allowed) if allowed else None)


_NUMBER = r"[0-9零〇一二两三四五六七八九十百千万几半]+\s*多?\s*"

_EVERYWHERE = (
    _rule(
        "asks for closed eyes",
        r"闭(?:上|着|了|起|一下|一会儿?)?(?:双|你的|自己的)?(?:眼|目)|合上?(?:双)?眼|眼睛?(?:先|都)?(?:闭|合)",
    ),
    _rule(
        "asks for walking about",
        r"走走|走一走|走动|走几圈|走两步|来回走|到处走|四处走|散散?步|溜达|踱|转一?转|转[一几两]?圈",
    ),
    _rule(
        "asks to look down",
        r"[往向朝]下(?:面|边|头)?(?:看|望|瞧)|(?:看|望|瞧)(?:一?(?:看|望|瞧|眼)|一下)?(?:楼下|下面|下边|底下|脚下)|低头|低下头|俯视|探头|探身",
    ),
    _rule("asks for a held or forced breath", r"深呼吸|深吸|憋气|憋住|憋着|屏住|屏息|屏气"),
    _rule("offers cold water or ice", r"(?:冷|冰|凉)水|冰敷|冰块|冰袋|冷敷"),
    _rule("offers a bag to breathe into", r"纸袋|塑料袋|袋子里?呼吸"),
    _rule("says 加油", r"加油"),
    _rule("has an exclamation mark", r"!|❗|❕"),
    _rule("says 您, a card says 你", r"您"),
    _rule(
        "names a quantity of something that can kill, or a height",
        _NUMBER + r"(?:片|粒|颗|瓶|板|盒|包|毫克|克|毫升|升|mg|ml|g\b|层|楼|米|公尺|m\b)",
    ),
    _rule(
        "names a method",
        r"割腕|割脉|跳楼|跳下|跳河|跳江|上吊|烧炭|安眠药|吞药|服毒|农药|煤气|卧轨|刀片",
    ),
    _rule(
        "asks for a description of the act",
        r"(?:打算|准备|计划|想要?)(?:用)?(?:怎么|怎样|如何)(?:做|死|结束|跳|弄)|(?:什么|哪种)(?:方法|方式|办法)|想象",
    ),
    _rule(
        "uses a diagnosis",
        r"抑郁|焦虑症|双相|躁郁|躁狂|精神病|精神分裂|人格障碍|强迫症|应激障碍|惊恐|确诊|诊断|患者|病人|PTSD",
    ),
    _rule(
        "promises secrecy",
        r"不说出去|不会说出去|不告诉(?:别人|任何人|谁)|不会告诉|保密|保守秘密|替你瞒|帮你瞒|我们的秘密|只有我们(?:两个|俩)?知道",
        allowed=r"(?:不能|没办法|没法|做不到|无法)(?:替你|为你|帮你|跟你)?(?:保密|保守秘密)",
    ),
    _rule("says 冷静一点", r"冷静"),
    _rule("gives orders", r"你必须|听我说|你给我"),
)

# To the client only: a listener may have to be told these things, a client never hears them.
_SAID = (
    _rule("speaks of police, which is the counsellor's choice", r"警察|报警|出警|110"),
    _rule("shows the client a score or a verdict", r"评分|打分|得分|检测|移情|依赖|风险等级"),
)

_LIST = re.compile(r"\n|^\s*[-*•·]|[①-⑳]|\d\s*[.、)）](?!\d)|第一.*第二|首先.*其次")
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d\u20e3]"
    r"|\[(?:[\u4e00-\u9fff]{1,4})\]|[:;]-?[)(DP]|\^_?\^"
)
_SENTENCE_END = re.compile(r"[。?;.\n]+")


def lint_cards(entries: Iterable[Entry], today: date) -> LintReport:
    """Everything that is wrong with these cards on that day, in the order of the cards."""
    cards = tuple(entries)
    errors = tuple(
        f"{entry.file}: card {entry.card.id}: {fault}"
        for entry in cards
        for fault in _faults(entry)
    )
    return LintReport(errors, (*_unsigned(cards), *_outdated(cards, today)))


def _faults(entry: Entry) -> Iterator[str]:
    fields = {"say": entry.card.say, "why": entry.card.why, "avoid": entry.card.avoid}
    for name, text in fields.items():
        rules = (*_EVERYWHERE, *_SAID) if name == "say" else _EVERYWHERE
        # Full-width letters and marks are the same words to a reader.
        flat = unicodedata.normalize("NFKC", text)
        yield from (f"'{name}' {rule.fault}" for rule in rules if _breaks(rule, flat))
        if _EMOJI.search(text):
            yield f"'{name}' has an emoji"
        if _LIST.search(text):
            yield f"'{name}' is a list"
    yield from _ask_faults(unicodedata.normalize("NFKC", entry.card.say))


def _breaks(rule: _Rule, text: str) -> bool:
    """Spaces are dropped first: 加 油 is read as 加油."""
    bare = re.sub(r"\s+", "", text)
    # A mark stays where allowed words stood, or the words around them could join into a fault.
    rest = rule.allowed.sub("|", bare) if rule.allowed else bare
    return rule.pattern.search(rest) is not None


def _ask_faults(say: str) -> Iterator[str]:
    if say.count("?") > 1:
        yield "'say' asks more than one thing"
    for sentence in _SENTENCE_END.split(say):
        if len(sentence) > MAX_ASK:
            yield (
                f"'say' has a sentence of {len(sentence)} characters, {MAX_ASK} is the most: "
                f"{sentence}"
            )


def _unsigned(cards: tuple[Entry, ...]) -> Iterator[str]:
    """One sentence a file: thirty equal ones would hide what is listed beside them."""
    waiting: dict[str, list[str]] = {}
    for entry in cards:
        if entry.reviewed_on is None:
            waiting.setdefault(entry.file, []).append(entry.card.id)
    for file, ids in waiting.items():
        yield f"{file}: not yet signed by the clinical lead: {', '.join(ids)}"


def _outdated(cards: tuple[Entry, ...], today: date) -> Iterator[str]:
    for entry in cards:
        if entry.reviewed_on is None:
            continue
        age = (today - entry.reviewed_on).days
        name = f"{entry.file}: card {entry.card.id}"
        if age > MAX_REVIEW_AGE_DAYS:
            yield f"{name}: reviewed {age} days ago, {MAX_REVIEW_AGE_DAYS} is the most"
        if age < 0:
            yield f"{name}: the review is dated {entry.reviewed_on}, after {today}"
        if entry.written_on > entry.reviewed_on:
            yield f"{name}: written on {entry.written_on}, after it was reviewed"
