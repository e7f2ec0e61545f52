"""Server-sent events: a conversation's cards, and the cases."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, HTTPException, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from safety.app.api.auth import Either, Professional
from safety.app.api.views import case_view
from safety.app.store.feed import CardFeed
from safety.core.cases import CaseStatus
from safety.core.ports import Clock, ConversationKey
from safety.core.types import ConversationId, TenantId

router = APIRouter()

RECHECK_S = 5.0
"""How long a feed waits without a hint before it looks for itself."""

OVERLAP = timedelta(seconds=5)
"""How far back the hub looks: a transaction may commit this long after it noted the time."""

PING_S = 15


class FeedHub:
    """Tells waiting feeds of new cards, with one query for all of them. Hints only: a feed that
    misses one finds its cards at the next recheck."""

    def __init__(self, feed: CardFeed, clock: Clock) -> None:
        self._feed = feed
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[ConversationKey, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]]
        self._waiting = {}
        self._told: dict[ConversationKey, int] = {}

    def run_once(self) -> int:
        """Wake the feeds whose conversation has a card they were not told of."""
        newest = self._feed.newest_since(self._clock.now() - OVERLAP)
        with self._lock:
            woken = 0
            for key, seq in newest.items():
                if seq > self._told.get(key, 0):
                    for loop, event in self._waiting.get(key, ()):
                        loop.call_soon_threadsafe(event.set)
                        woken += 1
            self._told = newest
        return 0

    def subscribe(self, key: ConversationKey) -> asyncio.Event:
        """An event that is set when `key` may have a new card."""
        event = asyncio.Event()
        with self._lock:
            self._waiting.setdefault(key, set()).add((asyncio.get_running_loop(), event))
        return event

    def leave(self, key: ConversationKey, event: asyncio.Event) -> None:
        """The feed behind `event` has closed."""
        with self._lock:
            left = {pair for pair in self._waiting.get(key, set()) if pair[1] is not event}
            if left:
                self._waiting[key] = left
            else:
                self._waiting.pop(key, None)


@router.get("/v1/conversations/{conversation_id}/cards")
async def cards(
    request: Request,
    conversation_id: str,
    _caller: Either,
    tenant: str = "default",
    after: Annotated[int, Query(ge=0, le=999_999_999)] = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventSourceResponse:
    """The cards of a conversation from the first, or after `Last-Event-ID`, and on as they come."""
    if last_event_id:
        if not last_event_id.isdecimal() or len(last_event_id) > 9:
            raise HTTPException(422, "Last-Event-ID must be the id of a card of this feed")
        after = int(last_event_id)
    key = (TenantId(tenant), ConversationId(conversation_id))
    return EventSourceResponse(_cards(request, key, after), ping=PING_S)


async def _cards(
    request: Request, key: ConversationKey, seq: int
) -> AsyncIterator[ServerSentEvent]:
    feed: CardFeed = request.app.state.parts.feed
    hub: FeedHub = request.app.state.hub
    hint = hub.subscribe(key)
    try:
        while True:
            hint.clear()
            entries = await run_in_threadpool(feed.after, *key, seq)
            for entry in entries:
                seq = entry.seq
                yield ServerSentEvent(entry.payload, event="card", id=str(seq))
            if not entries:
                await _wait(hint)
    finally:
        hub.leave(key, hint)


async def _wait(hint: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(hint.wait(), RECHECK_S)
    except TimeoutError:
        return


@router.get("/v1/cases/stream")
async def case_stream(request: Request, _caller: Professional) -> EventSourceResponse:
    """Every open case as it stands, then each change; a closed case comes once more and no more."""
    return EventSourceResponse(_case_changes(request), ping=PING_S)


async def _case_changes(request: Request) -> AsyncIterator[ServerSentEvent]:
    casework = request.app.state.parts.casework
    known: dict[str, int] = {}
    while True:
        standing = {case.id: case for case in await run_in_threadpool(casework.open_cases)}
        for case in standing.values():
            if known.get(case.id) != case.version:
                yield _case_event(case_view(case), case.id, case.version)
        for case_id in known.keys() - standing.keys():
            case = await run_in_threadpool(casework.case, case_id)
            if case.status is CaseStatus.CLOSED:
                yield _case_event(case_view(case), case.id, case.version)
        known = {case.id: case.version for case in standing.values()}
        await asyncio.sleep(1.0)


def _case_event(view: dict[str, Any], case_id: str, version: int) -> ServerSentEvent:
    return ServerSentEvent(orjson.dumps(view).decode(), event="case", id=f"{case_id}:{version}")
