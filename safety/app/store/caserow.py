"""A case between its row and its type, and the entries of its timeline."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, insert, update

from escalation.policy import policy_from_json
from safety.app.store.bulk import insert_new
from safety.app.store.tables import outbox, pages, timeline
from safety.core.cases import Case, CaseStatus, Climb, Ladder, PageState
from safety.core.types import CaseId, ConversationId, Level, PersonId, TenantId


def case_of(row: Any) -> Case:
    """The case of a row of `cases`, with the policy that was frozen into it."""
    return Case(
        id=CaseId(row.id),
        tenant=TenantId(row.tenant),
        client_id=PersonId(row.client_id),
        conversation_id=ConversationId(row.conversation_id),
        level=Level(row.level),
        status=CaseStatus(row.status),
        opened_at=row.opened_at,
        owner=None if row.owner is None else PersonId(row.owner),
        policy=policy_from_json(row.policy),
        ladder=Ladder(
            level=Level(row.ladder_level),
            started_at=row.ladder_started_at,
            step=row.ladder_step,
            paged=tuple(PersonId(person) for person in orjson.loads(row.ladder_paged)),
            due_at=row.due_at,
        ),
        version=row.version,
    )


def ladder_columns(ladder: Ladder) -> dict[str, Any]:
    """The ladder as columns of `cases`."""
    return {
        "ladder_level": ladder.level,
        "ladder_started_at": ladder.started_at,
        "ladder_step": ladder.step,
        "ladder_paged": orjson.dumps(ladder.paged).decode(),
        "due_at": ladder.due_at,
    }


def note(
    connection: Connection,
    case_id: str,
    at: datetime,
    kind: str,
    detail: str | None = None,
    who: str | None = None,
) -> None:
    """One entry of a case's timeline. `detail` is made of codes, never of anybody's words."""
    connection.execute(
        insert(timeline),
        {"case_id": case_id, "at": at, "kind": kind, "who": who, "detail": detail},
    )


def write_climb(
    connection: Connection,
    case: Case,
    climb: Climb,
    now: datetime,
    new_id: Any,
) -> None:
    """The pages and timeline entries of one climb; the ladder itself goes into the case's row."""
    rows = [
        {
            "id": new_id(),
            "tenant": case.tenant,
            "case_id": case.id,
            "person_id": order.person_id,
            "channel": order.channel,
            "level": climb.ladder.level,
            "step": order.step,
            "state": PageState.PENDING,
            "attempt": 0,
            "is_repeat": False,
            "due_at": now,
            "created_at": now,
        }
        for order in climb.orders
    ]
    insert_new(connection, pages, rows)
    for order in climb.orders:
        detail = f"{climb.ladder.level.name} step {order.step} {order.channel}"
        note(connection, case.id, now, "page_ordered", detail, order.person_id)
    for entry in climb.notes:
        note(connection, case.id, now, "ladder", entry)


def withdraw_pages(connection: Connection, case_id: str, now: datetime) -> None:
    """Keep back the pages of this case that have not left: somebody has it."""
    connection.execute(
        update(pages)
        .where(pages.c.case_id == case_id, pages.c.due_at.is_not(None))
        .values(state=PageState.WITHDRAWN, due_at=None, settled_at=now)
    )


def publish_case(connection: Connection, case: Case, what: str, now: datetime) -> None:
    """Tell the out topic that a case changed; no word of the chat is in it."""
    payload = {
        "type": "case",
        "id": f"{case.id}:{case.version}",
        "tenant": case.tenant,
        "case_id": case.id,
        "conversation_id": case.conversation_id,
        "what": what,
        "level": case.level.name,
        "status": case.status.value,
        "owner": case.owner,
        "opened_at": case.opened_at.isoformat(),
        "at": now.isoformat(),
        "version": case.version,
    }
    row = {
        "topic": "safety.cases",
        "key": case.id,
        "payload": orjson.dumps(payload).decode(),
        "recorded_at": now,
    }
    insert_new(connection, outbox, [row])
