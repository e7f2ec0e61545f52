"""`jiezhu replay`: sends events as a platform would."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Protocol

import click
import httpx
import orjson
from tqdm import tqdm

from safety.app.player import Timed, events_of, open_lines, stamped
from safety.app.settings import read_settings
from safety.app.wiring import kafka_settings, make_topics
from safety.core.clock import SystemClock
from safety.core.errors import InvalidRequest, Misconfigured, SourceUnavailable, Unavailable
from safety.core.ports import Clock
from streams.kafka import KafkaPublisher

ROUND_S = 0.05
POSITIVE = click.FloatRange(min=0, min_open=True)
RETRIES_S = (0.2, 0.5, 1.0, 2.0, 2.0, 5.0, 5.0, 5.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0)


REFUSED = frozenset({400, 401, 403, 404, 405, 413, 422})


class Wire(Protocol):
    """A way to the platform's monitor."""

    def send(self, events: Sequence[dict[str, Any]]) -> None:
        """Returns once none of them can be lost. Raises Unavailable, or InvalidRequest when it is
        the events that are wrong."""


class KafkaWire:
    """Straight to the topic, keyed by conversation."""

    def __init__(self, publisher: KafkaPublisher, topic: str) -> None:
        self._publisher = publisher
        self._topic = topic

    def send(self, events: Sequence[dict[str, Any]]) -> None:
        """See the port."""
        for event in events:
            self._publisher.publish(
                self._topic, event["conversation_id"].encode(), orjson.dumps(event)
            )
        self._publisher.flush()


class HttpWire:
    """Through `POST /v1/events`."""

    def __init__(self, url: str, client: httpx.Client, token: str = "") -> None:
        self._url = url.rstrip("/") + "/v1/events"
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def send(self, events: Sequence[dict[str, Any]]) -> None:
        """See the port."""
        try:
            for start in range(0, len(events), 500):
                answer = self._client.post(
                    self._url,
                    content=orjson.dumps(events[start : start + 500]),
                    headers=self._headers,
                )
                if answer.status_code in REFUSED:
                    raise InvalidRequest(
                        f"the API answered {answer.status_code}: sending again would not help"
                    )
                if answer.status_code != 200:
                    raise SourceUnavailable(f"the API answered {answer.status_code}")
        except httpx.HTTPError as error:
            raise SourceUnavailable(f"the API: {type(error).__name__}") from None


@click.command()
@click.argument("file", default="-")
@click.option("--to", "target", type=click.Choice(["kafka", "http"]), required=True)
@click.option("--rate", type=POSITIVE, help="Events a second, however fast they happened.")
@click.option("--speed", type=POSITIVE, help="Times as fast as they happened. [default: 1]")
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="For --to http.")
@click.option("--token", envvar="JIEZHU_TOKEN", default="", help="Bearer token for --to http.")
@click.option("--limit", type=int, help="Read at most so many lines.")
@click.option(
    "--interleave",
    type=int,
    default=200,
    show_default=True,
    help="With --rate: so many dialogues at a time.",
)
@click.option(
    "--ledger",
    type=click.Path(path_type=Path),
    help="Write the id of every event that was sent, for `jiezhu stress --ledger`.",
)
def replay(
    file: str,
    target: str,
    rate: float | None,
    speed: float | None,
    url: str,
    token: str,
    limit: int | None,
    interleave: int,
    ledger: Path | None,
) -> None:
    """Send the events of FILE as a platform would, with `sent_at` set to the moment of sending.

    FILE holds events or dialogues, one a line (JSON, may be .xz); - reads the standard input.
    A sending that fails is repeated until it succeeds, as a careful platform does.
    """
    if rate is not None and speed is not None:
        raise click.UsageError("--rate and --speed exclude each other")
    if file != "-" and not Path(file).is_file():
        raise click.UsageError(f"there is no file {file}")
    settings = read_settings()
    if target == "kafka" and settings.embedded:
        raise Misconfigured("--to kafka needs JIEZHU_KAFKA, the brokers' addresses")
    clock = SystemClock()
    with ExitStack() as stack:
        lines = stack.enter_context(
            open_lines(None if file == "-" else Path(file), sys.stdin.buffer)
        )
        wire: Wire
        if target == "kafka":
            make_topics(settings)
            wire = KafkaWire(KafkaPublisher(kafka_settings(settings)), settings.kafka_topic)
        else:
            wire = HttpWire(url, stack.enter_context(httpx.Client(timeout=30.0)), token)
        book = None if ledger is None else stack.enter_context(ledger.open("a"))
        timed = events_of(lines, limit)
        rounds = (
            rounds_at_rate(_interleaved(timed, interleave), rate)
            if rate is not None
            else rounds_at_speed(timed, speed or 1.0)
        )
        sent = send_all(rounds, wire, clock, book)
    click.echo(f"sent {sent} events")


def send_all(
    rounds: Iterator[tuple[float, list[dict[str, Any]]]],
    wire: Wire,
    clock: Clock,
    ledger: IO[str] | None = None,
) -> int:
    """Send each round when it is due (seconds after the start); returns how many events."""
    began, sent = clock.monotonic(), 0
    with tqdm(unit=" events", disable=not sys.stderr.isatty()) as bar:
        for due_s, events in rounds:
            clock.sleep(began + due_s - clock.monotonic())
            now = clock.now()
            ready = [stamped(event, now) for event in events]
            _send(wire, ready, clock)
            if ledger is not None:
                ledger.writelines(f"{_id_of(event)}\n" for event in ready)
                ledger.flush()
            sent += len(ready)
            bar.update(len(ready))
    return sent


def _send(wire: Wire, events: Sequence[dict[str, Any]], clock: Clock) -> None:
    for pause_s in RETRIES_S:
        try:
            wire.send(events)
        except Unavailable:
            clock.sleep(pause_s)
        else:
            return
    wire.send(events)


def _id_of(event: dict[str, Any]) -> str:
    return str(event.get("message_id") or event.get("event_id"))


def rounds_at_rate(
    timed: Iterator[Timed], rate: float
) -> Iterator[tuple[float, list[dict[str, Any]]]]:
    """So many events a second, whatever their own times."""
    size = max(1, round(rate * ROUND_S))
    for number in itertools.count():
        events = [item.event for item in itertools.islice(timed, size)]
        if not events:
            return
        yield number * size / rate, events


def rounds_at_speed(
    timed: Iterator[Timed], speed: float
) -> Iterator[tuple[float, list[dict[str, Any]]]]:
    """At their own pace, `speed` times as fast; what falls into one round is sent together."""
    for due_s, group in itertools.groupby(
        sorted(timed, key=lambda item: item.at_s), lambda item: item.at_s / speed // ROUND_S
    ):
        yield due_s * ROUND_S, [item.event for item in group]


def _interleaved(timed: Iterator[Timed], width: int) -> Iterator[Timed]:
    """`width` conversations at a time, one event of each in turn, as on a busy night."""
    by_conversation = itertools.groupby(timed, lambda item: item.event["conversation_id"])
    talks = (iter(list(items)) for _, items in by_conversation)
    live = list(itertools.islice(talks, max(1, width)))
    while live:
        still: list[Iterator[Timed]] = []
        for talk in live:
            item = next(talk, None)
            if item is not None:
                yield item
                still.append(talk)
            elif (fresh := next(talks, None)) is not None:
                still.append(fresh)
        live = still
