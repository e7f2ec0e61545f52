"""Reads the corpus files: `==` opens a conversation, a line is a turn, `{…}` holds its labels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from safety.core.types import LISTENER_LABELS, Label, Level, Role, most_urgent

PARTS = ("train", "development", "test")
"""Written by different hands, each from its own situations."""

HERE = Path(__file__).parent
DEFAULT_GAP_S = 20
"""Seconds between two turns where the file says nothing."""

_ROLES = {"客": Role.CLIENT, "听": Role.LISTENER, "师": Role.COUNSELLOR}
_TURN = re.compile(r"^(?P<role>[客听师]) (?P<text>.*?)(?:\s*\{(?P<tags>[^{}]*)\})?\s*$")
_HEAD = re.compile(
    r"^== (?P<situation>[^|]+) \| (?P<hour>\d{1,2}):(?P<minute>[0-5]\d) \| (?P<voice>.+)$"
)
_GAP = re.compile(r"^\+(\d{1,3})m$")
_LEAST, _MOST = 6, 16
_BY_BOTH = frozenset({Label.OFF_PLATFORM})


class Malformed(ValueError):
    """A corpus file breaks the format; the message names file and line, the writer corrects it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One turn. `near` are labels that it resembles and does not have (minimal-pair negatives).

    `gap_s` is the time since the turn before it, in seconds.
    """

    role: Role
    text: str
    labels: frozenset[Label] = frozenset()
    near: frozenset[Label] = frozenset()
    level: Level | None = None
    gap_s: int = DEFAULT_GAP_S


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One conversation. `minute` is the minute of the day of its first turn, 0 to 1439."""

    id: str
    situation: str
    minute: int
    voice: str
    lines: tuple[Line, ...]

    @property
    def level(self) -> Level | None:
        """The most urgent level of its turns; None: harmless."""
        return most_urgent(*(line.level for line in self.lines))

    @property
    def kind(self) -> str:
        """Crisis (P0 or P1), concern (P2 or P3), hard (harmless, with near labels), easy."""
        if self.level is not None:
            return "crisis" if self.level <= Level.P1 else "concern"
        return "hard" if any(line.near for line in self.lines) else "easy"


def parse(text: str, name: str) -> Iterator[Dialogue]:
    """The conversations of one file; `name` stands in their ids and in errors.

    Raises Malformed at the first line that breaks the format.
    """
    head: re.Match[str] | None = None
    lines: list[Line] = []
    count = 0
    for number, raw in enumerate([*text.splitlines(), "=="], start=1):
        if raw.startswith("=="):
            if head is not None:
                count += 1
                yield _dialogue(head, lines, f"{name}-{count:02}")
            head, lines = _HEAD.match(raw), []
            if head is None and raw != "==":
                raise Malformed(f"{name}:{number}: write '== situation | hh:mm | voice'")
        elif raw.strip():
            if head is None:
                raise Malformed(f"{name}:{number}: a turn before any '==' line")
            lines.append(_line(raw, f"{name}:{number}"))


def _dialogue(head: re.Match[str], lines: list[Line], id_: str) -> Dialogue:
    if not _LEAST <= len(lines) <= _MOST:
        raise Malformed(f"{id_}: {len(lines)} turns, must be {_LEAST} to {_MOST}")
    hour = int(head["hour"])
    if hour > 23:
        raise Malformed(f"{id_}: {hour} is no hour")
    minute = hour * 60 + int(head["minute"])
    return Dialogue(id_, head["situation"].strip(), minute, head["voice"].strip(), tuple(lines))


def _line(raw: str, where: str) -> Line:
    match = _TURN.match(raw)
    if match is None or not match["text"]:
        raise Malformed(f"{where}: write '客 words {{labels}}', with 客, 听 or 师")
    role = _ROLES[match["role"]]
    labels: set[Label] = set()
    near: set[Label] = set()
    level: Level | None = None
    gap_s = DEFAULT_GAP_S
    for tag in (match["tags"] or "").split():
        gap = _GAP.match(tag)
        if gap is not None:
            gap_s = int(gap[1]) * 60
        elif tag in Level.__members__:
            level = Level[tag]
        else:
            of = near if tag.startswith("~") else labels
            of.add(_label(tag.removeprefix("~"), role if of is labels else None, where))
    if level is not None and not labels and role is not Role.CLIENT:
        raise Malformed(f"{where}: a level without a label")
    return Line(role, match["text"], frozenset(labels), frozenset(near), level, gap_s)


def _label(tag: str, role: Role | None, where: str) -> Label:
    if tag not in set(Label):
        raise Malformed(f"{where}: no label is called {tag!r}")
    label = Label(tag)
    if role is None or label in _BY_BOTH:
        return label
    if (label in LISTENER_LABELS) is not (role is Role.LISTENER):
        raise Malformed(f"{where}: {tag} does not belong to a {role.value}'s turn")
    return label


def read_part(part: str, folder: Path = HERE) -> list[Dialogue]:
    """Every conversation of one part, files in the order of their names. Raises Malformed."""
    return [
        dialogue
        for path in sorted((folder / part).glob("*.txt"))
        for dialogue in parse(path.read_text(encoding="utf-8"), path.stem)
    ]
