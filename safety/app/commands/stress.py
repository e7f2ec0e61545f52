"""`jiezhu stress`: a known load, its effects, and an exit code."""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import httpx
import orjson
from kafka import KafkaConsumer
from tqdm import tqdm

from safety.app.audit import Audit, audit, missing, percentile
from safety.app.commands.replay import HttpWire, KafkaWire, Wire, rounds_at_rate, send_all
from safety.app.load import load
from safety.app.migrate import migrate
from safety.app.player import Timed
from safety.app.settings import Settings, read_settings
from safety.app.store.engine import open_engine
from safety.app.wiring import kafka_settings, make_topics
from safety.core.clock import SystemClock
from safety.core.ports import Clock
from streams.kafka import KafkaPublisher

ASKED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a run must hold; a breach makes the exit code 1."""

    lost: int = 0
    duplicate_cases: int = 0
    duplicate_pages: float = 0.001
    card_p95_s: float | None = None
    card_p99_s: float | None = None
    page_p95_s: float | None = None
    per_second: float | None = None


@dataclass(slots=True)
class CardWatch:
    """Reads the out topic in a thread and notes how old each card of this run is on arrival."""

    settings: Settings
    run: str
    clock: Clock
    seconds: list[float] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    repeated: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _ready: threading.Event = field(default_factory=threading.Event)

    def start(self) -> threading.Thread:
        """Begin, and return once the topic's end is known."""
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        self._ready.wait(30)
        return thread

    def stop(self) -> None:
        """End at the next quiet moment."""
        self._stop.set()

    def _watch(self) -> None:
        consumer = KafkaConsumer(
            self.settings.kafka_cards_topic,
            **kafka_settings(self.settings).connection,
            group_id=None,
            auto_offset_reset="latest",
            enable_auto_commit=False,
        )
        consumer.poll(timeout_ms=1000)
        for place in consumer.assignment():
            consumer.position(place)
        self._ready.set()
        while not self._stop.is_set():
            for records in consumer.poll(timeout_ms=200).values():
                for record in records:
                    self._note(orjson.loads(record.value))
        consumer.close()

    def _note(self, card: dict[str, Any]) -> None:
        if not card["conversation_id"].startswith(self.run):
            return
        if card["id"] in self.ids:
            self.repeated += 1
            return
        self.ids.add(card["id"])
        age = self.clock.now() - datetime.fromisoformat(card["at"])
        self.seconds.append(age.total_seconds())


@click.command()
@click.option("--to", "target", type=click.Choice(["kafka", "http"]), default="kafka",
              show_default=True, help="How the load is sent.")  # fmt: skip
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="For --to http.")
@click.option("--token", envvar="JIEZHU_TOKEN", default="", help="Bearer token for --to http.")
@click.option("--conversations", type=int, default=1000, show_default=True)
@click.option("--turns", type=int, default=10, show_default=True, help="Messages of each.")
@click.option("--rate", type=float, default=500.0, show_default=True, help="Events a second.")
@click.option("--risk", type=float, default=0.01, show_default=True,
              help="Share of conversations in danger.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--ledger", type=click.Path(path_type=Path, exists=True),
              help="Send nothing; audit the events of this ledger of `jiezhu replay`.")  # fmt: skip
@click.option("--patience", type=float, default=60.0, show_default=True,
              help="Seconds to wait for the effects after the last event was sent.")  # fmt: skip
@click.option("--max-duplicate-pages", type=float, default=0.001, show_default=True,
              help="Share of all pages that may be repeats.")  # fmt: skip
