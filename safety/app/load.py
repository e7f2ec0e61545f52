"""A known load: conversations of our own sentences, a stated share of them in danger."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

CALM = (
    "今天地铁上人好多,站了一路",
    "晚饭吃了碗面,还行",
    "周末想去爬山,你去过吗",
    "我妈又催我相亲了,头大",
    "刚洗完澡,窝在沙发上跟你说话",
    "领导今天夸我了,有点开心",
    "最近在追一部剧,挺好看的",
    "晚上睡得还可以,就是早上起不来",
    "跟室友因为空调吵了一架",
    "想换工作,又怕找不到合适的",
    "下雨了,鞋子全湿了",
    "你平时几点下班呀",
)
LISTENER = (
    "嗯嗯,我在听",
    "听起来今天挺累的",
    "后来呢",
    "那你现在心情怎么样",
    "愿意多说一点吗",
    "辛苦你了",
)
DANGER = (
    "我真的不想活了",
    "我想死,今晚就不想撑下去了",
    "遗书我已经写好了",
    "我站在天台上,不想活了",
)


def load(
    run: str, conversations: int, turns: int, risk: float, seed: int
) -> Iterator[dict[str, Any]]:
    """The events, all conversations taking turns. `risk` is the share of them in danger."""
    dice = random.Random(seed)  # noqa: S311 - a load, not a secret
    at_turn = {
        number: dice.randrange(turns // 2, turns, 2) if turns > 2 else 0
        for number in range(conversations)
        if dice.random() < risk
    }
    for turn, number in itertools.product(range(turns), range(conversations)):
        from_client = turn % 2 == 0
        if from_client:
            in_danger = at_turn.get(number) in (turn, turn - 1)
            text = dice.choice(DANGER if in_danger else CALM)
        else:
            text = dice.choice(LISTENER)
        yield {
            "type": "message",
            "message_id": f"{run}-{number}-{turn}",
            "conversation_id": f"{run}-{number}",
            "sender_id": f"{run}-c{number}" if from_client else f"l{number % 97}",
            "role": "client" if from_client else "listener",
            "text": text,
        }
