"""How cases, readings and verdicts look from outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from escalation import case_number
from safety.app.store.verdicts import Read
from safety.core.cases import Case
from safety.core.feedback import CounsellorVerdict, Fired, Precision, Share, standing


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


def read_view(read: Read) -> dict[str, Any]:
    """What was made of one message, in codes."""
    level = None if read.level is None else read.level.name
    return {"level": level, "fired": _fired_views(read.fired)}


def verdict_views(verdicts: Sequence[CounsellorVerdict]) -> list[dict[str, Any]]:
    """All verdicts of a case, oldest first. `stands` says whether one still is its person's last
    word on something, `terms` on which terms. `reason` is there only where it was asked for."""
    decided = {item.verdict.id: sorted(item.terms) for item in standing(verdicts)}
    return [
        {
            "verdict_id": item.id,
            "event_id": item.event_id,
            "person": item.person,
            "at": item.at.isoformat(),
            "verdict": item.judged.value,
            "term": item.term,
            "labels": list(item.labels),
            "consent": item.consent.value,
            "level": None if item.level is None else item.level.name,
            "fired": _fired_views(item.fired),
            "versions": dict(item.versions or {}),
            "has_reason": item.has_reason,
            "stands": item.id in decided,
            "terms": decided.get(item.id, []),
            **({} if item.reason is None else {"reason": item.reason}),
        }
        for item in verdicts
    ]


def precision_view(found: Precision, days: int) -> dict[str, Any]:
    """Counts and shares per label and per term."""
    return {
        "days": days,
        "verdicts": {judged.value: count for judged, count in found.given.items()},
        "labels": [
            {**_share_view(share), "missed": share.missed, "recall": share.recall}
            for share in found.labels
        ],
        "terms": [
            {
                **_share_view(share),
                "class": share.kind,
                "labels": list(share.labels),
                "review": share.review,
                "may_be_dropped": share.may_be_dropped,
            }
            for share in found.terms
        ],
    }


def _share_view(share: Share) -> dict[str, Any]:
    return {
        "name": share.name,
        "true": share.true,
        "false": share.false,
        "precision": share.precision,
    }


def _fired_views(fired: Iterable[Fired]) -> list[dict[str, Any]]:
    return [
        {"source": p.source, "term": p.term, "labels": list(p.labels), "cues": list(p.cues)}
        for p in fired
    ]
