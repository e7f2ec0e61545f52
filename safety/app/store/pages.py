"""`SqlPageDesk`: the pages waiting to leave, shared by any number of dispatchers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select, update

from safety.app.store.caserow import case_of, ladder_columns, note, write_climb
from safety.app.store.engine import transaction
from safety.app.store.tables import cases, pages
from safety.core.cases import Case, Page, PageState
from safety.core.ports import ClimbLadder, Outcome
from safety.core.types import CaseId, Level, PageId, PersonId, TenantId

RETRY_S = (5.0, 10.0, 20.0, 40.0)
"""Pauses before a failed page is tried again; the last one repeats for as long as the case waits.
Throttling shapes and never drops."""

AfterUndeliverable = Callable[[Case, Page, datetime], datetime | None]


class SqlPageDesk:
    """Implements the `PageDesk` port.

    `after_undeliverable` says when a case must climb once one of its pages cannot be delivered.
    """

    def __init__(
        self, engine: Engine, new_id: Callable[[], str], after_undeliverable: AfterUndeliverable
    ) -> None:
        self._engine = engine
        self._new_id = new_id
        self._after_undeliverable = after_undeliverable

    def climb_due(self, now: datetime, limit: int, climb: ClimbLadder) -> int:
        """See the port."""
        with transaction(self._engine) as connection:
            query = (
                select(cases)
                .where(cases.c.due_at <= now)
                .order_by(cases.c.level, cases.c.due_at)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            rows = connection.execute(query).all()
            for row in rows:
                case = case_of(row)
                step = climb(case, now)
                connection.execute(
                    update(cases)
                    .where(cases.c.id == case.id)
                    .values(version=case.version + 1, **ladder_columns(step.ladder))
                )
                write_climb(connection, case, step, now, self._new_id)
            return len(rows)

    def claim(self, now: datetime, lease_s: float, limit: int) -> list[Page]:
        """See the port."""
        with transaction(self._engine) as connection:
            query = (
                select(pages)
                .where(pages.c.due_at <= now)
                .order_by(pages.c.level, pages.c.due_at)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            claimed = [_claimed(row) for row in connection.execute(query)]
            for page in claimed:
                connection.execute(
                    update(pages)
                    .where(pages.c.id == page.id)
                    .values(
                        state=PageState.SENDING,
                        attempt=page.attempt,
                        is_repeat=page.is_repeat,
                        due_at=now + timedelta(seconds=lease_s),
                    )
                )
        return claimed

    def settle(self, page: Page, outcome: Outcome, now: datetime) -> None:
        """See the port."""
        with transaction(self._engine) as connection:
            values, kind = _settled(page, outcome, now)
            written = connection.execute(
                update(pages)
                .where(
                    pages.c.id == page.id,
                    pages.c.attempt == page.attempt,
                    pages.c.state == PageState.SENDING,
                )
                .values(settled_at=now, **values)
            )
            if written.rowcount == 0:
                note(connection, page.case_id, now, "late_receipt", kind, page.person_id)
                return
            detail = f"{kind} {page.channel} attempt {page.attempt}"
            note(connection, page.case_id, now, "page", detail, page.person_id)
            if outcome.undeliverable:
                self._hurry(connection, page, now)

    def _hurry(self, connection: Connection, page: Page, now: datetime) -> None:
        query = select(cases).where(cases.c.id == page.case_id).with_for_update()
        case = case_of(connection.execute(query).one())
        due_at = self._after_undeliverable(case, page, now)
        if due_at != case.ladder.due_at:
            connection.execute(
                update(cases)
                .where(cases.c.id == case.id)
                .values(due_at=due_at, version=case.version + 1)
            )


def _claimed(row: object) -> Page:
    """The page as it will be tried now: one attempt more, a repeat if it was tried before."""
    values = row._mapping  # type: ignore[attr-defined]  # noqa: SLF001
    return Page(
        id=PageId(values["id"]),
        tenant=TenantId(values["tenant"]),
        case_id=CaseId(values["case_id"]),
        person_id=PersonId(values["person_id"]),
        channel=values["channel"],
        level=Level(values["level"]),
        step=values["step"],
        attempt=values["attempt"] + 1,
        is_repeat=values["attempt"] > 0,
        due_at=values["due_at"],
    )


def _settled(page: Page, outcome: Outcome, now: datetime) -> tuple[dict[str, object], str]:
    """The columns of a page after this outcome, and its name for the timeline."""
    if outcome.receipt is not None:
        state = outcome.receipt.state
        return {"state": state, "reference": outcome.receipt.reference, "due_at": None}, state
    if outcome.undeliverable:
        state = PageState.UNDELIVERABLE
        return {"state": state, "error": outcome.error, "due_at": None}, state
    pause = RETRY_S[min(page.attempt, len(RETRY_S)) - 1]
    state = PageState.FAILED
    due_at = now + timedelta(seconds=pause)
    return {"state": state, "error": outcome.error, "due_at": due_at}, state
