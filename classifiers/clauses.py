"""Where a clause begins and ends around a hit (clinical reference 5.1 rule 3)."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

from classifiers.text import STRETCH, View

WINDOW = 60
"""A clause without punctuation counts as ended this many solid characters from the hit."""

_STOPS = frozenset(",。!?;:\n…")
_TURN = re.compile(
    "但是|可是|(?<![喘透受熬拗])不过(?![气来去是])|其实|然而|所以|而且|(?<!不)但(?!愿)"
)
_QUOTED = re.compile('“([^“”]{0,300})”|《([^《》]{0,80})》|"([^"]{0,300})"')
_FAR = 300
_MARKS = frozenset('“《"')
_SELF_SPEECH = re.compile("我.{0,6}(?:说|想|问|写|发|告诉|回|讲|喊|念)")


class Clauses:
    """The clauses of one view, worked out when first asked for."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._marks = self._boundaries()
        self._quotes = not _MARKS.isdisjoint(view.marks)

    def _boundaries(self) -> list[int]:
        view = self.view
        edges = [0, *view.cuts, len(view.solid)]
        marks = {0, len(view.solid)}
        for index, cut in enumerate(view.cuts):
            gap = view.gaps[index]
            stops = not _STOPS.isdisjoint(gap)
            if stops or (gap.strip(STRETCH) and self._apart(edges, index)):
                marks.add(cut)
        marks.update(match.start() for match in _TURN.finditer(view.solid))
        return sorted(marks)

    @staticmethod
    def _apart(edges: list[int], index: int) -> bool:
        """A space parts clauses only between words: "我 不 想" is one, spelled out."""
        left = edges[index + 1] - edges[index]
        right = edges[index + 2] - edges[index + 1]
        return left > 1 and right > 1

    def around(self, start: int, end: int) -> tuple[int, int]:
        """The solid `[low, high)` of the clause or clauses that hold the hit."""
        low = self._marks[bisect_right(self._marks, start) - 1]
        high = self._marks[min(bisect_left(self._marks, max(end, start + 1)), len(self._marks) - 1)]
        return max(low, start - WINDOW), min(max(high, end), end + WINDOW)

    def earlier(self, low: int) -> str:
        """The clause that ends where this one begins; empty if there is none."""
        index = bisect_left(self._marks, low)
        if index == 0 or low not in self._marks[index : index + 1]:
            return ""
        return self.view.solid[max(self._marks[index - 1], low - WINDOW) : low]

    def later(self, high: int) -> str:
        """What follows this clause, up to one window."""
        return self.view.solid[high : high + WINDOW]

    def quoted(self, begin: int, stop: int) -> bool:
        """Whether the original `[begin, stop)` is somebody else's words or a title.

        A message that is all quotation, and what "我" says in it, is the writer's own.
        """
        if not self._quotes:
            return False
        folded = self.view.folded
        for match in _QUOTED.finditer(folded, max(0, begin - _FAR), min(len(folded), stop + _FAR)):
            low, high = match.span()
            if low < begin and stop < high:
                if match[2] is not None:
                    return True
                outside = self._outside(low, high)
                return len(outside) > 2 and not _SELF_SPEECH.search(outside)
        return False

    def _outside(self, low: int, high: int) -> str:
        solid = self.view.solid
        return solid[: self.view.before(low)][-WINDOW:] + solid[self.view.before(high) :][:WINDOW]
