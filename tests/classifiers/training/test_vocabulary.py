"""Places for what chat uses and an encoder was never shown."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Tokenizer

from classifiers.training.vocabulary import LEAST, widened
from tests.classifiers.training.tiny import words_file


def with_unused(folder: Path, count: int) -> str:
    held = json.loads(words_file(folder / "tokenizer.json").read_text())
    known = held["model"]["vocab"]
    known |= {f"[unused{place}]": len(known) + place for place in range(1, count + 1)}
    return json.dumps(held)


def test_what_is_often_met_and_unknown_gets_a_place(tmp_path: Path) -> None:
    words = with_unused(tmp_path, 2)
    texts = ["猫😭", "我😭😭", "死😭亖", "亖", "好亖", "🐱"]
    found = Tokenizer.from_str(widened(words, texts))
    assert found.get_vocab_size() == len(json.loads(words)["model"]["vocab"])
    assert found.encode("好😭亖🐱").tokens == ["[CLS]", "好", "😭", "亖", "[UNK]", "[SEP]"]


def test_the_places_go_to_the_most_usual(tmp_path: Path) -> None:
    texts = ["😭"] * (LEAST + 1) + ["🐱"] * LEAST
    found = Tokenizer.from_str(widened(with_unused(tmp_path, 1), texts))
    assert found.encode("😭🐱").tokens == ["[CLS]", "😭", "[UNK]", "[SEP]"]
