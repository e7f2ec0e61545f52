"""`POST /v1/events`: one event or a batch of them."""

from __future__ import annotations

import json
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse

from safety.app.api.auth import Platform
from safety.core.errors import SourceUnavailable, UnreadableRecord
from safety.core.events import Event
from streams.codec import decode, decode_object

router = APIRouter()

BATCH_LIMIT = 1_000
AT_ONCE = 16
"""Requests that may wait for the stream at a time, on threads that health checks do not need."""

WAITING_LIMIT = 64
"""Requests that may queue behind those; their bodies are all the memory a flood can take."""


def intake_limiter() -> CapacityLimiter:
    """The turnstile in front of the stream, one for each application."""
    return CapacityLimiter(AT_ONCE)


async def limited_body(request: Request) -> bytes:
    """The body, refused as soon as it grows beyond the configured size."""
    limit = request.app.state.parts.settings.max_body_bytes
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            told = f"the body is larger than {limit} bytes; send fewer events"
            # closing is what keeps a body without end from being read on
            raise HTTPException(413, told, {"Connection": "close"})
    return bytes(body)


Body = Annotated[bytes, Depends(limited_body)]


@router.post("/v1/events")
async def post_events(request: Request, _caller: Platform, body: Body) -> JSONResponse:
    """Accept events. Answers 200 once none of them can be lost.

    422 names each event that is none, by index, field and reason; the good ones of the same batch
    are accepted all the same. After 503 send everything again: repeats change nothing.
    """
    events, rejected = _read(body)
    if events:
        limiter: CapacityLimiter = request.app.state.intake_limiter
        if limiter.statistics().tasks_waiting >= WAITING_LIMIT:
            raise SourceUnavailable("too many requests are waiting; send the events again")
        await to_thread.run_sync(request.app.state.intake.accept, events, limiter=limiter)
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
        items = _parse_batch(body)
    except UnreadableRecord as error:
        return [], [_rejection(0, error)]
    if len(items) > BATCH_LIMIT:
        raise HTTPException(413, f"a batch holds at most {BATCH_LIMIT} events")
    events: list[Event] = []
    rejected: list[dict[str, object]] = []
    for index, item in enumerate(items):
        try:
            if item is _TWINS:
                raise UnreadableRecord("duplicate_key")  # noqa: TRY301 - said as the codec says it
            events.append(decode_object(item).event)
        except UnreadableRecord as error:
            rejected.append(_rejection(index, error))
    return events, rejected


_TWINS = object()
"""Stands for an object in which a key occurs twice: it spoils itself, not its batch."""


def _parse_batch(body: bytes) -> list[object]:
    """The items of a JSON array, as tolerant of lone surrogates as the codec is."""
    try:
        items: list[object] = json.loads(
            body.decode(), object_pairs_hook=_object, parse_constant=_no_constant
        )
    except UnicodeDecodeError:
        raise UnreadableRecord("not_utf8") from None
    except RecursionError:
        raise UnreadableRecord("too_deep") from None
    except ValueError:
        raise UnreadableRecord("not_json") from None
    return items


def _object(pairs: list[tuple[str, object]]) -> object:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _TWINS


def _no_constant(_name: str) -> object:
    raise ValueError


def _rejection(index: int, error: UnreadableRecord) -> dict[str, object]:
    return {"index": index, "field": error.field, "reason": error.reason}
