"""Reading and checking the glossary files. A broken one is refused with file and row named."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import yaml

from classifiers.entries import Entry, Form, Guard, expand, forms_of
from classifiers.text import solid
from safety.core.errors import Misconfigured
from safety.core.types import Cue, Label, Role, Strength

_Name = TypeVar("_Name", Role, Guard, Cue, Label)

_ID = re.compile(r"[gx]\d{3}(\.[a-z0-9]+)?\Z")
_ROW_FIELDS = frozenset(
    {
        "id",
        "class",
        "terms",
        "variants",
        "benign",
        "score",
        "labels",
        "cues",
        "wish",
        "done",
        "dated",
        "strength",
        "source",
        "reviewed_on",
        "needs",
        "unless",
        "needs_message",
        "unless_message",
        "not_before",
        "not_after",
        "alone",
        "sounds",
        "note",
        "third",
        "timed",
        "roles",
        "guards",
    }
)
_CLASS_FIELDS = frozenset(
    {
        "roles",
        "guards",
        "labels",
        "cues",
        "wish",
        "done",
        "dated",
        "third",
        "timed",
        "suppressor",
        "strength",
    }
)
_ROWS_FIELDS = frozenset({"version", "reviewed_on", "rows"})


@dataclass(frozen=True, slots=True)
class Glossary:
    """Every row, in file order, and the version of the whole: the newest date and a hash."""

    entries: tuple[Entry, ...]
    version: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the glossary something stands, for the sentence of an error."""

    file: str
    row: str

    def wrong(self, what: str) -> Misconfigured:
        return Misconfigured(f"glossary file {self.file}, row {self.row}: {what}")


@dataclass(frozen=True, slots=True)
class _Frame:
    """What every row of the glossary leans on."""

    classes: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, Sequence[str]]


def shipped() -> Traversable:
    """The folder of the glossary that comes with the program."""
    return resources.files("classifiers").joinpath("glossary")


def load_glossary(folder: Path | None = None) -> Glossary:
    """Every `*.yaml` of the folder: `classes.yaml`, `groups.yaml` and any number of row files.

    Raises Misconfigured, naming file and row.
    """
    root: Traversable = shipped() if folder is None else folder
    texts = _texts(root)
    documents = {name: _parse(name, text) for name, text in texts.items()}
    for needed in ("classes.yaml", "groups.yaml"):
        if needed not in documents:
            raise Misconfigured(f"glossary folder has no {needed}")
    frame = _frame(documents.pop("classes.yaml"), documents.pop("groups.yaml"))
    entries: list[Entry] = []
    dates: list[str] = []
    for name, document in documents.items():
        dates.append(_version(name, document))
        entries.extend(_rows(name, document, frame))
    if not entries:
        raise Misconfigured("the glossary has no rows")
    _refuse_twins(entries)
    digest = hashlib.sha256("\0".join(f"{n}\0{t}" for n, t in texts.items()).encode())
    return Glossary(tuple(entries), f"{max(dates)}+{digest.hexdigest()[:8]}")


def _texts(root: Traversable) -> dict[str, str]:
    try:
        files = sorted(root.iterdir(), key=lambda item: item.name)
        return {f.name: f.read_text(encoding="utf-8") for f in files if f.name.endswith(".yaml")}
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"the glossary cannot be read: {error}") from error


def _parse(name: str, text: str) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise Misconfigured(f"glossary file {name}{line} is not YAML") from error
    if not isinstance(document, dict):
        raise Misconfigured(f"glossary file {name} is not a mapping")
    return document


def _version(name: str, document: Mapping[str, Any]) -> str:
    unknown = sorted(map(str, set(document) - _ROWS_FIELDS))
    if unknown:
        raise Misconfigured(f"glossary file {name}: unknown field {unknown[0]}")
    version = document.get("version")
    if not isinstance(version, str) or not version:
        raise Misconfigured(f"glossary file {name} has no version")
    return version


def _frame(classes: Mapping[str, Any], groups: Mapping[str, Any]) -> _Frame:
    for name, settings in classes.items():
        place = _Place("classes.yaml", str(name))
        if not isinstance(settings, dict):
            raise place.wrong("is not a mapping")
        _known(settings, _CLASS_FIELDS, place)
    for name, words in groups.items():
        _strings(words, _Place("groups.yaml", str(name)), "the group")
    return _Frame(classes, groups)


def _rows(name: str, document: Mapping[str, Any], frame: _Frame) -> Iterable[Entry]:
    rows = document.get("rows")
    if not isinstance(rows, list):
        raise Misconfigured(f"glossary file {name} has no list of rows")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise _Place(name, f"number {number}").wrong("is not a mapping")
        place = _Place(name, str(row.get("id", f"number {number}")))
        yield _entry(row, document.get("reviewed_on"), frame, place)


