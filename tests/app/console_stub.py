"""A small stand-in that speaks the API's shapes to the console."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles

import safety.app

CONSOLE = Path(safety.app.__file__).parent / "console"
ME = "counsellor-1"


@dataclass
class Stub:
    """Cases, cards and health as the API would tell them, and what it was asked."""

    cases: dict[str, dict[str, Any]] = field(default_factory=dict)
    stories: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    cards: list[dict[str, Any]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    words: list[dict[str, Any]] = field(default_factory=list)
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    reads: list[dict[str, str]] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    shares: dict[str, Any] = field(default_factory=dict)
    days: list[int] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    refusal: tuple[int, str] | None = None
    token: str = ""
    repeats_cards: bool = False
    cuts: int = 0
    down: bool = False
    stopping: bool = False

    def open(self, case_id: str, level: str, *, ago_s: float = 75.0, **more: Any) -> None:
        """A new case, or an old one as it stands now."""
        now = datetime.now(UTC)
        standing = self.cases.get(case_id)
        story = self.stories.setdefault(case_id, [])
        reason = {"P0": "p0.place_with_intent", "P1": "p1.intent", "P2": "p2.thoughts"}
        kind = "raised" if standing else "opened"
        self.tell(case_id, kind, f"{level} {reason.get(level, 'p3.passive')}")
        if level != "P3":
            self.tell(case_id, "page_ordered", f"{level} step 0 console", ME)
            self.tell(case_id, "page", "sent console attempt 1", ME)
        self.cases[case_id] = {
            "case_id": case_id,
            "number": f"{abs(hash(case_id)) % 65536:04X}",
            "tenant": "default",
            "client_id": "u-3",
            "conversation_id": f"c-{case_id}",
            "level": level,
            "status": "open",
            "owner": None,
            "opened_at": (now - timedelta(seconds=ago_s)).isoformat(),
            "next_page_at": None if level == "P3" else (now + timedelta(seconds=40)).isoformat(),
            "paged": [] if level == "P3" else [ME, "counsellor-2"],
            **more,
            "version": standing["version"] + 1 if standing else 1,
        }
        assert story

    def tell(
        self, case_id: str, kind: str, detail: str | None = None, who: str | None = None
    ) -> None:
        """One more entry of a case's story."""
        entry = {"at": datetime.now(UTC).isoformat(), "kind": kind, "who": who, "detail": detail}
        self.stories.setdefault(case_id, []).append(entry)

    def change(self, case_id: str, **values: Any) -> dict[str, Any]:
        """The case with these values and the next version."""
        case = self.cases[case_id]
        self.cases[case_id] = {**case, **values, "version": case["version"] + 1}
        return self.cases[case_id]

    def card(self, say: str) -> None:
        """One more card of every conversation."""
        self.cards.append(
            {
                "type": "card",
                "seq": len(self.cards) + 1,
                "say": say,
                "why": "先有距离，别的可以晚一点。",
                "avoid": "不要挂断，也不要激将。",
                "at": datetime.now(UTC).isoformat(),
            }
        )

    def standing(self) -> list[dict[str, Any]]:
        """The open cases as the API lists them."""
        cases = [case for case in self.cases.values() if case["status"] != "closed"]
        return sorted(cases, key=lambda case: (case["level"], case["opened_at"]))

    def act(self, case_id: str, what: str, body: dict[str, Any]) -> Response:
        """What the API does with a professional's act."""
        self.posts.append((what, body))
        if self.refusal is not None:
            return JSONResponse({"detail": self.refusal[1]}, self.refusal[0])
        person = body["person"]
        self.tell(
            case_id,
            {"acknowledge": "acknowledged", "take": "taken"}.get(what, what + "ed"),
            body.get("reason"),
            person,
        )
        status = {"acknowledge": "acknowledged", "close": "closed"}.get(what, "taken")
        values: dict[str, Any] = {"status": status, "owner": person, "next_page_at": None}
        if what == "acknowledge":
            values["next_page_at"] = (datetime.now(UTC) + timedelta(seconds=60)).isoformat()
        if what == "lower":
            values["level"] = body["level"]
        return JSONResponse(self.change(case_id, **values))

    async def case_events(self) -> AsyncIterator[bytes]:
        """The stream of cases, as `safety.app.api.feeds` writes it but quicker."""
        known: dict[str, int] = {}
        cuts = self.cuts
        while not self.stopping and self.cuts == cuts:
            for case in list(self.cases.values()):
                closed_unseen = case["status"] == "closed" and case["case_id"] not in known
                if known.get(case["case_id"]) != case["version"] and not closed_unseen:
                    known[case["case_id"]] = case["version"]
                    yield _event("case", f"{case['case_id']}:{case['version']}", case)
            yield b": ping\r\n\r\n"
            await asyncio.sleep(0.05)

    async def card_events(self, after: int) -> AsyncIterator[bytes]:
        """The stream of cards after `after`; a careless one tells everything again."""
        cuts = self.cuts
        seq = 0 if self.repeats_cards else after
        while not self.stopping and self.cuts == cuts:
            for card in self.cards[seq:]:
                seq = card["seq"]
                yield _event("card", str(seq), card)
            await asyncio.sleep(0.05)


