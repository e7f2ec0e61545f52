"""Verdicts as training rows: only with the client's consent, without names, while the words are
there (R-PRIV-09)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from safety.app.store.engine import transaction
from safety.app.store.sql import SqlStore
from safety.app.store.tables import cases, evidence
from safety.app.store.verdicts import Verdicts
from safety.core.feedback import CounsellorVerdict, Judged, Standing, exportable, standing
from safety.core.types import CaseId, EventId

TURNS_BEFORE = 8
"""How many turns before a message a reader of it sees (R-DET-02)."""

MASK = "□"
_QUANTITY = re.compile(
    r"[\d.一二两三四五六七八九十百千半几]+(?=\s*(?:多|来|几)?\s*"
    r"(?:片|粒|颗|瓶|盒|板|支|包|袋|毫克|毫升|克|升|斤|米|层|楼|mg|ml|g\b))"
    r"|\d(?:[\s-]?\d){4,}",
    re.IGNORECASE,
)
"""Amounts and heights, and numbers by which somebody could be found."""


@dataclass(slots=True)
class Export:
    """What an export came to, in standing verdicts."""

    rows: int = 0
    without_consent: int = 0
    shredded: int = 0


def training_rows(store: SqlStore, came_to: Export) -> Iterator[dict[str, Any]]:
    """One row for each standing verdict that may leave, case by case; counts into `came_to`.

    Ids are replaced by keyed hashes, tenants and times are left out, amounts and long numbers in
    the texts are masked, one □ for each character, so that spans stay true. Raises Misconfigured
    when the key ring cannot open a case.
    """
    given = Verdicts(store).since()
    may_leave = exportable(given)
    by_case: dict[CaseId, list[Standing]] = defaultdict(list)
    for item in standing(given):
        if item.verdict.id in may_leave:
            by_case[item.verdict.case_id].append(item)
        else:
            came_to.without_consent += 1
    for case_id, items in by_case.items():
        turns = _turns(store, case_id)
        places = {turn.event_id: place for place, turn in enumerate(turns)}
        for item in items:
            place = places.get(item.verdict.event_id)
            if place is None:
                came_to.shredded += 1
                continue
            came_to.rows += 1
            yield _row(store, item, turns[place], _before(turns, place))


@dataclass(frozen=True, slots=True)
class _Turn:
    event_id: EventId
    conversation_id: str
    role: str
    text: str


def _turns(store: SqlStore, case_id: CaseId) -> list[_Turn]:
    """The turns of a case, oldest first; none once its key is gone."""
    order = (evidence.c.sent_at, evidence.c.recorded_at, evidence.c.place)
    # one case a transaction: on SQLite nobody else writes meanwhile
    with transaction(store.engine) as connection:
        case = connection.execute(select(cases).where(cases.c.id == case_id)).one_or_none()
        if case is None or case.case_key is None:
            return []
        key = store.vault.unwrap(case.case_key, case.key_id, case_id)
        query = select(evidence).where(evidence.c.case_id == case_id).order_by(*order)
        return [
            _Turn(
                EventId(row.event_id),
                row.conversation_id,
                row.role,
                masked(key.open(row.sealed, row.key).decode()),
            )
            for row in connection.execute(query)
        ]


def _before(turns: Sequence[_Turn], place: int) -> list[_Turn]:
    where = turns[place].conversation_id
    return [turn for turn in turns[:place] if turn.conversation_id == where][-TURNS_BEFORE:]


def _row(store: SqlStore, item: Standing, turn: _Turn, before: Sequence[_Turn]) -> dict[str, Any]:
    verdict, name = item.verdict, store.vault.pseudonym
    tenant = verdict.tenant
    right, wrong = _labels(item)
    return {
        "message": name("message", tenant, verdict.event_id),
        "conversation": name("conversation", tenant, verdict.conversation_id),
        "client": name("person", tenant, verdict.client_id),
        "counsellor": name("person", tenant, verdict.person),
        "role": turn.role,
        "text": turn.text,
        "before": [{"role": earlier.role, "text": earlier.text} for earlier in before],
        "verdict": verdict.judged.value,
        "terms": sorted(item.terms),
        "labels": right,
        "wrong_labels": wrong,
        "level": None if verdict.level is None else verdict.level.name,
        "fired": [
            {"source": p.source, "term": p.term, "labels": p.labels, "cues": p.cues}
            for p in verdict.fired
        ],
        "versions": verdict.versions,
        "consent": verdict.consent.value,
    }


def _labels(item: Standing) -> tuple[list[str], list[str]]:
    """The labels that this verdict stands for, and those that it calls wrong."""
    verdict: CounsellorVerdict = item.verdict
    fired = {label for piece in verdict.fired if piece.term in item.terms for label in piece.labels}
    right = set(verdict.labels)
    if verdict.judged is Judged.TRUE and not right:
        right = fired
    wrong = fired - right if verdict.judged is Judged.FALSE else set()
    return sorted(right), sorted(wrong)


def masked(text: str) -> str:
    """`text` with its amounts, heights and long numbers hidden, as long as before (R-RISK-12)."""
    return _QUANTITY.sub(lambda found: MASK * len(found[0]), text)
