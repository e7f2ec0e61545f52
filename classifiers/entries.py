"""What one row of the glossary says, as the matcher uses it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from classifiers.text import SOFT, View, solid
from safety.core.errors import Misconfigured
from safety.core.types import Cue, Label, Role, Strength

MOST_EXPANSIONS = 4000
"""A term that stands for more strings than this is a mistake, not a term."""

REACH = 8
"""How many solid characters the ellipsis of a two-part term may stand for."""

_CHOICE = re.compile(r"\{([^{}]*)\}")


class Guard(StrEnum):
    """A rule of clinical reference 5.1 that a row submits to."""

    PERSON = "person"
    NEGATION = "negation"
    PAST = "past"
    HYPERBOLE = "hyperbole"
    FICTION = "fiction"
    QUOTE = "quote"


@dataclass(frozen=True, slots=True)
class Form:
    """One string to look up; one of `heads`, if any, must stand shortly before it."""

    text: str
    heads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: what it is, where it may fire, and what it then says.

    `labels` and `cues` hold whenever it fires; `wish` is added when wanting or intending comes
    before it ("想…", "要…"), `done` when it is told as having happened, `dated` when a decision
    and a time stand with it. `needs` and `unless` are searched in the clause, `needs_message` and
    `unless_message` in the whole message. An `alone` row is the whole message. `third` says
    whether another person as its subject is reported, `timed` whether a time near it counts. A
    `suppressor` hides what stands inside it. A row of `sounds` is looked up by how its terms sound.
    """

    id: str
    kind: str
    forms: tuple[Form, ...]
    benign: tuple[str, ...]
    roles: frozenset[Role]
    guards: frozenset[Guard]
    strength: Strength
    source: str
    reviewed_on: date
    labels: Mapping[Label, float] = field(default_factory=dict)
    cues: tuple[Cue, ...] = ()
    wish: Mapping[Label, float] = field(default_factory=dict)
    done: Mapping[Label, float] = field(default_factory=dict)
    dated: Mapping[Label, float] = field(default_factory=dict)
    needs: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None
    needs_message: re.Pattern[str] | None = None
    unless_message: re.Pattern[str] | None = None
    not_before: frozenset[str] = frozenset()
    not_after: frozenset[str] = frozenset()
    alone: bool = False
    third: bool = False
    timed: bool = False
    suppressor: bool = False
    sounds: bool = False


def expand(term: str) -> tuple[str, ...]:
    """`{站在|坐在}桥上` stands for both strings; groups multiply and do not nest."""
    parts = _CHOICE.split(term)
    choices = [part.split("|") if odd % 2 else [part] for odd, part in enumerate(parts)]
    total = 1
    for choice in choices:
        total *= len(choice)
    if total > MOST_EXPANSIONS:
        raise Misconfigured(f"term {term!r} stands for {total} strings, at most {MOST_EXPANSIONS}")
    return tuple("".join(pick) for pick in itertools.product(*choices))


def forms_of(term: str) -> tuple[Form, ...]:
    """The strings to look up for a term as written, in normalised form.

    An ellipsis parts a term in two: `鞋…岸边`. Raises Misconfigured when nothing is left of it.
    """
    head, dots, tail = term.partition("…")
    if not dots:
        head, tail = "", term
    heads = tuple(dict.fromkeys(solid(written) for written in expand(head))) if dots else ()
    texts = dict.fromkeys(solid(written) or _emoji(written) for written in expand(tail))
    if not all(heads) or not all(texts):
        raise Misconfigured(f"term {term!r} is empty once normalised")
    return tuple(Form(text, heads) for text in texts)


def _emoji(term: str) -> str:
    """Emoji have no place in the solid view; they are looked up in the folded one."""
    return View(term).folded.replace(SOFT, "").strip()
