"""Terms looked up by how they sound: pinyin written out, or other characters of the same sound.

Clinical reference 5.1 rule 6. A stretch made of ordinary words is no disguise: the word cutter
decides ("相似" is not "想死"), with the glossary's harmless phrases among its words.
"""

from __future__ import annotations

import logging
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import ahocorasick
import jieba
from pypinyin import Style
from pypinyin.constants import PINYIN_DICT
from pypinyin.style import convert

from classifiers.text import View

_LATIN = re.compile("[a-z]+")
_DIGITS = {
    "0": "ling",
    "1": "yi",
    "2": "er",
    "3": "san",
    "4": "si",
    "5": "wu",
    "6": "liu",
    "7": "qi",
    "8": "ba",
    "9": "jiu",
}
_FIRST = 0xE000
"""Syllables are numbered from here, where no written character stands."""

_LONGEST = 6
"""Letters of the longest syllable (zhuang)."""

_READ = 400


class Sounds:
    """Syllables of a text, and words it is made of. Threads may share one."""

    def __init__(self, terms: Iterable[str], harmless: Iterable[str]) -> None:
        self._codes: dict[str, str] = {}
        self._of: dict[int, str] = {}
        self._harmless = tuple(harmless)
        self._machine = ahocorasick.Automaton()
        self._terms = tuple(dict.fromkeys(terms))
        for term in self._terms:
            sounds = "".join(self._syllable(char) for char in term)
            self._machine.add_word(sounds, term)
        if self._terms:
            self._machine.make_automaton()

    def find(self, view: View) -> Iterator[tuple[int, int, str]]:
        """Solid `[start, end)` of what sounds like a term and is not written like it."""
        if not self._terms or len(view.solid) > _READ:
            return
        heard, places = self._heard(view.solid)
        for last, term in self._machine.iter(heard):
            first = last - len(term) + 1
            start, end = places[first], places[last + 1]
            if view.solid[start:end] != term and not self._ordinary(view.solid, start, end, term):
                yield start, end, term

    def _heard(self, solid: str) -> tuple[str, Sequence[int]]:
        """The text as syllables, and where in it each begins, with its end at the end."""
        if _LATIN.search(solid) is None:
            return "".join(map(self._syllable, solid)), range(len(solid) + 1)
        heard: list[str] = []
        places: list[int] = []
        at = 0
        for run in _LATIN.finditer(solid):
            for place in range(at, run.start()):
                heard.append(self._syllable(solid[place]))
                places.append(place)
            for start, spelled in _spelled(run[0]):
                heard.append(self._code(spelled))
                places.append(run.start() + start)
            at = run.end()
        for place in range(at, len(solid)):
            heard.append(self._syllable(solid[place]))
            places.append(place)
        return "".join(heard), [*places, len(solid)]

    def _syllable(self, char: str) -> str:
        known = self._of.get(ord(char))
        if known is None:
            known = self._of[ord(char)] = self._code(_sound(char) or char)
        return known

    def _code(self, sound: str) -> str:
        known = self._codes.get(sound)
        if known is None:
            known = self._codes[sound] = (
                chr(_FIRST + len(self._codes)) if sound.isascii() else sound
            )
        return known

    def _ordinary(self, solid: str, start: int, end: int, term: str) -> bool:
        """Whether a word of two or more characters lies in or across the stretch, other than a
        piece of the term that is written as the term writes it."""
        low, high = max(0, start - 8), min(len(solid), end + 8)
        for word, first, last in self._words.tokenize(solid[low:high], HMM=False):
            begin, stop = first + low, last + low
            if stop <= start or begin >= end or len(word) < 2 or word.isascii():
                continue
            inside = begin >= start and stop <= end
            if not inside or word != term[begin - start : stop - start]:
                return True
        return False

    @cached_property
    def _words(self) -> jieba.Tokenizer:
        """The word cutter, read when first needed; harmless phrases are words to it."""
        jieba.setLogLevel(logging.WARNING)
        cutter = jieba.Tokenizer()
        for phrase in self._harmless:
            cutter.add_word(phrase)
        return cutter


def _sound(char: str) -> str:
    """The commonest reading of a character without its tone; empty for what has none."""
    if char in _DIGITS:
        return _DIGITS[char]
    readings = PINYIN_DICT.get(ord(char), "")
    return convert(readings.split(",")[0], Style.NORMAL, strict=False) if readings else ""


_SYLLABLES = sorted(
    {
        convert(reading, Style.NORMAL, strict=False)
        for code, readings in PINYIN_DICT.items()
        if 0x4E00 <= code <= 0x9FA5
        for reading in readings.split(",")[:1]
    }
)


def _spelled(letters: str) -> Iterator[tuple[int, str]]:
    """Latin letters as syllables, longest first; one that is none stands for itself."""
    at = 0
    while at < len(letters):
        for size in range(min(_LONGEST, len(letters) - at), 0, -1):
            piece = letters[at : at + size]
            place = bisect_left(_SYLLABLES, piece)
            if size == 1 or (place < len(_SYLLABLES) and _SYLLABLES[place] == piece):
                yield at, piece
                at += size
                break
