"""A served deployment inside one test: real HTTP on loopback, real loops, fake time."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import uvicorn

from safety.app.api import create_app
from safety.app.api.feeds import FeedHub
from safety.app.api.ops import Health
from safety.app.intake import Intake, MemoryIntake
from safety.app.loops import Crew, Loop
from safety.app.processes import consume_loop, dispatch_loops
from safety.app.wiring import Parts
from safety.core.clock import SystemClock
from streams.memory import MemorySource, MemoryStream
from tests.app.makers import until

REAL = SystemClock()


@dataclass
class Served:
    """A client of the API, and what stands behind it."""

    parts: Parts
    http: httpx.Client
    stream: MemoryStream
    source: MemorySource
    crew: Crew
    address: str

    def post(self, *events: Any, **more: Any) -> httpx.Response:
        """One event, or several as a batch."""
        body = events[0] if len(events) == 1 else list(events)
        return self.http.post("/v1/events", content=orjson.dumps(body), **more)

    def cards(self, conversation: str, last_id: int = 0, count: int = 1) -> list[dict[str, Any]]:
        """The next `count` cards of a feed after `last_id`, as a browser resumes it."""
        headers = {"Last-Event-ID": str(last_id)} if last_id else {}
        found: list[dict[str, Any]] = []
        with self.http.stream(
            "GET", f"/v1/conversations/{conversation}/cards", headers=headers
        ) as answer:
            assert answer.status_code == 200
            for line in answer.iter_lines():
                if line.startswith("data: {"):
                    found.append(orjson.loads(line.removeprefix("data: ")))
                if len(found) == count:
                    break
        return found


@dataclass
class Plan:
    """What is served: which loops turn, and through which intake."""

    consuming: bool = True
    dispatching: bool = False
    capacity: int = 10_000
    intake: Intake | None = None
    timeout_s: float = 5.0
    loops: Sequence[Loop] = field(default_factory=list)


@contextlib.contextmanager
def serve(parts: Parts, plan: Plan | None = None) -> Iterator[Served]:
    """The API and its loops, inside the block."""
    plan = plan or Plan()
    stream = MemoryStream(capacity=plan.capacity)
    source = stream.source()
    hub = FeedHub(parts.feed, parts.clock)
    loops = [Loop("hub", hub.run_once, 0.05, parts.clock, parts.metrics), *plan.loops]
    if plan.consuming:
        loops.append(consume_loop(parts, source, parts.dead_letters))
    if plan.dispatching:
        loops += dispatch_loops(parts)
    crew = Crew(loops)
    intake = plan.intake or MemoryIntake(stream, plan.timeout_s, REAL)
    app = create_app(parts, intake, hub, Health(parts, crew.problems, crew.stuck))
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        crew.start()
        until(lambda: server.started, REAL)
        try:
            with httpx.Client(base_url=address, timeout=20.0) as http:
                yield Served(parts, http, stream, source, crew, address)
        finally:
            crew.stop()
            server.should_exit = True
            thread.join(20)