@click.option("--card-p95", type=float, help="Fail above so many seconds from event to card.")
@click.option("--card-p99", type=float, help="Fail above so many seconds from event to card.")
@click.option("--page-p95", type=float, help="Fail above so many seconds from event to page (P0).")
@click.option("--min-rate", type=float, help="Fail below so many events a second.")
def stress(
    target: str,
    url: str,
    token: str,
    conversations: int,
    turns: int,
    rate: float,
    risk: float,
    seed: int,
    ledger: Path | None,
    patience: float,
    max_duplicate_pages: float,
    card_p95: float | None,
    card_p99: float | None,
    page_p95: float | None,
    min_rate: float | None,
) -> None:
    """Produce a known load, wait for its effects, and report.

    Reports lost events, duplicate cases and pages, p50/p95/p99 and throughput; the exit code is 1
    when a threshold is breached. Needs JIEZHU_DATABASE_URL to see the effects, and JIEZHU_KAFKA
    for --to kafka.
    """
    settings, clock = read_settings(), SystemClock()
    limits = Thresholds(
        duplicate_pages=max_duplicate_pages,
        card_p95_s=card_p95,
        card_p99_s=card_p99,
        page_p95_s=page_p95,
        per_second=min_rate,
    )
    engine = open_engine(settings.database)
    migrate(engine)
    watch: CardWatch | None = None
    if ledger is not None:
        ids = list(dict.fromkeys(ledger.read_text().split()))
    else:
        run = f"stress-{uuid.uuid4().hex[:8]}"
        if settings.kafka:
            make_topics(settings)
            watch = CardWatch(settings, run, clock)
            watch.start()
        events = list(load(run, conversations, turns, risk, seed))
        ids = [event["message_id"] for event in events]
        with httpx.Client(timeout=30.0) as client:
            wire: Wire = (
                KafkaWire(KafkaPublisher(kafka_settings(settings)), settings.kafka_topic)
                if target == "kafka"
                else HttpWire(url, client, token)
            )
            timed = (Timed(0.0, event) for event in events)
            send_all(rounds_at_rate(timed, rate), wire, clock)
    await_effects(ids, lambda some: missing(engine, some), clock, patience)
    if watch is not None:
        clock.sleep(2.0)
        watch.stop()
    result = audit(engine, ids)
    engine.dispose()
    breaches = report(result, watch, limits, click.echo)
    sys.exit(1 if breaches else 0)


def await_effects(
    ids: Sequence[str],
    still_missing: Callable[[Sequence[str]], list[str]],
    clock: Clock,
    patience_s: float,
) -> None:
    """Wait until nothing is missing, or until nothing has arrived for `patience_s` seconds."""
    left = still_missing(ids)
    with tqdm(total=len(left), unit=" events", disable=not sys.stderr.isatty()) as bar:
        last_progress = clock.monotonic()
        while left and clock.monotonic() - last_progress < patience_s:
            clock.sleep(1.0)
            # the newest come last: until they are there, the rest need not be asked for
            if still_missing(left[-1:]) and len(left) > ASKED_AT_ONCE:
                arrived = left[:ASKED_AT_ONCE]
                now_left = still_missing(arrived) + left[ASKED_AT_ONCE:]
            else:
                now_left = still_missing(left)
            if len(now_left) < len(left):
                last_progress = clock.monotonic()
                bar.update(len(left) - len(now_left))
            left = now_left


def report(
    result: Audit, watch: CardWatch | None, limits: Thresholds, say: Callable[[str], None]
) -> list[str]:
    """Print the figures, and return the thresholds that were breached."""
    share = result.duplicate_pages / result.pages if result.pages else 0.0
    cards = watch.seconds if watch is not None else []
    say(f"events sent        {result.sent}")
    say(f"events lost        {len(result.lost)}")
    say(f"cases              {result.cases}, duplicate {result.duplicate_cases}")
    say(
        f"pages              {result.pages}, repeated {result.duplicate_pages} ({share:.3%}),"
        f" unmarked {result.unmarked_pages}"
    )
    say(f"throughput         {result.per_second:.0f} events/s")
    rows: list[tuple[str, float, float | None, bool]] = [
        ("events lost", len(result.lost), limits.lost, True),
        ("duplicate cases", result.duplicate_cases, limits.duplicate_cases, True),
        ("share of repeated pages", share, limits.duplicate_pages, True),
        ("unmarked repeated pages", result.unmarked_pages, 0, True),
        ("events a second", result.per_second, limits.per_second, False),
    ]
    for name, values, p95, p99 in (
        ("event to card", cards, limits.card_p95_s, limits.card_p99_s),
        ("event to page (P0)", list(result.page_seconds), limits.page_p95_s, None),
    ):
        if values:
            p50s, p95s, p99s = (percentile(values, share) for share in (0.5, 0.95, 0.99))
            say(f"{name:18} p50 {p50s:.3f} s, p95 {p95s:.3f} s, p99 {p99s:.3f} s, n {len(values)}")
            rows += [(f"{name} p95", p95s, p95, True), (f"{name} p99", p99s, p99, True)]
        elif p95 is not None or p99 is not None:
            rows.append((f"{name}: nothing measured", 1, 0, True))
    breaches = [
        f"{name}: {value:g}, threshold {limit:g}"
        for name, value, limit, at_most in rows
        if limit is not None and (value > limit if at_most else value < limit)
    ]
    for breach in breaches:
        say(f"BREACHED  {breach}")
    return breaches
