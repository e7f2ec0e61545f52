"""Did everything that was sent have its effect, once? Asked of the database, after the fact."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine, Select, func, select

from safety.app.store.engine import transaction
from safety.app.store.tables import cases, digest, markers, pages
from safety.core.types import Level

CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found. Seconds are from an event's own time, as the sender stamped it."""

    sent: int
    lost: tuple[str, ...]
    cases: int
    duplicate_cases: int
    pages: int
    duplicate_pages: int
    unmarked_pages: int
    page_seconds: tuple[float, ...] = ()
    first_at: datetime | None = None
    last_at: datetime | None = None

    @property
    def per_second(self) -> float:
        """Events handled a second, from the first batch's commit to the last one's."""
        if self.first_at is None or self.last_at is None or self.last_at <= self.first_at:
            return 0.0
        return (self.sent - len(self.lost)) / (self.last_at - self.first_at).total_seconds()


@dataclass(slots=True)
class _Marks:
    missing: list[str] = field(default_factory=list)
    first_at: datetime | None = None
    last_at: datetime | None = None


def missing(engine: Engine, ids: Iterable[str], tenant: str = "default") -> list[str]:
    """Which of these events have no durable effect yet."""
    return _marks(engine, ids, tenant).missing


def audit(engine: Engine, ids: Sequence[str], tenant: str = "default") -> Audit:
    """Look for every event of `ids`, and for cases and pages that are there twice."""
    marks = _marks(engine, ids, tenant)
    with transaction(engine) as connection:
        case_count = connection.execute(select(func.count()).select_from(cases)).scalar_one()
        clients = select(func.count(func.distinct(cases.c.tenant + "/" + cases.c.client_id)))
        twice = case_count - connection.execute(clients).scalar_one()
        sent = pages.c.attempt > 0
        page_count = connection.execute(select(func.count(pages.c.id)).where(sent)).scalar_one()
        again = connection.execute(
            select(func.coalesce(func.sum(pages.c.attempt - 1), 0)).where(pages.c.attempt > 1)
        ).scalar_one()
        unmarked = connection.execute(
            select(func.count(pages.c.id)).where(pages.c.attempt > 1, pages.c.is_repeat.is_(False))
        ).scalar_one()
        same = connection.scalars(_same_pages()).all()
        waits = connection.execute(
            select(cases.c.opened_at, func.min(pages.c.settled_at))
            .join(pages, pages.c.case_id == cases.c.id)
            .where(cases.c.level == Level.P0, pages.c.reference.is_not(None))
            .group_by(cases.c.id, cases.c.opened_at)
        ).all()
    twins = sum(count - 1 for count in same)
    return Audit(
        sent=len(ids),
        lost=tuple(marks.missing),
        cases=case_count,
        duplicate_cases=twice,
        pages=page_count,
        duplicate_pages=again + twins,
        unmarked_pages=unmarked + twins,
        page_seconds=tuple(
            (last - first).total_seconds() for first, last in waits if last is not None
        ),
        first_at=marks.first_at,
        last_at=marks.last_at,
    )


def _same_pages() -> Select[int]:
    """Rows that ask the same person for the same rung twice."""
    rung = (pages.c.case_id, pages.c.level, pages.c.step, pages.c.person_id, pages.c.channel)
    return select(func.count(pages.c.id)).group_by(*rung).having(func.count(pages.c.id) > 1)


def _marks(engine: Engine, ids: Iterable[str], tenant: str) -> _Marks:
    marks = _Marks()
    with transaction(engine) as connection:
        for chunk in _chunks(ids):
            by_key = {digest(tenant, event_id): event_id for event_id in chunk}
            query = select(markers.c.key, markers.c.recorded_at).where(markers.c.key.in_(by_key))
            for key, at in connection.execute(query):
                by_key.pop(bytes(key))
                marks.first_at = at if marks.first_at is None else min(at, marks.first_at)
                marks.last_at = at if marks.last_at is None else max(at, marks.last_at)
            marks.missing.extend(by_key.values())
    return marks


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    for event_id in ids:
        chunk.append(event_id)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; 0 for none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(round(share * len(ordered), 6)) - 1))]