def _event(name: str, event_id: str, value: dict[str, Any]) -> bytes:
    text = json.dumps(value, ensure_ascii=False)
    return f"id: {event_id}\r\nevent: {name}\r\ndata: {text}\r\n\r\n".encode()


def stub_app(stub: Stub) -> FastAPI:
    app = FastAPI()
    _guard(app, stub)
    _serve_cases(app, stub)
    _serve_the_rest(app, stub)
    app.mount("/", StaticFiles(directory=CONSOLE, html=True))
    return app


def _guard(app: FastAPI, stub: Stub) -> None:
    @app.middleware("http")
    async def door(request: Request, go_on: Any) -> Response:
        if stub.down:
            return Response(status_code=503)
        given = request.headers.get("authorization", "")
        if stub.token and "/v1/" in request.url.path and given != f"Bearer {stub.token}":
            return JSONResponse({"detail": "a bearer token is needed"}, 401)
        answer: Response = await go_on(request)
        return answer


def _serve_cases(app: FastAPI, stub: Stub) -> None:
    @app.get("/v1/cases")
    def listed() -> Response:
        return JSONResponse(stub.standing())

    @app.get("/v1/cases/stream")
    def stream() -> Response:
        return StreamingResponse(stub.case_events(), media_type="text/event-stream")

    @app.get("/v1/cases/{case_id}")
    def one(case_id: str) -> Response:
        if case_id not in stub.cases:
            return JSONResponse({"detail": "there is no such case"}, 409)
        return JSONResponse({**stub.cases[case_id], "timeline": stub.stories[case_id]})

    @app.post("/v1/cases/{case_id}/evidence")
    def evidence(case_id: str, body: dict[str, str]) -> Response:
        person, why = body["person"], body["reason"]
        stub.reads.append({"case": case_id, "person": person, "why": why})
        stub.tell(case_id, "read", why, person)
        return JSONResponse(stub.words)

    @app.post("/v1/cases/{case_id}/verdicts")
    def verdict(case_id: str, body: dict[str, Any]) -> Response:
        if stub.refusal is not None:
            return JSONResponse({"detail": stub.refusal[1]}, stub.refusal[0])
        stub.verdicts.append(body)
        return JSONResponse({"verdict_id": len(stub.verdicts)})

    @app.get("/v1/feedback/precision")
    def shares(days: int) -> Response:
        stub.days.append(days)
        return JSONResponse({"days": days, **stub.shares})

    @app.post("/v1/cases/{case_id}/{what}")
    def act(case_id: str, what: str, body: dict[str, Any]) -> Response:
        return stub.act(case_id, what, body)


def _serve_the_rest(app: FastAPI, stub: Stub) -> None:
    @app.get("/v1/conversations/{_conversation}/cards")
    def cards(_conversation: str, request: Request) -> Response:
        last = request.headers.get("last-event-id", "")
        stub.resumed.append(last)
        return StreamingResponse(stub.card_events(int(last or 0)), media_type="text/event-stream")

    @app.get("/readyz")
    def readyz() -> Response:
        body = {"ready": not stub.findings, "findings": stub.findings, "lexicon": "test"}
        return JSONResponse(body, 503 if stub.findings else 200)
