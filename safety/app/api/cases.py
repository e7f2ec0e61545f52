"""What professionals do with cases, over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from safety.app.api.auth import Professional
from safety.app.api.views import case_view, read_view, verdict_views
from safety.app.store.verdicts import UNREAD
from safety.app.wiring import Parts
from safety.core.types import CaseId, EventId, Level, PersonId
from streams.models import storable

router = APIRouter()

PersonName = Annotated[
    str, BeforeValidator(storable), StringConstraints(min_length=1, max_length=200)
]
Reason = Annotated[
    str,
    BeforeValidator(storable),
    StringConstraints(strip_whitespace=True, min_length=2, max_length=500),
]


class Act(BaseModel):
    """Who does it."""

    person: PersonName


class ReasonedAct(Act):
    """Who does it and why."""

    reason: Reason


class Lowering(ReasonedAct):
    """To which level."""

    level: Literal["P1", "P2", "P3"] = Field(description="less urgent than the case stands at")


@router.get("/v1/cases")
def open_cases(request: Request, _caller: Professional) -> list[dict[str, Any]]:
    """Cases nobody has closed, most urgent first."""
    return [case_view(case) for case in parts_of(request).casework.open_cases()]


@router.get("/v1/cases/{case_id}")
def one_case(request: Request, case_id: str, _caller: Professional) -> dict[str, Any]:
    """One case with its story: what happened, and what did not."""
    casework = parts_of(request).casework
    view = case_view(casework.case(CaseId(case_id)))
    view["timeline"] = [
        {"at": entry.at.isoformat(), "kind": entry.kind, "who": entry.who, "detail": entry.detail}
        for entry in casework.story(CaseId(case_id))
    ]
    return view


@router.post("/v1/cases/{case_id}/evidence")
def evidence(
    request: Request, case_id: str, act: ReasonedAct, _caller: Professional
) -> list[dict[str, Any]]:
    """The turns kept for this case, with what fired on each and what was said of it. Who reads
    them, when and why is written down (R-PRIV-06)."""
    parts = parts_of(request)
    person = qualified(parts, CaseId(case_id), act.person)
    turns = parts.casework.read_evidence(CaseId(case_id), person, act.reason)
    read = parts.verdicts.read_of(CaseId(case_id))
    said = verdict_views(parts.verdicts.of_case(CaseId(case_id), reasons=True))
    return [
        {
            "event_id": turn.event_id,
            "conversation_id": turn.conversation_id,
            "role": turn.role.value,
            "sent_at": turn.sent_at.isoformat(),
            "text": turn.text,
            **read_view(read.get(EventId(turn.event_id), UNREAD)),
            "verdicts": [view for view in said if view["event_id"] == turn.event_id],
        }
        for turn in turns
    ]


@router.post("/v1/cases/{case_id}/acknowledge")
def acknowledge(request: Request, case_id: str, act: Act, _caller: Professional) -> dict[str, Any]:
    """I have seen it and am on my way to the client."""
    parts = parts_of(request)
    person = qualified(parts, CaseId(case_id), act.person)
    return case_view(parts.casework.acknowledge(CaseId(case_id), person))


@router.post("/v1/cases/{case_id}/take")
def take(request: Request, case_id: str, act: Act, _caller: Professional) -> dict[str, Any]:
    """I am with the client now."""
    parts = parts_of(request)
    person = qualified(parts, CaseId(case_id), act.person)
    return case_view(parts.casework.take(CaseId(case_id), person))


@router.post("/v1/cases/{case_id}/lower")
def lower(request: Request, case_id: str, act: Lowering, _caller: Professional) -> dict[str, Any]:
    """Less urgent than it stands, for a reason."""
    parts = parts_of(request)
    person = qualified(parts, CaseId(case_id), act.person)
    lowered = parts.casework.lower(CaseId(case_id), person, Level[act.level], act.reason)
    return case_view(lowered)


@router.post("/v1/cases/{case_id}/close")
def close(
    request: Request, case_id: str, act: ReasonedAct, _caller: Professional
) -> dict[str, Any]:
    """The episode is over, for a reason."""
    parts = parts_of(request)
    person = qualified(parts, CaseId(case_id), act.person)
    return case_view(parts.casework.close(CaseId(case_id), person, act.reason))


def parts_of(request: Request) -> Parts:
    """What this application serves."""
    parts: Parts = request.app.state.parts
    return parts


def qualified(parts: Parts, case_id: CaseId, name: str) -> PersonId:
    """Only somebody of the roster who may take this level acts on a case (R-ESC-05)."""
    person = parts.roster.person(PersonId(name))
    if person is None:
        raise HTTPException(403, "nobody of this name is on the roster")
    case = parts.casework.case(case_id)
    if case.level not in person.levels:
        raise HTTPException(403, f"{name} is not qualified for {case.level.name}")
    return person.id
