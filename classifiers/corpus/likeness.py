"""How much two conversations share: character 5-grams, so that nothing stands twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from classifiers.corpus.dialogues import Dialogue
from classifiers.text import View

GRAM = 5
BOUND = 0.2
"""Two conversations that share more of the smaller one's 5-grams than this are near-duplicates."""

LEAST = 12
"""So many shared sequences it takes at least: a stock question between two is no copy."""

_COMMON = 200
"""A sequence that stands in so many conversations is a way of speaking."""


def grams(dialogue: Dialogue) -> frozenset[str]:
    """The 5-character sequences of a conversation's turns, normalised; none crosses a turn."""
    return frozenset(
        solid[at : at + GRAM]
        for solid in (View(line.text).solid for line in dialogue.lines)
        for at in range(len(solid) - GRAM + 1)
    )


def alike(dialogues: Sequence[Dialogue], bound: float = BOUND) -> Iterator[tuple[str, str, float]]:
    """Pairs of conversations that share more than `bound`, with the share (0 to 1)."""
    sets = [grams(dialogue) for dialogue in dialogues]
    where: defaultdict[str, list[int]] = defaultdict(list)
    for number, held in enumerate(sets):
        shared: Counter[int] = Counter()
        for gram in held:
            seen = where[gram]
            if len(seen) < _COMMON:
                shared.update(seen)
                seen.append(number)
        for other, count in shared.items():
            smaller = min(len(held), len(sets[other]))
            if count >= LEAST and count > bound * smaller:
                yield dialogues[other].id, dialogues[number].id, count / smaller
