"""All terms of the glossary looked up in one pass over a message."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import ahocorasick

from classifiers.entries import REACH, Entry, Form
from classifiers.sounds import Sounds
from classifiers.text import KEPT_EMOJI, View

MOST_HITS = 1000
"""Of a message with more hits than this the first and the last half of that many are judged."""

_HARD = frozenset(",。!?;:\n")
_KEPT = re.compile("[" + "".join(sorted(KEPT_EMOJI)) + "]")
_SPLIT_PAIR = ("自", "轻", "割", "跳", "吞", "上")


@dataclass(frozen=True, slots=True)
class Hit:
    """A term found: solid `[start, end)`, original `[begin, stop)`; the second half of
    a two-part one begins at `tail`."""

    start: int
    end: int
    begin: int
    stop: int
    entry: Entry
    tail: int = -1

    @property
    def headed(self) -> bool:
        """Whether it is a two-part term, with a stretch of free text inside."""
        return self.tail >= 0


@dataclass(slots=True)
class _Pattern:
    """Everything that ends with one string."""

    text: str
    latin: bool
    benign: bool = False
    whole: tuple[Entry, ...] = ()
    headed: tuple[tuple[re.Pattern[str], int, Entry], ...] = ()


class Automaton:
    """The glossary, ready to be looked for. Immutable once built, so threads may share it."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        patterns: dict[str, _Pattern] = {}
        emoji: dict[str, list[Entry]] = {}
        heard: dict[str, list[Entry]] = {}
        for entry in entries:
            for form in entry.forms:
                if entry.sounds:
                    heard.setdefault(form.text, []).append(entry)
                    continue
                if form.text in KEPT_EMOJI:
                    emoji.setdefault(form.text, []).append(entry)
                    continue
                pattern = _pattern(patterns, form.text)
                if form.heads:
                    pattern.headed += (_headed(form, entry),)
                else:
                    pattern.whole += (entry,)
                    pattern.benign = pattern.benign or entry.suppressor
            for phrase in entry.benign:
                _pattern(patterns, phrase).benign = True
        self._emoji = {char: tuple(found) for char, found in emoji.items()}
        self._heard = {text: tuple(found) for text, found in heard.items()}
        self._sounds = Sounds(heard, [text for text, pattern in patterns.items() if pattern.benign])
        self._machine = ahocorasick.Automaton()
        for text, pattern in patterns.items():
            self._machine.add_word(text, pattern)
        self._machine.make_automaton()

    def find(self, view: View) -> list[Hit]:
        """What stands in the text and is not part of a longer harmless phrase, longest first."""
        raw = [(last + 1, pattern) for last, pattern in self._machine.iter(view.solid)]
        hits: list[Hit] = []
        if raw:
            if len(raw) > MOST_HITS:
                raw = raw[: MOST_HITS // 2] + raw[-MOST_HITS // 2 :]
            hits = _uncovered(view, raw)
        if not KEPT_EMOJI.isdisjoint(view.marks):
            hits.extend(self._emoji_hits(view))
        if self._heard:
            hits.extend(self._heard_hits(view))
        return hits

    def _heard_hits(self, view: View) -> Iterable[Hit]:
        for start, end, term in self._sounds.find(view):
            crossed = view.crossed(start, end)
            if not crossed or _joinable(view, start, end, crossed, headed=False):
                for entry in self._heard[term]:
                    yield Hit(start, end, *view.span(start, end), entry)

    def _emoji_hits(self, view: View) -> Iterable[Hit]:
        seen: set[str] = set()
        for match in _KEPT.finditer(view.folded):
            if match[0] not in seen:
                seen.add(match[0])
                place = view.before(match.start())
                for entry in self._emoji.get(match[0], ()):
                    yield Hit(place, place, match.start(), match.end(), entry)


def _pattern(patterns: dict[str, _Pattern], text: str) -> _Pattern:
    known = patterns.get(text)
    if known is None:
        known = patterns[text] = _Pattern(text, latin=text[0].isascii() or text[-1].isascii())
    return known


def _headed(form: Form, entry: Entry) -> tuple[re.Pattern[str], int, Entry]:
    heads = "|".join(re.escape(head) for head in form.heads)
    return re.compile(heads), max(map(len, form.heads)), entry


def _uncovered(view: View, raw: Sequence[tuple[int, _Pattern]]) -> list[Hit]:
    covers = _Covers([(end - len(p.text), end) for end, p in raw if p.benign], view)
    hits: list[Hit] = []
    for end, pattern in raw:
        start = end - len(pattern.text)
        if pattern.latin and not _free(view, start, end):
            continue
        for entry in pattern.whole:
            _keep(view, (start, end), entry, covers, hits)
        for heads, longest, entry in pattern.headed:
            head = heads.search(view.solid, max(0, start - REACH - longest), start)
            if head is not None:
                _keep(view, (head.start(), end), entry, covers, hits, tail=start)
    hits.sort(key=lambda hit: hit.start - hit.end)
    return hits


def _keep(
    view: View,
    span: tuple[int, int],
    entry: Entry,
    covers: _Covers,
    hits: list[Hit],
    *,
    tail: int = -1,
) -> None:
    start, end = span
    crossed = view.crossed(start, end)
    if crossed and not _joinable(view, start, end, crossed, headed=tail >= 0):
        return
    if not covers.hide(start, end, crossing=bool(crossed)):
        hits.append(Hit(start, end, *view.span(start, end), entry, tail))


def _joinable(view: View, start: int, end: int, crossed: range, *, headed: bool) -> bool:
    """Whether a term may be read across what stands inside it.

    Decoration and spaces always; a comma or line break only if the whole term is spelled out
    with one after each character ("我,不,想,活"), or else two clauses would grow together.
    """
    hard = [index for index in crossed if not _HARD.isdisjoint(view.gaps[index])]
    if not hard:
        return True
    if headed:
        return all(view.gaps[index].strip() in {",", ":"} for index in hard)
    spelled = len(crossed) == end - start - 1
    return spelled and (end - start > 2 or view.solid[start] in _SPLIT_PAIR)


def _free(view: View, start: int, end: int) -> bool:
    """Letters and digits match as whole words only: "km" is not found in "5km/h"."""
    first, last = view.span(start, end)
    around = view.folded
    before = first > 0 and _latin(around[first - 1]) and _latin(around[first])
    after = last < len(around) and _latin(around[last]) and _latin(around[last - 1])
    return not (before or after)


def _latin(char: str) -> bool:
    return char.isascii() and char.isalnum()


class _Covers:
    """Where harmless phrases stand (clinical reference 5.1 rule 3: each hides only itself)."""

    def __init__(self, spans: list[tuple[int, int]], view: View) -> None:
        self._spans = spans
        self._broken = [bool(view.crossed(*span)) for span in spans]
        self._ends = [end for _, end in spans]
        self._longest = max((end - start for start, end in spans), default=0)

    def hide(self, start: int, end: int, *, crossing: bool) -> bool:
        """Whether a longer phrase contains the span; an unbroken one need only overlap a span
        that is itself pieced together over a gap, and a broken one hides only such."""
        for index in range(bisect_right(self._ends, start), len(self._spans)):
            low, high = self._spans[index]
            if high >= end + self._longest:
                return False
            if self._broken[index] and not crossing:
                continue
            if low <= start and high >= end and high - low > end - start:
                return True
            if crossing and not self._broken[index] and low < end and high > start:
                return True
        return False
