"""Wishes and folders of cards for the tests of this room."""

from pathlib import Path
from typing import Any

import yaml

from grounding_scripts import CardLibrary
from safety.core.cards import CardWish
from safety.core.types import Cue, Label, Level

SHIPPED = CardLibrary.load()
SHIPPED_FOLDER = Path(__file__).parents[2] / "grounding_scripts" / "cards"


def wish(
    level: Level = Level.P3,
    *signs: Label | Cue,
    place: bool = False,
    shown: tuple[str, ...] = (),
) -> CardWish:
    return CardWish(
        level=level,
        labels=frozenset(sign for sign in signs if isinstance(sign, Label)),
        cues=frozenset(sign for sign in signs if isinstance(sign, Cue)),
        place_open=place,
        on_call=False,
        shown=shown,
    )


def flow_ids(flow: str) -> tuple[str, ...]:
    return tuple(entry.card.id for entry in SHIPPED.entries if entry.card.flow == flow)


def row(**changes: Any) -> dict[str, Any]:
    """A card as it is written down, with changes; a value of ... leaves the key out."""
    card: dict[str, Any] = {
        "id": "hold",
        "version": "1",
        "say": "我在这里。",
        "why": "陪着。",
        "avoid": "不要走开。",
        "tier": "basic",
        "reviewed_by": "待临床负责人签字",
        "reviewed_on": None,
        "written_on": "DATE",
    }
    card.update(changes)
    return {key: value for key, value in card.items() if value is not ...}


def dump(document: object) -> str:
    text: str = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    return text.replace("DATE", "2026-11-23")


def copy_shipped(folder: Path) -> Path:
    for source in SHIPPED_FOLDER.glob("*.yaml"):
        (folder / source.name).write_bytes(source.read_bytes())
    return folder
