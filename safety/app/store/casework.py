"""`Casework`: what professionals do with cases, and what they are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from safety.app.store import memory
from safety.app.store.bulk import upsert_versioned
from safety.app.store.caserow import case_of, ladder_columns, note, publish_case, withdraw_pages
from safety.app.store.engine import transaction
from safety.app.store.sql import SqlStore
from safety.app.store.tables import (
    case_conversations,
    cases,
    conversations,
    digest,
    evidence,
    timeline,
)
from safety.app.vault import CaseKey, Vault
from safety.core.cases import Case, CaseStatus, EscalationPolicy
from safety.core.conversation import Conversation
from safety.core.errors import InvalidRequest
from safety.core.types import CaseId, Level, PersonId, Role

AfterAcknowledge = Callable[[EscalationPolicy, Level, datetime], datetime | None]


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of a case's story. `detail` is made of codes."""

    id: int
    at: datetime
    kind: str
    who: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class EvidenceTurn:
    """A turn as the professional on the case may read it."""

    event_id: str
    conversation_id: str
    role: Role
    sent_at: datetime
    text: str


class NoSuchCase(InvalidRequest):
    """No case, open or closed, has this id."""


class Casework:
    """Acknowledge, take, lower, close; list and read. Who may do so is the caller's to check."""

    def __init__(self, store: SqlStore, after_acknowledge: AfterAcknowledge) -> None:
        self._store = store
        self._after_acknowledge = after_acknowledge

    def open_cases(self, limit: int = 500) -> list[Case]:
        """Cases nobody has closed, most urgent and oldest first."""
        query = (
            select(cases)
            .where(cases.c.status != CaseStatus.CLOSED)
            .order_by(cases.c.level, cases.c.opened_at)
            .limit(limit)
        )
        with transaction(self._store.engine) as connection:
            return [case_of(row) for row in connection.execute(query)]

    def case(self, case_id: CaseId) -> Case:
        """One case, open or closed. Raises NoSuchCase if there is none of this id."""
        with transaction(self._store.engine) as connection:
            return _one(connection, case_id)

    def story(self, case_id: CaseId) -> list[TimelineEntry]:
        """What happened and what did not, oldest first."""
        query = select(timeline).where(timeline.c.case_id == case_id).order_by(timeline.c.id)
        with transaction(self._store.engine) as connection:
            rows = connection.execute(query).all()
        return [TimelineEntry(row.id, row.at, row.kind, row.who, row.detail) for row in rows]

    def acknowledge(self, case_id: CaseId, person: PersonId) -> Case:
        """`person` has seen the page. The first one becomes the owner; it only pauses the ladder,
        until words go to the client. Again by the owner changes nothing."""
        with transaction(self._store.engine) as connection:
            case, now = _one(connection, case_id, lock=True), self._store.clock.now()
            if case.status is not CaseStatus.OPEN:
                _refuse_closed(case)
                return case
            due_at = self._after_acknowledge(case.policy, case.level, now)
            acknowledged = replace(
                case,
                status=CaseStatus.ACKNOWLEDGED,
                owner=person,
                ladder=replace(case.ladder, due_at=due_at),
            )
            withdraw_pages(connection, case_id, now)
            return self._written(connection, acknowledged, "acknowledged", None, person)

    def take(self, case_id: CaseId, person: PersonId) -> Case:
        """`person` is with the client now: the ladder stops."""
        with transaction(self._store.engine) as connection:
            case, now = _one(connection, case_id, lock=True), self._store.clock.now()
            _refuse_closed(case)
            if case.status is CaseStatus.TAKEN and case.owner == person:
                return case
            # a case that rose after its owner acknowledged is everybody's again
            if case.status is not CaseStatus.OPEN and case.owner not in (None, person):
                raise InvalidRequest("somebody else has this case")
            taken = replace(
                case,
                status=CaseStatus.TAKEN,
                owner=person,
                ladder=replace(case.ladder, due_at=None),
            )
            withdraw_pages(connection, case_id, now)
            self._tell_conversations(connection, case, _accompanied)
            return self._written(connection, taken, "taken", None, person)

    def lower(self, case_id: CaseId, person: PersonId, level: Level, reason: str) -> Case:
        """A professional's judgement, with a reason; also clears an open place cue."""
        with transaction(self._store.engine) as connection:
            case = _one(connection, case_id, lock=True)
            _refuse_closed(case)
            if level <= case.level:
                raise InvalidRequest(f"the case stands at {case.level.name}; lower it, or leave it")
            lowered = replace(
                case,
                level=level,
                owner=person,
                status=CaseStatus.TAKEN,
                ladder=replace(case.ladder, level=level, due_at=None),
            )
            detail = f"{level.name} {_told(reason)}"
            self._tell_conversations(connection, case, lambda before: _judged(before, case, level))
            withdraw_pages(connection, case_id, self._store.clock.now())
            return self._written(connection, lowered, "lowered", detail, person)

    def close(self, case_id: CaseId, person: PersonId, reason: str) -> Case:
        """End the episode, with a reason. Closing again changes nothing."""
        with transaction(self._store.engine) as connection:
            case = _one(connection, case_id, lock=True)
            if case.status is CaseStatus.CLOSED:
                return case
            closed = replace(
                case,
                status=CaseStatus.CLOSED,
                owner=case.owner or person,
                ladder=replace(case.ladder, due_at=None),
            )
            self._tell_conversations(connection, case, lambda before: _judged(before, case, None))
            withdraw_pages(connection, case_id, self._store.clock.now())
            return self._written(connection, closed, "closed", _told(reason), person)

    def read_evidence(self, case_id: CaseId, person: PersonId, why: str) -> list[EvidenceTurn]:
        """The turns kept for this case, oldest first; the reading itself is written down first."""
        with transaction(self._store.engine) as connection:
            row = case_row(connection, case_id)
            key = case_key(row, self._store.vault)
            note(connection, case_id, self._store.clock.now(), "read", _told(why), person)
            query = select(evidence).where(evidence.c.case_id == case_id)
            order = (evidence.c.sent_at, evidence.c.recorded_at, evidence.c.place)
            return [
                EvidenceTurn(
                    item.event_id,
                    item.conversation_id,
                    Role(item.role),
                    item.sent_at,
                    key.open(item.sealed, item.key).decode(),
                )
                for item in connection.execute(query.order_by(*order))
            ]

    def _written(
        self, connection: Connection, case: Case, kind: str, detail: str | None, who: PersonId
    ) -> Case:
        now = self._store.clock.now()
        case = replace(case, version=case.version + 1)
        values = {
            "level": case.level,
            "status": case.status,
            "owner": case.owner,
            "version": case.version,
            **ladder_columns(case.ladder),
        }
        if case.status is CaseStatus.CLOSED:
            values |= {"closed_at": now, "reason": detail}
        elif case.status is CaseStatus.ACKNOWLEDGED:
            values["acknowledged_at"] = now
        connection.execute(update(cases).where(cases.c.id == case.id).values(**values))
        note(connection, case.id, now, kind, detail, who)
        if self._store.publishes:
            publish_case(connection, case, kind, now)
        return case

    def _tell_conversations(
        self,
        connection: Connection,
        case: Case,
        change: Callable[[Conversation], Conversation],
    ) -> None:
        """Tell the memory of each conversation of this case what the professional decided."""
        names = connection.scalars(
            select(case_conversations.c.conversation_id)
            .where(case_conversations.c.case_id == case.id)
            .order_by(case_conversations.c.conversation_id)
        )
        keys = [digest(case.tenant, name) for name in names]
        rows = connection.execute(
            select(conversations).where(conversations.c.key.in_(keys)).with_for_update()
        ).all()
        changed = [change(memory.unseal(row, self._store.vault)) for row in rows]
        upsert_versioned(connection, conversations, self._store.conversation_rows(changed))


