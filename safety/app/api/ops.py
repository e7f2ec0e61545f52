"""Health and metrics, which tell the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from safety.app.wiring import Parts
from safety.core.errors import Unavailable

router = APIRouter()


@dataclass(frozen=True)
class Health:
    """What this process can say of itself. `problems` gives sentences about its own loops that
    get nothing done, `stuck` about those that a restart may help."""

    parts: Parts
    problems: Callable[[], list[str]]
    stuck: Callable[[], list[str]] | None = None

    def deadlocks(self) -> list[str]:
        """What asks for a restart of this process."""
        return self.problems() if self.stuck is None else self.stuck()

    def findings(self) -> list[str]:
        """Everything that keeps this deployment from doing its job, as plain sentences."""
        found = list(self.problems())
        try:
            beats = self.parts.heartbeats.all()
        except Unavailable as error:
            return [*found, f"database: {error}"]
        now = self.parts.clock.now()
        stale_s = self.parts.settings.stale_after_s
        for kind in ("consume", "dispatch"):
            ages = [(now - beat.at).total_seconds() for beat in beats if beat.kind == kind]
            if not ages:
                found.append(f"{kind}: no such process has ever reported")
            elif min(ages) > stale_s:
                found.append(f"{kind}: silent for {min(ages):.0f} seconds")
        # whoever fell silent may have been replaced: how it fared then says nothing now
        alive = [
            beat
            for beat in beats
            if beat.kind == "consume" and (now - beat.at).total_seconds() <= stale_s
        ]
        if any(beat.degraded for beat in alive):
            found.append("model: cannot run, the lexicon reads without it")
        behind = max((beat.oldest_s for beat in alive), default=0.0)
        if behind > stale_s:
            found.append(f"stream: {behind:.0f} seconds behind")
        return found


@router.get("/healthz")
def healthz(request: Request) -> JSONResponse:
    """Whether this process is alive: its loops turn. 503 asks for a restart, so a database or
    broker that is away is no reason."""
    problems = request.app.state.health.deadlocks()
    return JSONResponse({"ok": not problems, "problems": problems}, 503 if problems else 200)


@router.get("/readyz")
def readyz(request: Request) -> JSONResponse:
    """Whether messages are really being watched: database, consumers, dispatchers, classifier."""
    health: Health = request.app.state.health
    findings = health.findings()
    body = {
        "ready": not findings,
        "findings": findings,
        **health.parts.classifier.versions,
    }
    return JSONResponse(body, 503 if findings else 200)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Prometheus text."""
    registry = request.app.state.parts.metrics.registry
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
