"""The part of the encoder's vocabulary that Chinese chat uses, as a tokenizer file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.processors import TemplateProcessing

from classifiers.training.e5 import Packed
from classifiers.words import plain

SIZE = 18_000
"""Pieces kept; 1.65 characters a piece on Chinese text."""

BEGIN, PAD, END, UNKNOWN = 0, 1, 2, 3
_CHINESE = range(0x4E00, 0x9FFF + 1)


def full(packed: Packed) -> Tokenizer:
    """The whole vocabulary."""
    return _tokenizer(packed, range(len(packed.pieces) - 1))


def chosen(packed: Packed, texts: Iterable[str], size: int = SIZE) -> list[int]:
    """The pieces to keep: the marks, every single Chinese character, then what stands most often
    in `texts`; in the order of the whole vocabulary."""
    counts: Counter[int] = Counter()
    tokenizer = full(packed)
    batch: list[str] = []
    for text in texts:
        batch.append(plain(text))
        if len(batch) == 1000:
            _count(tokenizer, batch, counts)
            batch.clear()
    _count(tokenizer, batch, counts)
    kept = {BEGIN, PAD, END, UNKNOWN}
    kept.update(
        number
        for number, piece in enumerate(packed.pieces)
        if len(piece) == 1 and (piece.isascii() or (ord(piece) in _CHINESE and counts[number]))
    )
    for number, _ in counts.most_common():
        if len(kept) >= size:
            break
        kept.add(number)
    return sorted(kept)


def _count(tokenizer: Tokenizer, batch: Sequence[str], counts: Counter[int]) -> None:
    for encoding in tokenizer.encode_batch_fast(list(batch)):
        counts.update(encoding.ids)


def pruned(packed: Packed, kept: Sequence[int]) -> Tokenizer:
    """A tokenizer over the pieces `kept`, numbered in that order."""
    return _tokenizer(packed, kept)


def _tokenizer(packed: Packed, kept: Iterable[int]) -> Tokenizer:
    pieces = [(packed.pieces[number], float(packed.scores[number])) for number in kept]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=UNKNOWN, byte_fallback=False))
    tokenizer.pre_tokenizer = Metaspace(replacement="▁", prepend_scheme="first", split=False)
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", BEGIN), ("</s>", END)]
    )
    return tokenizer
