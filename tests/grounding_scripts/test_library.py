"""Reading cards: what is shipped, and what is refused with which sentence."""

from pathlib import Path
from typing import Any

import pytest

from grounding_scripts import CardLibrary
from grounding_scripts.schema import Tier
from safety.core.errors import Misconfigured
from safety.core.types import Label, Level
from tests.grounding_scripts.shelf import SHIPPED, SHIPPED_FOLDER, copy_shipped, dump, row, wish

FLOWS = {
    "orient",
    "roof",
    "direct_question",
    "hold",
    "stop_asking",
    "panic",
    "boundary",
    "dependency",
    "third_party",
    "coach",
}


def test_every_flow_is_shipped_and_nothing_pretends_to_be_signed() -> None:
    assert {entry.card.flow for entry in SHIPPED.entries} == FLOWS
    assert {entry.tier for entry in SHIPPED.entries} == {Tier.BASIC}
    assert all(entry.reviewed_on is None for entry in SHIPPED.entries)


def test_a_folder_given_by_hand_reads_like_the_shipped_one() -> None:
    assert CardLibrary.load(SHIPPED_FOLDER).entries == SHIPPED.entries


def test_a_card_is_found_by_its_id() -> None:
    card = SHIPPED.get("direct_question")
    assert card is not None
    assert card.flow == "direct_question"
    assert SHIPPED.get("nobody") is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", ["hold.yaml", "UTF-8"]),
        (b"flow: [", ["hold.yaml", "YAML"]),
        (b"flow: hold\nflow: roof\n", ["hold.yaml", "'flow' is given twice"]),
        (b"flow: hold\ncards: 2026-02-30\n", ["hold.yaml", "impossible value"]),
        (b"", ["hold.yaml", "'flow' and 'cards'"]),
        (b"- a\n", ["hold.yaml", "'flow' and 'cards'"]),
        (b"flow: hold\n", ["hold.yaml", "'flow' and 'cards'"]),
        (b"flow: roof\ncards: []\n", ["hold.yaml", "'roof'", "named after its flow"]),
        (b"flow: hold\ncards: []\n", ["hold.yaml", "at least one card"]),
        (b"flow: hold\ncards: {}\n", ["hold.yaml", "at least one card"]),
        (b"flow: hold\ncards: [x]\n", ["hold.yaml", "card number 1"]),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: bytes, words: list[str]) -> None:
    (copy_shipped(tmp_path) / "hold.yaml").write_bytes(content)
    with pytest.raises(Misconfigured) as caught:
        CardLibrary.load(tmp_path)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"say": ...}, ["card hold:", "say: Field required"]),
        ({"say": "  "}, ["card hold:", "say:"]),
        ({"say": 5}, ["card hold:", "say:"]),
        ({"version": 2026.11}, ["card hold:", "version:"]),
        ({"id": ...}, ["card number 1:", "id: Field required"]),
        ({"id": "Hold 1"}, ["card Hold 1:", "id:"]),
        ({"id": "roof.inward"}, ["card roof.inward:", "start with 'hold.'"]),
        ({"tier": "anybody"}, ["card hold:", "tier:"]),
        ({"written_on": "yesterday"}, ["card hold:", "written_on:"]),
        ({"written_on": 20261123}, ["card hold:", "written_on:"]),
        ({"reviewed_by": "王医生"}, ["card hold:", "a signed card has a name and a date"]),
        ({"when": {"labels": ["no_such_label"]}}, ["card hold:", "when.labels"]),
        ({"emoji": "yes"}, ["card hold:", "emoji: Extra inputs"]),
    ],
)
def test_a_broken_card_is_named(tmp_path: Path, changes: dict[str, Any], words: list[str]) -> None:
    document = {"flow": "hold", "cards": [row(**changes)]}
    (copy_shipped(tmp_path) / "hold.yaml").write_text(dump(document), encoding="utf-8")
    with pytest.raises(Misconfigured) as caught:
        CardLibrary.load(tmp_path)
    for word in ["hold.yaml", *words]:
        assert word in str(caught.value)


def test_an_id_is_taken_once(tmp_path: Path) -> None:
    document = {"flow": "hold", "cards": [row(), row()]}
    (copy_shipped(tmp_path) / "hold.yaml").write_text(dump(document), encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"hold\.yaml: card hold: the id is taken already"):
        CardLibrary.load(tmp_path)


def test_a_folder_without_cards_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"holds no \.yaml file"):
        CardLibrary.load(tmp_path)
    with pytest.raises(Misconfigured, match=r"holds no \.yaml file"):
        CardLibrary.load(tmp_path / "nowhere")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (copy_shipped(tmp_path) / "folder.yaml").mkdir()
    with pytest.raises(Misconfigured, match="cannot be read"):
        CardLibrary.load(tmp_path)


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("direct_question", "card 'direct_question' is missing"),
        ("roof", "card 'roof.inward' is missing"),
        ("orient", "flow 'orient' has no basic card"),
    ],
)
def test_a_gap_on_the_shelf_is_found_at_once(tmp_path: Path, missing: str, words: str) -> None:
    (copy_shipped(tmp_path) / f"{missing}.yaml").unlink()
    with pytest.raises(Misconfigured, match=words):
        CardLibrary.load(tmp_path)


def test_a_flow_chosen_by_condition_needs_a_card_for_all_else(tmp_path: Path) -> None:
    only = row(id="boundary.gift", when={"cues": ["money"]})
    text = dump({"flow": "boundary", "cards": [only]})
    (copy_shipped(tmp_path) / "boundary.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured, match="'boundary' needs one card without 'when'"):
        CardLibrary.load(tmp_path)


def test_a_card_for_professionals_is_kept_but_not_pushed_to_everybody(tmp_path: Path) -> None:
    cards = [row(id="dependency.deep", tier="professional"), row(id="dependency")]
    text = dump({"flow": "dependency", "cards": cards})
    (copy_shipped(tmp_path) / "dependency.yaml").write_text(text, encoding="utf-8")
    library = CardLibrary.load(tmp_path)
    assert library.get("dependency.deep") is not None
    picked = library.pick(wish(Level.P3, Label.DEPENDENCY))
    assert picked is not None
    assert picked.id == "dependency"


def test_a_required_card_kept_for_professionals_is_a_gap(tmp_path: Path) -> None:
    text = dump({"flow": "hold", "cards": [row(tier="professional")]})
    (copy_shipped(tmp_path) / "hold.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured, match="basic card 'hold' is missing"):
        CardLibrary.load(tmp_path)


def test_a_single_hold_card_may_be_said_again(tmp_path: Path) -> None:
    text = dump({"flow": "hold", "cards": [row()]})
    (copy_shipped(tmp_path) / "hold.yaml").write_text(text, encoding="utf-8")
    picked = CardLibrary.load(tmp_path).pick(wish(Level.P1, shown=("direct_question", "hold")))
    assert picked is not None
    assert picked.id == "hold"
