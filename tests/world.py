"""A whole deployment inside one test: real store, real rooms, fake time, fake phones."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from pydantic import SecretStr

from escalation import Dispatcher
from safety.app.processes import ConsumerStep
from safety.app.settings import Settings
from safety.app.wiring import Parts, build
from safety.core.cases import Case
from safety.core.ports import Checkpoint, Classifier, nowhere
from streams.memory import MemoryStream
from tests.fakes import NOON, FakeClock, FakePhone

KEY = SecretStr("k1:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU=")


class Crash(BaseException):
    """The process dies here: nothing may catch it."""


class World:
    """Says things as a platform would, lets time pass, and looks at what came of it."""

    def __init__(
        self,
        database_url: str,
        classifier: Classifier | None = None,
        at: datetime = NOON,
        **settings: Any,
    ) -> None:
        self.clock = FakeClock(at)
        self.phone = FakePhone()
        self.stream = MemoryStream(partitions=3, capacity=100_000)
        self._classifier = classifier
        self._ids = itertools.count(1)
        self._events = itertools.count(1)
        self.settings = Settings(database_url=database_url, master_key=KEY, **settings)
        self.parts = self.start()

    def start(self, checkpoint: Checkpoint = nowhere) -> Parts:
        """A fresh process over the same database."""
        return build(
            self.settings,
            clock=self.clock,
            classifier=self._classifier,
            notifiers={"console": self.phone},
            checkpoint=checkpoint,
            new_id=lambda: f"id{next(self._ids):06d}",
        )

    def says(
        self,
        text: str,
        role: str = "client",
        conversation: str = "c-1",
        sender: str | None = None,
        **fields: Any,
    ) -> str:
        """A message arrives and is handled; returns its id."""
        event_id = self.sends("message", conversation, role, sender, text=text, **fields)
        self.consume()
        return event_id

    def happens(self, kind: str, role: str = "client", **fields: Any) -> str:
        """Another event arrives and is handled; returns its id."""
        conversation = fields.pop("conversation", "c-1")
        event_id = self.sends(kind, conversation, role, fields.pop("sender", None), **fields)
        self.consume()
        return event_id

    def sends(
        self, kind: str, conversation: str, role: str, sender: str | None, **fields: Any
    ) -> str:
        """Put an event into the stream without handling it."""
        event_id = fields.pop("event_id", None) or f"e-{next(self._events)}"
        at = fields.pop("at", self.clock.now())
        event = {
            "type": kind,
            "message_id" if kind == "message" else "event_id": event_id,
            "conversation_id": conversation,
            "sender_id": sender or {"client": "u-1", "listener": "l-1"}.get(role, f"{role}-1"),
            "role": role,
            "sent_at": at.isoformat(),
            **fields,
        }
        self.stream.append(conversation.encode(), orjson.dumps(event))
        return event_id

    def consume(self) -> None:
        """Handle whatever is waiting."""
        source = self.stream.source("jiezhu")
        try:
            step = ConsumerStep(self.parts, source, self.parts.dead_letters)
            while step():
                pass
        finally:
            source.close()

    def dispatch(self) -> None:
        """Let the dispatcher and the silence watch do what is due now."""
        self.parts.monitor.tick()
        dispatcher = self.dispatcher(self.parts)
        try:
            while dispatcher.run_once():
                pass
        finally:
            dispatcher.close()

    def dispatcher(self, parts: Parts, checkpoint: Checkpoint = nowhere) -> Dispatcher:
        """A dispatcher of these parts."""
        return Dispatcher(
            parts.desk, parts.notifiers, parts.roster, parts.climb, self.clock, checkpoint
        )

    def advance(self, seconds: float, step_s: float = 1.0) -> None:
        """Time passes in steps, and whatever falls due on the way is done."""
        end = self.clock.now() + timedelta(seconds=seconds)
        while self.clock.now() < end:
            left = (end - self.clock.now()).total_seconds()
            self.clock.advance(min(step_s, left))
            self.dispatch()

    def case(self, client: str = "u-1") -> Case | None:
        """The client's open case."""
        cases = [case for case in self.parts.casework.open_cases() if case.client_id == client]
        assert len(cases) <= 1
        return cases[0] if cases else None

    def cards(self, conversation: str = "c-1") -> list[Mapping[str, Any]]:
        """Everything in the conversation's feed."""
        entries = self.parts.feed.after(self._tenant(), self._conversation(conversation), 0)
        return [orjson.loads(entry.payload) for entry in entries]

    def _tenant(self) -> Any:
        return "default"

    def _conversation(self, name: str) -> Any:
        return name


@contextmanager
def quiet(world: World) -> Iterator[World]:
    """Leaving the block fails if a phone rang that nobody expected."""
    yield world
    rang = [(name, page.level.name) for name, page in world.phone.pages]
    assert not rang, f"unexpected pages: {rang}"


def crash_at(name: str, times: int = 1) -> Checkpoint:
    """A checkpoint that dies at the `times`-th visit to the seam `name`."""
    left = itertools.count(times, -1)

    def visit(seam: str) -> None:
        if seam == name and next(left) == 1:
            raise Crash(name)

    return visit


def sqlite_url(folder: Path) -> str:
    """A fresh SQLite database."""
    return f"sqlite:///{folder / f'{os.urandom(4).hex()}.db'}"


Make = Callable[..., World]
