"""`POST /v1/events`: one event or a batch of them."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from safety.app.api.auth import Platform
from safety.core.errors import UnreadableRecord
from safety.core.events import Event
from streams.codec import decode, decode_object

router = APIRouter()

BATCH_LIMIT = 1_000


async def limited_body(request: Request) -> bytes:
    """The body, refused as soon as it grows beyond the configured size."""
    limit = request.app.state.parts.settings.max_body_bytes
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise HTTPException(413, f"the body is larger than {limit} bytes; send fewer events")
    return bytes(body)


Body = Annotated[bytes, Depends(limited_body)]


@router.post("/v1/events")
async def post_events(request: Request, body: Body, _caller: Platform) -> JSONResponse:
    """Accept events. Answers 200 once none of them can be lost.

    422 names each event that is none, by index, field and reason; the good ones of the same batch
    are accepted all the same. After 503 send everything again: repeats change nothing.
    """
    events, rejected = _read(body)
    if events:
        await run_in_threadpool(request.app.state.intake.accept, events)
    answer: dict[str, Any] = {"accepted": len(events), "rejected": rejected}
    return JSONResponse(answer, status_code=422 if rejected else 200)


def _read(body: bytes) -> tuple[list[Event], list[dict[str, object]]]:
    """The events of a body, and what is wrong with the rest of it."""
    if not body.lstrip().startswith(b"["):
        try:
            return [decode(body).event], []
        except UnreadableRecord as error:
            return [], [_rejection(0, error)]
    try:
        items = orjson.loads(body)
    except orjson.JSONDecodeError:
        return [], [_rejection(0, UnreadableRecord("not_json"))]
    if len(items) > BATCH_LIMIT:
        raise HTTPException(413, f"a batch holds at most {BATCH_LIMIT} events")
    events: list[Event] = []
    rejected: list[dict[str, object]] = []
    for index, item in enumerate(items):
        try:
            events.append(decode_object(item).event)
        except UnreadableRecord as error:
            rejected.append(_rejection(index, error))
    return events, rejected


def _rejection(index: int, error: UnreadableRecord) -> dict[str, object]:
    return {"index": index, "field": error.field, "reason": error.reason}
