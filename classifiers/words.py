"""A message as the encoder reads it: folded by the one normaliser, then cut into pieces."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from classifiers.text import SOFT, STRETCH, View

LONGEST = 96
"""Pieces of one message that are read: of a longer one its beginning and its end, half each."""

_SIGN = "So"


def plain(text: str, view: View | None = None) -> str:
    """The text folded as for the lexicon, without stretching or decoration. Its emoji come after
    the words, where they cannot stand inside one."""
    folded = (view or View(text)).folded
    if SOFT not in folded:
        return folded.replace(STRETCH, "")
    emoji = [
        old
        for new, old in zip(folded, text, strict=True)
        if new == SOFT and unicodedata.category(old) == _SIGN
    ]
    return folded.replace(STRETCH, "").replace(SOFT, "") + "".join(emoji)


class Words:
    """Cuts messages into pieces of the encoder's vocabulary; threads may share one."""

    def __init__(self, path: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    @property
    def size(self) -> int:
        """How many pieces the vocabulary has."""
        return int(self._tokenizer.get_vocab_size())

    def cut(self, texts: Sequence[str]) -> list[list[int]]:
        """The piece numbers of each text, begin and end marks included; at most `LONGEST`."""
        encodings = self._tokenizer.encode_batch_fast([plain(text) for text in texts])
        return [_within(encoding.ids) for encoding in encodings]


def _within(ids: list[int]) -> list[int]:
    if len(ids) <= LONGEST:
        return ids
    half = LONGEST // 2
    return [*ids[:half], *ids[-half:]]