def _accompanied(before: Conversation) -> Conversation:
    """A professional is with the client."""
    return before._replace(with_professional=True, silence_due_at=None)


def _judged(before: Conversation, case: Case, level: Level | None) -> Conversation:
    """A professional has looked: what led here is cleared, and `level` is what remains."""
    return before._replace(
        open_level=level,
        subject=case.client_id if level is not None else None,
        with_professional=level is not None,
        place_at=None,
        chips=(),
        cues=(),
        silence_due_at=None,
    )


def _one(connection: Connection, case_id: CaseId, *, lock: bool = False) -> Case:
    return case_of(case_row(connection, case_id, lock=lock))


def case_row(connection: Connection, case_id: CaseId, *, lock: bool = False) -> Any:
    """The row of `cases`, until the transaction ends if `lock`. Raises NoSuchCase."""
    # PostgreSQL refuses to be asked for a NUL; no id has one
    query = select(cases).where(cases.c.id == case_id.replace("\x00", "\ufffd"))
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NoSuchCase("there is no such case")
    return row


def case_key(row: Any, vault: Vault) -> CaseKey:
    """The key of what is sealed in the case of this row. Raises InvalidRequest once it is gone."""
    if row.case_key is None:
        raise InvalidRequest("the texts of this case were destroyed on schedule")
    return vault.unwrap(row.case_key, row.key_id, row.id)


def _refuse_closed(case: Case) -> None:
    if case.status is CaseStatus.CLOSED:
        raise InvalidRequest("this case is closed")


def _told(reason: str) -> str:
    """A reason in a professional's own words, cut to a line."""
    told = " ".join(reason.split())[:500]
    if not told:
        raise InvalidRequest("a reason is needed")
    return told
