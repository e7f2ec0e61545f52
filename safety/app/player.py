"""Plays conversations as a platform would send them: from files, or the built-in samples."""

from __future__ import annotations

import io
import lzma
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import IO, Any

import orjson

from safety.app.intake import Intake
from safety.core.errors import InvalidRequest, UnreadableRecord
from safety.core.ports import Clock
from streams.codec import decode_object

TURN_S = 8.0
"""Seconds between two turns of a dialogue that carries no times of its own."""

SAMPLES = "conversations.jsonl"


@dataclass(frozen=True, slots=True)
class Timed:
    """An event as JSON, and how many seconds after the first event of its file it happened."""

    at_s: float
    event: dict[str, Any]


def open_lines(path: Path | None, standard_input: IO[bytes]) -> IO[bytes]:
    """A file of JSON Lines, plain or `.xz`; None reads the standard input."""
    if path is None:
        return standard_input
    if path.suffix == ".xz":
        return io.BufferedReader(lzma.open(path))
    return path.open("rb")


def events_of(lines: Iterable[bytes], limit: int | None = None) -> Iterator[Timed]:
    """The events of a file, in order.

    A line is an event of `docs/events.md`, or a dialogue {"id": …, "turns": [{"role": …,
    "text": …}]}, whose turns become messages. Dialogues stay whole; `limit` counts lines.
    Raises InvalidRequest with the line's number.
    """
    first: datetime | None = None
    for number, line in enumerate(lines, start=1):
        if limit is not None and number > limit:
            return
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise InvalidRequest(f"line {number}: not JSON") from None
        if isinstance(row, dict) and isinstance(row.get("turns"), list):
            yield from _dialogue(row, number)
            continue
        try:
            at = decode_object(row).event.sent_at
        except UnreadableRecord as error:
            raise InvalidRequest(f"line {number}: {error}") from None
        first = first or at
        yield Timed((at - first).total_seconds(), row)


def _dialogue(row: dict[str, Any], number: int) -> Iterator[Timed]:
    name = str(row.get("id") or number)
    for index, turn in enumerate(row["turns"]):
        if not isinstance(turn, dict) or not isinstance(turn.get("text"), str):
            raise InvalidRequest(f"line {number}: turn {index} has no text")
        role = turn.get("role", "client")
        event = {
            "type": "message",
            "message_id": f"{name}-{index}",
            "conversation_id": f"d-{name}",
            "sender_id": f"{role}-{name}",
            "role": role,
            "text": turn["text"],
        }
        yield Timed(index * TURN_S, event)


def stamped(event: dict[str, Any], at: datetime) -> dict[str, Any]:
    """The same event, happening at `at`."""
    return {**event, "sent_at": at.isoformat()}


def play_samples(intake: Intake, clock: Clock, speed: float = 8.0) -> None:
    """Send the built-in conversations, `speed` times as fast as they happened."""
    text = resources.files("safety.app").joinpath("samples", SAMPLES).read_bytes()
    run = f"{clock.now():%H%M%S}"
    began = clock.monotonic()
    for item in sorted(events_of(text.splitlines()), key=lambda timed: timed.at_s):
        clock.sleep(began + item.at_s / speed - clock.monotonic())
        event = stamped(_renamed(item.event, run), clock.now())
        intake.accept([decode_object(event).event])


def _renamed(event: dict[str, Any], run: str) -> dict[str, Any]:
    """A later demonstration on the same database tells new stories, not repeats."""
    named = {"message_id", "event_id", "conversation_id", "client_id"}
    if event["role"] == "client":
        named |= {"sender_id"}
    return {name: f"{value}-{run}" if name in named else value for name, value in event.items()}
