"""One normaliser for messages and for lexicon terms (clinical reference 5.1 rule 5).

Two views of a text are made. The *folded* view has exactly one character per original code point:
NFKC, lower case, simplified characters, Cantonese function words and homophone emoji replaced.
The *solid* view is the folded one without everything that is not a letter or a digit and without
stretched repetitions; `View.span` leads from it back to code-point offsets of the original.
Because a term goes through the same function, it cannot be folded differently from the text.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from importlib import resources

SOFT = "\x01"
"""Stands for an invisible or decorative character: a match may cross it."""
STRETCH = "\x02"
"""Stands for the second and later copies of a stretched character; never ends a clause."""

_CANTONESE = str.maketrans("唔冇佢喺咗嘅瞓攰諗谂畀俾冧啲", "不没他在了的睡累想想给给垮些")
_LOOKALIKES = {"著": "着", "妳": "你", "祢": "你", "係": "是", "系": "系", "殺": "杀", "灬": SOFT}
_EMOJI = {
    "🐭": "鼠",
    "🐁": "鼠",
    "🐀": "鼠",
    "🦈": "鲨",
    "🗡": "🔪",
    "⚔": "🔪",
    "☠": "💀",
    "➕": "加",
}
_QUOTES = {
    "“": "“", "「": "“", "『": "“", "﹁": "“", "﹃": "“", "〝": "“",
    "”": "”", "」": "”", "』": "”", "﹂": "”", "﹄": "”", "〞": "”",
    "《": "《", "〈": "《", "》": "》", "〉": "》", '"': '"',
}  # fmt: skip
KEPT_EMOJI = frozenset("🔪🪒✂🩸💊💀⚰🪦➰🪢🔫💔😔🥀🕯👋🌙🕊🙂😄🌉🏙🌊")
_STOPS = {
    "。": "。",
    ".": ".",
    "…": "…",
    "⋯": "…",
    ",": ",",
    "!": "!",
    "?": "?",
    ";": ";",
    ":": ":",
}
_RUN = re.compile(r"[^\W_]+")
_THRICE = re.compile(r"(.)\1\1")
_STRETCHED = re.compile(r"([^\W\d_])\1\1+")


def _simplified() -> dict[str, str]:
    """Traditional to simplified, by the character table of OpenCC (Apache-2.0)."""
    table = resources.files("opencc").joinpath("dictionary", "TSCharacters.txt")
    pairs: dict[str, str] = {}
    for line in table.read_text(encoding="utf-8").splitlines():
        source, _, targets = line.partition("\t")
        target = targets.split(" ")[0].strip()
        if len(source) == 1 and len(target) == 1:
            pairs[source] = target
    return pairs


class _Fold(dict[int, str]):
    """A translation table that works out a code point the first time it is met.

    Filled at most once per code point that exists, so it is bounded.
    """

    def __init__(self) -> None:
        super().__init__()
        self._simple = _simplified() | _LOOKALIKES

    def __missing__(self, code: int) -> str:
        folded = self._fold(chr(code))
        self[code] = folded
        return folded

    def _fold(self, char: str) -> str:
        if char in "\n\r\u2028\u2029\x0b\x0c\x85":
            return "\n"
        if char.isspace():
            return " "
        if char == STRETCH:
            return STRETCH
        if char in _QUOTES:
            return _QUOTES[char]
        char = _EMOJI.get(char, char)
        if char in KEPT_EMOJI:
            return char
        return self._letter(char)

    def _letter(self, char: str) -> str:
        if char in _STOPS:
            return _STOPS[char]
        wide = unicodedata.normalize("NFKC", char)
        letters = [part for part in wide if part.isalnum()]
        if not letters:
            return _STOPS.get(wide, SOFT)
        lowered = letters[0].lower()
        one = lowered if len(lowered) == 1 else lowered[0]
        one = one.translate(_CANTONESE)
        one = self._simple.get(one, one)
        return one if one.isalnum() else SOFT


_FOLD = _Fold()


class View:
    """A text as the lexicon reads it.

    `folded` is as long as the original. `solid` is what terms are looked up in. `cuts[i]` is the
    solid index at which the i-th run after the first begins, `gaps[i]` the folded text between it
    and the run before it. `marks` is everything folded that is not solid.
    """

    __slots__ = ("_runs", "_starts", "cuts", "folded", "gaps", "marks", "solid")

    def __init__(self, text: str) -> None:
        folded = text.translate(_FOLD)
        if _THRICE.search(folded) is not None:
            folded = _STRETCHED.sub(_shorten, folded)
        self.folded = folded
        if folded.isalnum():
            self.solid = folded
            self._starts = [0]
            self._runs = [(0, len(folded))]
            self.cuts: list[int] = []
            self.gaps: list[str] = []
            self.marks = ""
            return
        self._runs = [match.span() for match in _RUN.finditer(folded)]
        self._split(folded)

    def _split(self, folded: str) -> None:
        pieces: list[str] = []
        starts: list[int] = []
        gaps: list[str] = []
        length = last = 0
        for start, end in self._runs:
            pieces.append(folded[start:end])
            starts.append(length)
            gaps.append(folded[last:start])
            length += end - start
            last = end
        self.solid = "".join(pieces)
        self._starts = starts or [0]
        self.cuts = starts[1:]
        self.gaps = gaps[1:]
        self.marks = "".join(gaps) + folded[last:]

    def origin(self, index: int) -> int:
        """The original offset of the solid character at `index`."""
        run = bisect_right(self._starts, index) - 1
        return self._runs[run][0] + index - self._starts[run]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Original `[start, end)` of the solid `[start, end)`, which must not be empty."""
        return self.origin(start), self.origin(end - 1) + 1

    def before(self, offset: int) -> int:
        """How many solid characters stand before the original `offset`."""
        run = bisect_right(self._runs, (offset, offset)) - 1
        if run < 0:
            return 0
        start, end = self._runs[run]
        return self._starts[run] + min(offset, end) - start

    def crossed(self, start: int, end: int) -> range:
        """Which cuts lie strictly inside the solid `[start, end)`."""
        return range(bisect_right(self.cuts, start), bisect_right(self.cuts, end - 1))


def _shorten(match: re.Match[str]) -> str:
    return match[1] + STRETCH * (len(match[0]) - 1)


def solid(term: str) -> str:
    """A term in the form in which it is looked up."""
    return View(term).solid
