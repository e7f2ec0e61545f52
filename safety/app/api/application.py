"""Building the FastAPI application out of its routers."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from safety import __version__
from safety.app.api import cases, events, feedback, feeds, ops
from safety.app.intake import Intake
from safety.app.store.casework import NoSuchCase
from safety.app.store.verdicts import NoSuchMessage
from safety.app.wiring import Parts
from safety.core.errors import Conflict, InvalidRequest, Misconfigured, Unavailable
from streams.models import storable

CONSOLE = Path(__file__).parent.parent / "console"


def create_app(
    parts: Parts, intake: Intake | None, hub: feeds.FeedHub | None, health: ops.Health
) -> FastAPI:
    """The API over `parts`; without an intake and a hub only health and metrics are served."""
    app = FastAPI(title="jiezhu", version=__version__, docs_url=None, redoc_url=None)
    app.state.parts = parts
    app.state.intake = intake
    app.state.intake_limiter = events.intake_limiter()
    app.state.hub = hub
    app.state.health = health
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(NoSuchCase, _unknown)
    app.add_exception_handler(NoSuchMessage, _unknown)
    app.add_exception_handler(InvalidRequest, _invalid)
    app.add_exception_handler(Conflict, _conflict)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(Misconfigured, _misconfigured)
    app.include_router(ops.router)
    if intake is not None and hub is not None:
        app.include_router(events.router)
        app.include_router(feeds.router)
        app.include_router(cases.router)
        app.include_router(feedback.router)
        app.mount("/", StaticFiles(directory=CONSOLE, html=True), name="console")
    return app


async def _malformed(_request: Request, error: Exception) -> JSONResponse:
    """What is wrong with which field, without the input: it may be nothing that JSON can carry."""
    assert isinstance(error, RequestValidationError)
    told = [
        {"type": one["type"], "loc": [storable(part) for part in one["loc"]], "msg": one["msg"]}
        for one in error.errors()
    ]
    return JSONResponse({"detail": told}, 422)


async def _unknown(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 404)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 409)


async def _conflict(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 409, {"Retry-After": "0"})


async def _unavailable(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 503, {"Retry-After": "1"})


async def _misconfigured(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 500)
