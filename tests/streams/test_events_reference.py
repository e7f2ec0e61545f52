"""docs/events.md tells the truth: its examples are events, its codes are ours."""

from __future__ import annotations

import re
from pathlib import Path

from safety.core.events import CardAction, Chip, EventType
from streams import codec, consumer
from streams.codec import decode

REFERENCE = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")


def test_every_type_has_a_row_and_an_example_that_can_be_read() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", REFERENCE, re.DOTALL)
    decoded = [decode(line.encode()) for line in block.splitlines()]
    assert [one.unknown_fields for one in decoded] == [0] * len(decoded)
    assert {one.event.type for one in decoded} == set(EventType)


def test_every_word_of_the_wire_is_named() -> None:
    for word in (*EventType, *CardAction, *Chip):
        assert f"`{word.value}`" in REFERENCE


def test_every_reason_code_has_a_row() -> None:
    source = "".join(
        Path(str(module.__file__)).read_text(encoding="utf-8") for module in (codec, consumer)
    )
    raised = set(re.findall(r'UnreadableRecord\("(\w+)"', source))
    codes = raised | set(codec._REASON_OF.values()) | {"bad_value", consumer.UNHANDLED}
    rows = set(re.findall(r"^\| `(\w+)` \| [^|]+ \|$", REFERENCE, re.MULTILINE))
    assert codes <= rows
