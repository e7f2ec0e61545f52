"""What counsellors say of the readings, over HTTP (R-DET-15)."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints

from safety.app.api.auth import Professional
from safety.app.api.cases import Act, Reason, parts_of, qualified
from safety.app.api.views import precision_view, verdict_views
from safety.app.store.verdicts import Saying
from safety.core.feedback import Consent, Judged, precision, standing
from safety.core.types import CaseId, EventId, Label
from streams.models import MAX_ID, storable

router = APIRouter()

DAYS = 90
"""How far back the precision looks unless it is told (R-DET-15)."""

MOST_DAYS = 3_650

Name = Annotated[str, BeforeValidator(storable), StringConstraints(min_length=1, max_length=MAX_ID)]


class Verdict(Act):
    """What `person` says of one message of the case. A misspelt field is refused: a consent that
    was meant must not be lost."""

    model_config = ConfigDict(extra="forbid")

    event_id: Name = Field(description="the message's id")
    verdict: Judged
    term: Name | None = Field(
        default=None, description="the one term it is about; left out: everything that fired"
    )
    labels: Annotated[list[Label], Field(max_length=len(Label))] = Field(
        default_factory=list, description="the right labels, as far as they are known"
    )
    reason: Reason | None = None
    consent: Consent = Field(
        default=Consent.UNKNOWN,
        description="whether the client agreed that these words train a model",
    )


@router.post("/v1/cases/{case_id}/verdicts")
def give(request: Request, case_id: str, said: Verdict, _caller: Professional) -> dict[str, Any]:
    """Keep a verdict. A later one by the same person counts instead, and this one stays."""
    parts = parts_of(request)
    person = qualified(parts, CaseId(case_id), said.person)
    saying = Saying(
        event_id=EventId(said.event_id),
        judged=said.verdict,
        term=said.term,
        labels=tuple(said.labels),
        consent=said.consent,
        reason=said.reason,
    )
    kept, is_new = parts.verdicts.give(CaseId(case_id), person, saying)
    if is_new:
        parts.metrics.verdicts.labels(kept.judged.value).inc()
    everything = verdict_views(parts.verdicts.of_case(CaseId(case_id)))
    return next(view for view in everything if view["verdict_id"] == kept.id)


@router.get("/v1/cases/{case_id}/verdicts")
def given(request: Request, case_id: str, _caller: Professional) -> list[dict[str, Any]]:
    """The verdicts of a case, oldest first, without the words of their reasons."""
    return verdict_views(parts_of(request).verdicts.of_case(CaseId(case_id)))


@router.get("/v1/feedback/precision")
def shares(
    request: Request,
    _caller: Professional,
    days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = DAYS,
) -> dict[str, Any]:
    """How often each term and each label was right, by the verdicts of the last `days` days."""
    parts = parts_of(request)
    since = parts.clock.now() - timedelta(days=days)
    found = precision(standing(parts.verdicts.since(since)), parts.term_classes)
    return precision_view(found, days)
