"""Each rule about wording with a planted fault, and the shipped cards without any."""

from dataclasses import replace
from datetime import date

import pytest

from grounding_scripts import lint_cards
from grounding_scripts.schema import Entry, Tier
from safety.core.cards import Card
from tests.grounding_scripts.shelf import SHIPPED

TODAY = date(2026, 11, 23)


def entry(say: str = "我在这里。", why: str = "陪着。", avoid: str = "不要走开。") -> Entry:
    return Entry(
        card=Card("hold", "hold", "1", say, why, avoid),
        file="hold.yaml",
        tier=Tier.BASIC,
        reviewed_by="某医生",
        reviewed_on=TODAY,
        written_on=TODAY,
    )


def errors(*entries: Entry) -> str:
    return "\n".join(lint_cards(entries, TODAY).errors)


def test_the_shipped_cards_say_nothing_forbidden() -> None:
    assert errors(*SHIPPED.entries) == ""


def test_the_shipped_cards_admit_that_nobody_has_signed_them() -> None:
    warnings = lint_cards(SHIPPED.entries, TODAY).warnings
    assert len(warnings) == len({entry.file for entry in SHIPPED.entries})
    assert all("not yet signed by the clinical lead" in warning for warning in warnings)
    named = ", ".join(warnings)
    assert all(entry.card.id in named for entry in SHIPPED.entries)


@pytest.mark.parametrize(
    ("say", "fault"),
    [
        ("闭上眼睛歇一会儿。", "closed eyes"),
        ("先把眼睛闭起来。", "closed eyes"),
        ("轻轻合上眼。", "closed eyes"),
        ("起来走一走。", "walking about"),
        ("在屋里走动一下。", "walking about"),
        ("去外面散散步。", "walking about"),
        ("往下看是什么？", "look down"),
        ("你看一下楼下。", "look down"),
        ("低头看自己的脚。", "look down"),
        ("来个深呼吸。", "held or forced breath"),
        ("吸一口气憋住。", "held or forced breath"),
        ("先屏住呼吸。", "held or forced breath"),
        ("用冷水洗把脸。", "cold water or ice"),
        ("拿毛巾冰敷。", "cold water or ice"),
        ("拿个纸袋罩着嘴。", "bag to breathe into"),
        ("加油。", "加油"),
        ("加 油。", "加油"),
        ("我在！", "exclamation mark"),
        ("我在!", "exclamation mark"),
        ("您慢慢说。", "您"),
        ("我在\U0001f642。", "emoji"),
        ("我在❤️。", "emoji"),
        ("我在[拥抱]。", "emoji"),
        ("你吃了二十片吗？", "quantity"),
        ("你吃了30 粒吗？", "quantity"),
        ("你吃了３０颗吗？", "quantity"),
        ("你是在十几层吗？", "height"),
        ("那里有20米高吗？", "height"),
        ("你是想跳楼吗？", "names a method"),
        ("你打算怎么做？", "description of the act"),
        ("你想用什么方式？", "description of the act"),
        ("这听着像抑郁症。", "diagnosis"),
        ("这叫惊恐发作。", "diagnosis"),
        ("我保证不说出去。", "promises secrecy"),
        ("我会替你保密。", "promises secrecy"),
        ("这是我们的秘密。", "promises secrecy"),
        ("我不能替你保密，但我会帮你保密。", "promises secrecy"),
        ("你冷静一点。", "冷静一点"),
        ("你必须坐下。", "gives orders"),
        ("听我说。", "gives orders"),
        ("警察马上就到。", "police"),
        ("你的依赖有点重。", "score or a verdict"),
        ("你坐着吗？身边有人吗？", "more than one thing"),
        ("你坐着吗?身边有人吗？", "more than one thing"),
        ("先坐下。\n再喝口水。", "list"),
        ("1. 坐下", "list"),
        ("①坐下②喝水", "list"),
        ("- 坐下", "list"),
        ("首先坐下，其次喝水。", "list"),
    ],
)
def test_a_planted_fault_is_caught(say: str, fault: str) -> None:
    found = errors(entry(say))
    assert found.startswith("hold.yaml: card hold: 'say' ")
    assert fault in found


@pytest.mark.parametrize(
    "say",
    [
        "这件事我不能替你保密，我在意你的安全。",
        "先往里走，背靠墙坐下，好吗？",
        "我请老师帮你联系120。",
        "我们一起过好这十分钟，好吗？",
        "先坐稳，看看你周围，好吗？",
        "吸四下，呼六下。",
        "TA身边有人陪着吗？",
    ],
)
def test_good_wording_passes(say: str) -> None:
    assert errors(entry(say)) == ""


def test_a_sentence_may_have_28_characters_and_no_more() -> None:
    assert errors(entry("坐" * 28 + "？" + "在" * 28 + "。")) == ""
    assert "a sentence of 29 characters, 28 is the most" in errors(
        entry("我在。" + "坐" * 29 + "？")
    )


def test_what_the_listener_reads_is_looked_at_too() -> None:
    found = errors(entry(why="你可以说加油。", avoid="不要说您。"))
    assert "'why' says 加油" in found
    assert "'avoid' says 您" in found


def test_a_listener_may_be_told_not_to_speak_of_police() -> None:
    assert errors(entry(avoid="不要提警察。")) == ""


def test_a_review_holds_for_180_days() -> None:
    signed = entry()
    assert lint_cards([signed], date(2027, 5, 22)).warnings == ()
    assert lint_cards([signed], date(2027, 5, 23)).warnings == (
        "hold.yaml: card hold: reviewed 181 days ago, 180 is the most",
    )


def test_a_review_from_the_future_or_older_than_the_text_is_doubted() -> None:
    early = replace(entry(), reviewed_on=date(2026, 11, 1))
    late = replace(entry(), reviewed_on=date(2026, 12, 1))
    assert lint_cards([early, late], TODAY).warnings == (
        "hold.yaml: card hold: written on 2026-11-23, after it was reviewed",
        "hold.yaml: card hold: the review is dated 2026-12-01, after 2026-11-23",
    )
