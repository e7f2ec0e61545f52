"""Opening and raising cases, and keeping their evidence, inside the monitor's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select, tuple_, update

from escalation.policy import policy_to_json
from safety.app.store.bulk import insert_new
from safety.app.store.caserow import (
    case_of,
    ladder_columns,
    note,
    publish_case,
    withdraw_pages,
    write_climb,
)
from safety.app.store.tables import case_conversations, cases, digest, evidence
from safety.app.vault import CaseKey
from safety.core.cases import Case, CaseStatus
from safety.core.conversation import CaseUpdate
from safety.core.errors import Misconfigured
from safety.core.ports import Escalation
from safety.core.types import CaseId, ConversationId, Level, PersonId, TenantId

if TYPE_CHECKING:
    from safety.app.store.sql import SqlStore

Subject = tuple[TenantId, PersonId]


class CaseWriter:
    """Applies case updates in order on one open connection, one open case per client."""

    def __init__(
        self, store: SqlStore, connection: Connection, now: datetime, escalation: Escalation
    ) -> None:
        self._store = store
        self._connection = connection
        self._now = now
        self._escalation = escalation
        self._open: dict[Subject, Case] = {}
        self._keys: dict[CaseId, CaseKey] = {}
        self._places: set[tuple[CaseId, ConversationId]] = set()
        self._kept: dict[tuple[CaseId, bytes], dict[str, Any]] = {}

    def apply(self, updates: Sequence[CaseUpdate]) -> None:
        """Write every update. A unique violation on a second open case surfaces as Conflict."""
        self._lock({(item.tenant, item.client_id) for item in updates})
        for item in updates:
            case = self._open.get((item.tenant, item.client_id))
            if case is None and item.level is not None:
                case = self._opened(item, item.level)
            elif case is not None and item.level is not None:
                case = self._met(case, item, item.level)
            if case is not None and item.taken_by is not None:
                case = self._taken(case, item.taken_by)
            if case is not None:
                self._open[item.tenant, item.client_id] = case
                self._keep(case, item)
        self._write_kept()

    def _lock(self, subjects: set[Subject]) -> None:
        """Read the open cases of these clients and keep others from changing them meanwhile."""
        query = (
            select(cases)
            .where(
                tuple_(cases.c.tenant, cases.c.client_id).in_(sorted(subjects)),
                cases.c.status != CaseStatus.CLOSED,
            )
            .order_by(cases.c.id)
            .with_for_update()
        )
        for row in self._connection.execute(query):
            case = case_of(row)
            self._open[case.tenant, case.client_id] = case
            if row.case_key is None:
                raise Misconfigured("an open case has no key for its evidence")
            self._keys[case.id] = self._store.vault.unwrap(row.case_key, row.key_id, case.id)

    def _opened(self, item: CaseUpdate, level: Level) -> Case:
        case_id = CaseId(self._store.new_id())
        policy = self._escalation.policy
        climb = self._escalation.start(policy, level, self._now, None)
        case = Case(
            id=case_id,
            tenant=item.tenant,
            client_id=item.client_id,
            conversation_id=item.conversation_id,
            level=level,
            status=CaseStatus.OPEN,
            opened_at=item.at,
            owner=None,
            policy=policy,
            ladder=climb.ladder,
            version=1,
        )
        self._keys[case_id], wrapped = self._store.vault.new_case_key(case_id)
        self._connection.execute(
            insert(cases),
            {
                "id": case_id,
                "tenant": case.tenant,
                "client_id": case.client_id,
                "conversation_id": case.conversation_id,
                "level": level,
                "status": case.status,
                "opened_at": item.at,
                "recorded_at": self._now,
                "policy": policy_to_json(policy),
                "version": 1,
                "key_id": self._store.vault.current,
                "case_key": wrapped,
                **ladder_columns(climb.ladder),
            },
        )
        note(self._connection, case_id, self._now, "opened", _why(level, item))
        write_climb(self._connection, case, climb, self._now, self._store.new_id)
        self._publish(case, "opened")
        return case

    def _met(self, case: Case, item: CaseUpdate, level: Level) -> Case:
        """The case as it stands after another decision: raised, hurried, or just noted."""
        if level < case.level:
            return self._raised(case, item, level)
        note(self._connection, case.id, self._now, "seen_again", _why(level, item))
        waits = case.status in (CaseStatus.OPEN, CaseStatus.ACKNOWLEDGED)
        if item.urgent and waits and case.ladder.due_at is not None:
            ladder = replace(case.ladder, due_at=min(case.ladder.due_at, self._now))
            return self._rewritten(replace(case, ladder=ladder))
        return case

    def _raised(self, case: Case, item: CaseUpdate, level: Level) -> Case:
        """A worsening person is paged for again, whoever had acknowledged before."""
        climb = self._escalation.start(case.policy, level, self._now, case.ladder)
        case = replace(case, level=level, status=CaseStatus.OPEN, ladder=climb.ladder)
        case = self._rewritten(case)
        note(self._connection, case.id, self._now, "raised", _why(level, item))
        write_climb(self._connection, case, climb, self._now, self._store.new_id)
        self._publish(case, "raised")
        return case

    def _taken(self, case: Case, by: PersonId) -> Case:
        """The professional's first words to the client stop the clock."""
        if case.status is CaseStatus.TAKEN:
            return case
        ladder = replace(case.ladder, due_at=None)
        case = replace(case, status=CaseStatus.TAKEN, owner=case.owner or by, ladder=ladder)
        case = self._rewritten(case)
        withdraw_pages(self._connection, case.id, self._now)
        note(self._connection, case.id, self._now, "taken", "first words to the client", by)
        self._publish(case, "taken")
        return case

    def _rewritten(self, case: Case) -> Case:
        case = replace(case, version=case.version + 1)
        self._connection.execute(
            update(cases)
            .where(cases.c.id == case.id)
            .values(
                level=case.level,
                status=case.status,
                owner=case.owner,
                version=case.version,
                **ladder_columns(case.ladder),
            )
        )
        return case

    def _keep(self, case: Case, item: CaseUpdate) -> None:
        self._places.add((case.id, item.conversation_id))
        for turn in item.turns:
            owner = digest(item.tenant, turn.event_id)
            self._kept[case.id, owner] = {
                "case_id": case.id,
                "key": owner,
                "conversation_id": item.conversation_id,
                "event_id": turn.event_id,
                "role": turn.role,
                "sent_at": turn.sent_at,
                "recorded_at": self._now,
                "place": len(self._kept),
                "sealed": self._keys[case.id].seal(turn.text.encode(), owner),
            }

    def _write_kept(self) -> None:
        pairs = [{"case_id": case, "conversation_id": name} for case, name in self._places]
        insert_new(self._connection, case_conversations, pairs)
        insert_new(self._connection, evidence, list(self._kept.values()))

    def _publish(self, case: Case, what: str) -> None:
        if self._store.publishes:
            publish_case(self._connection, case, what, self._now)


def _why(level: Level, item: CaseUpdate) -> str:
    return f"{level.name} {' '.join(item.reasons)}"
