"""Characters of chat that an encoder's vocabulary does not know: they get its unused places."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable

from tokenizers import AddedToken, Tokenizer

from classifiers.words import plain

LEAST = 3
"""Texts in which a character has to stand to be worth a place."""

_UNUSED = re.compile(r"\[unused\d+\]")


def widened(words: str, texts: Iterable[str]) -> str:
    """A tokenizer file in which emoji and rare characters of `texts` stand in place of the pieces
    that were left unused for such a purpose; the most usual ones, as far as the places go."""
    held = json.loads(words)
    known: dict[str, int] = held["model"]["vocab"]
    counts = Counter(char for text in texts for char in set(plain(text)))
    wanted = [
        char
        for char, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        if count >= LEAST and char not in known and not char.isspace() and char.isprintable()
    ]
    places = [piece for piece in known if _UNUSED.fullmatch(piece)]
    given = dict(zip(places, wanted, strict=False))
    held["model"]["vocab"] = {given.get(piece, piece): place for piece, place in known.items()}
    tokenizer = Tokenizer.from_str(json.dumps(held))
    tokenizer.add_tokens([AddedToken(char, normalized=False) for char in given.values()])
    return str(tokenizer.to_str())
