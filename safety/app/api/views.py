"""How cases look from outside."""

from __future__ import annotations

from typing import Any

from escalation import case_number
from safety.core.cases import Case


def case_view(case: Case) -> dict[str, Any]:
    """A case as JSON: numbers, levels and moments, no words of the chat."""
    return {
        "case_id": case.id,
        "number": case_number(case.id),
        "tenant": case.tenant,
        "client_id": case.client_id,
        "conversation_id": case.conversation_id,
        "level": case.level.name,
        "status": case.status.value,
        "owner": case.owner,
        "opened_at": case.opened_at.isoformat(),
        "next_page_at": None if case.ladder.due_at is None else case.ladder.due_at.isoformat(),
        "paged": list(case.ladder.paged),
        "version": case.version,
    }