def _entry(row: Mapping[str, Any], reviewed: object, frame: _Frame, place: _Place) -> Entry:
    _known(row, _ROW_FIELDS, place)
    if not isinstance(row.get("id"), str) or not _ID.match(row["id"]):
        raise place.wrong("needs an id like g001 or x001")
    kind = row.get("class")
    if not isinstance(kind, str) or kind not in frame.classes:
        raise place.wrong(f"unknown class {kind!r}")
    if not isinstance(row.get("source"), str) or not row["source"]:
        raise place.wrong("needs a source")
    reviewed_on = row.get("reviewed_on", reviewed)
    if not isinstance(reviewed_on, date):
        raise place.wrong("needs reviewed_on, a date")
    frame_of = frame.classes[kind]
    merged = {**frame_of, **row}
    return Entry(
        id=row["id"],
        kind=kind,
        forms=_forms(row, place),
        benign=_benign(row, place),
        roles=frozenset(_words(Role, merged.get("roles", []), place)),
        guards=frozenset(_words(Guard, merged.get("guards", []), place)),
        strength=_strength(merged.get("strength", "plain"), place),
        source=row["source"],
        reviewed_on=reviewed_on,
        labels=_scores(_scaled(frame_of, row, place), place),
        cues=tuple(_words(Cue, merged.get("cues", []), place)),
        wish=_scores(merged.get("wish", {}), place),
        done=_scores(merged.get("done", {}), place),
        dated=_scores(merged.get("dated", {}), place),
        needs=_search(row.get("needs"), frame, place),
        unless=_search(row.get("unless"), frame, place),
        needs_message=_search(row.get("needs_message"), frame, place),
        unless_message=_search(row.get("unless_message"), frame, place),
        not_before=_letters(row.get("not_before"), place),
        not_after=_letters(row.get("not_after"), place),
        alone=_flag(merged, "alone", place),
        third=_flag(merged, "third", place),
        timed=_flag(merged, "timed", place),
        suppressor=_flag(merged, "suppressor", place),
        sounds=_flag(merged, "sounds", place),
    )


def _known(given: Mapping[str, Any], known: frozenset[str], place: _Place) -> None:
    unknown = sorted(map(str, set(given) - known))
    if unknown:
        raise place.wrong(f"unknown field {unknown[0]}")


def _strings(value: object, place: _Place, what: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
        raise place.wrong(f"{what} must be a list of strings")
    return value


def _forms(row: Mapping[str, Any], place: _Place) -> tuple[Form, ...]:
    terms = _strings(row.get("terms"), place, "terms")
    terms = terms + _strings(row.get("variants", []), place, "variants")
    if not terms:
        raise place.wrong("has no terms")
    try:
        return tuple(dict.fromkeys(form for term in terms for form in forms_of(term)))
    except Misconfigured as error:
        raise place.wrong(str(error)) from error


def _benign(row: Mapping[str, Any], place: _Place) -> tuple[str, ...]:
    written = _strings(row.get("benign", []), place, "benign")
    try:
        phrases = [solid(phrase) for item in written for phrase in expand(item)]
    except Misconfigured as error:
        raise place.wrong(str(error)) from error
    if not all(phrases):
        raise place.wrong("a benign phrase is empty once normalised")
    return tuple(dict.fromkeys(phrases))


def _scaled(kind: Mapping[str, Any], row: Mapping[str, Any], place: _Place) -> Mapping[str, float]:
    """The row's own labels, or those of its class with the row's score in place of theirs."""
    if "labels" in row:
        if "score" in row:
            raise place.wrong("give labels or score, not both")
        labels = row["labels"]
    else:
        labels = kind.get("labels", {})
    if not isinstance(labels, dict):
        raise place.wrong("labels must map names to scores")
    return dict.fromkeys(labels, row["score"]) if "score" in row else labels


def _scores(given: object, place: _Place) -> dict[Label, float]:
    if not isinstance(given, dict):
        raise place.wrong("labels, wish and done must map names to scores")
    for value in given.values():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not 0 < value <= 1:
            raise place.wrong("a score must be above 0 and at most 1")
    return dict(zip(_words(Label, list(given), place), map(float, given.values()), strict=True))


def _words(kind: type[_Name], names: object, place: _Place) -> list[_Name]:
    if not isinstance(names, list):
        raise place.wrong(f"expected a list of {kind.__name__.lower()} names")
    try:
        return [kind(name) for name in names]
    except ValueError as error:
        raise place.wrong(str(error)) from error


def _strength(name: object, place: _Place) -> Strength:
    if not isinstance(name, str) or name.upper() not in Strength.__members__:
        raise place.wrong(f"unknown strength {name!r}")
    return Strength[name.upper()]


def _search(words: object, frame: _Frame, place: _Place) -> re.Pattern[str] | None:
    """A pattern for any of the words; `@name` stands for the words of that group."""
    if words is None:
        return None
    spelled: list[str] = []
    for word in _strings(words, place, "needs and unless"):
        if not word.startswith("@"):
            spelled.extend(expand(word))
        elif word[1:] in frame.groups:
            spelled.extend(frame.groups[word[1:]])
        else:
            raise place.wrong(f"unknown group {word}")
    return re.compile("|".join(re.escape(solid(word) or word) for word in spelled))


def _letters(value: object, place: _Place) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, str):
        raise place.wrong("not_before and not_after are strings of characters")
    return frozenset(value)


def _flag(merged: Mapping[str, Any], name: str, place: _Place) -> bool:
    value = merged.get(name, False)
    if not isinstance(value, bool):
        raise place.wrong(f"{name} must be true or false")
    return value


def _refuse_twins(entries: Sequence[Entry]) -> None:
    ids: set[str] = set()
    for entry in entries:
        if entry.id in ids:
            raise Misconfigured(f"glossary row {entry.id} is there twice")
        ids.add(entry.id)
    harmless = {form.text for e in entries if e.suppressor for form in e.forms if not form.heads}
    harmless |= {phrase for e in entries for phrase in e.benign}
    for entry in entries:
        for form in () if entry.suppressor else entry.forms:
            if form.text in harmless and not form.heads:
                raise Misconfigured(f"glossary row {entry.id}: {form.text!r} is also benign")
