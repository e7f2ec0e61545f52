"""`jiezhu scan`: events in, assessments out, offline."""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import click
import orjson

from grounding_scripts import CardLibrary
from safety.app.player import open_lines
from safety.app.settings import read_settings
from safety.app.wiring import open_classifier
from safety.core.conversation import Conversation
from safety.core.errors import UnreadableRecord
from safety.core.events import Event, Message
from safety.core.ports import ConversationKey, EventKey
from safety.core.reader import Reader, Told
from safety.core.rules import TriageRules
from safety.core.types import Assessment, Label
from streams.codec import decode

CHUNK = 65_536
LINE_LIMIT = 16_777_216
"""Bytes of the longest line that may be an event: a text of the greatest length, all escaped."""

CONVERSATIONS_KEPT = 200_000
EVENTS_KEPT = 500_000


class Scanner:
    """Reads events as the live monitor does, on memory of its own that is bounded: of more
    conversations or events than it keeps, those that were quiet longest are forgotten."""

    def __init__(
        self,
        reader: Reader,
        conversations: int = CONVERSATIONS_KEPT,
        events: int = EVENTS_KEPT,
    ) -> None:
        self._reader = reader
        self._conversations = conversations
        self._events = events
        self._known: OrderedDict[ConversationKey, Conversation] = OrderedDict()
        self._seen: OrderedDict[EventKey, bytes] = OrderedDict()

    def scan(self, events: Sequence[Event]) -> Iterator[bytes]:
        """One line of JSON for each message, in order; a repeated one gets the same line again."""
        keys = [(event.tenant, event.event_id) for event in events]
        first = {key: index for index, key in reversed(list(enumerate(keys)))}
        fresh = [
            event
            for index, (key, event) in enumerate(zip(keys, events, strict=True))
            if first[key] == index and key not in self._seen
        ]
        effects = self._reader.read(fresh, self._known)
        for place, conversation in effects.conversations.items():
            self._known[place] = conversation
            self._known.move_to_end(place)
        for told in effects.told:
            line = orjson.dumps(line_of(told)) if isinstance(told.event, Message) else b""
            self._seen[told.event.tenant, told.event.event_id] = line
        for key in keys:
            if self._seen[key]:
                yield self._seen[key]
        self._forget()

    def _forget(self) -> None:
        while len(self._known) > self._conversations:
            self._known.popitem(last=False)
        while len(self._seen) > self._events:
            self._seen.popitem(last=False)


def line_of(told: Told) -> dict[str, Any]:
    """What `jiezhu scan` prints of one message (contract, section 4)."""
    assessment = told.assessment or Assessment(told.event.event_id)
    return {
        "message_id": told.event.event_id,
        "conversation_id": told.event.conversation_id,
        "level": None if told.level is None else told.level.name,
        "case_level": None if told.standing is None else told.standing.name,
        "scores": _all_scores(assessment.scores),
        "evidence": [
            {"source": item.source, "label": item.label, "start": item.start, "end": item.end}
            for item in assessment.evidence
            if item.label is not None
        ],
        "card": None if told.card is None else told.card.id,
        "degraded": assessment.degraded,
    }


def _all_scores(scores: Mapping[Label, float]) -> dict[str, float]:
    return {label.value: round(scores.get(label, 0.0), 4) for label in Label}


@click.command()
@click.argument("file", required=False, default="-")
def scan(file: str) -> None:
    """Assess a log of events, offline: nothing is stored and no page is sent.

    FILE holds one event a line (JSON, may be .xz); without it, or with -, the standard input is
    read. One line of JSON is printed for each message. Lines that are no events are named on the
    standard error, and the exit code is then 1.
    """
    path = None if file == "-" else Path(file)
    if path is not None and not path.is_file():
        raise click.UsageError(f"there is no file {file}")
    settings = read_settings()
    reader = Reader(
        open_classifier(settings),
        CardLibrary.load(settings.cards_dir).pick,
        TriageRules(timezone=settings.timezone),
    )
    with open_lines(path, sys.stdin.buffer) as lines:
        unreadable = run(Scanner(reader), lines, sys.stdout.buffer)
    sys.exit(1 if unreadable else 0)


def run(scanner: Scanner, lines: IO[bytes], out: IO[bytes]) -> int:
    """Scan everything; returns how many lines were no events. Answers as soon as lines come."""
    unreadable = 0
    number = 0
    try:
        for batch in _batches(lines):
            events: list[Event] = []
            for line in batch:
                number += 1
                if not line.strip():
                    continue
                try:
                    events.append(decode(line).event)
                except UnreadableRecord as error:
                    unreadable += 1
                    click.echo(f"line {number}: {error}", err=True)
            out.writelines(line + b"\n" for line in scanner.scan(events))
            out.flush()
    except BrokenPipeError:
        # the reader of our output left; what it wanted, it has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return unreadable


def _batches(lines: IO[bytes]) -> Iterator[list[bytes]]:
    """Whole lines as they become available, many at a time when many are there. Of a line that
    does not end, so much is kept that it is seen to be no event."""
    read: Any = getattr(lines, "read1", lines.read)
    rest = bytearray()
    while chunk := read(CHUNK):
        first, *more = chunk.split(b"\n")
        if len(rest) <= LINE_LIMIT:
            rest += first
        if more:
            yield [bytes(rest), *more[:-1]]
            rest = bytearray(more[-1])
    if rest:
        yield [bytes(rest)]
