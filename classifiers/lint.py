"""What a reviewer of the glossary should look at (clinical reference 5.1 rule 8)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from classifiers.entries import Entry

STALE = timedelta(days=90)
"""Subculture words change when exposed: a row unreviewed for longer has expired."""


def findings(entries: Iterable[Entry], today: date) -> list[str]:
    """One plain sentence for each expired row and each term that two rows read differently."""
    rows = list(entries)
    return [*_stale(rows, today), *_disputed(rows)]


def _stale(rows: list[Entry], today: date) -> Iterable[str]:
    old: dict[date, list[str]] = defaultdict(list)
    for row in rows:
        if today - row.reviewed_on > STALE:
            old[row.reviewed_on].append(row.id)
    for day, ids in sorted(old.items()):
        shown = ", ".join(ids[:5]) + (" …" if len(ids) > 5 else "")
        yield f"{len(ids)} glossary rows were last reviewed on {day}, over 90 days ago: {shown}"


def _disputed(rows: list[Entry]) -> Iterable[str]:
    holders: dict[tuple[tuple[str, ...], str], list[Entry]] = defaultdict(list)
    for row in rows:
        for form in row.forms:
            holders[form.heads, form.text].append(row)
    for (heads, text), found in sorted(holders.items()):
        if all(row.suppressor for row in found):
            continue
        kinds = sorted({row.kind for row in found})
        ids = ", ".join(sorted(row.id for row in found))
        term = f"{heads[0]}…{text}" if heads else text
        if len(kinds) > 1 and not _told_apart(found):
            yield f"{term} stands in rows {ids} of different classes: {', '.join(kinds)}"
        elif len(found) > 1 and not _told_apart(found):
            yield f"{term} stands twice, in rows {ids}"


def _told_apart(found: list[Entry]) -> bool:
    """Two rows may share a term if who speaks or what stands around it decides between them."""
    conditions = {
        (
            row.roles,
            row.needs.pattern if row.needs else "",
            row.unless.pattern if row.unless else "",
            row.needs_message.pattern if row.needs_message else "",
            row.not_before,
            row.not_after,
            row.alone,
        )
        for row in found
    }
    return len(conditions) == len(found)
