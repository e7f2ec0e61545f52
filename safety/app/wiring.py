"""The only place that chooses implementations."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial

import httpx
from sqlalchemy import Engine

from classifiers import load_classifier
from classifiers.loader import load_glossary
from escalation import (
    DEFAULT_POLICY_PATH,
    DEMO_ROSTER_PATH,
    ConsoleNotifier,
    Roster,
    WebhookNotifier,
    advance,
    after_acknowledge,
    after_undeliverable,
    load_policy,
    load_roster,
    start,
)
from grounding_scripts import CardLibrary
from safety.app.metrics import Metrics
from safety.app.migrate import migrate
from safety.app.settings import Settings
from safety.app.store.casework import Casework
from safety.app.store.engine import open_engine
from safety.app.store.feed import CardFeed, Outbox
from safety.app.store.pages import SqlPageDesk
from safety.app.store.sql import SqlStore
from safety.app.store.upkeep import Heartbeats, SqlDeadLetters
from safety.app.store.verdicts import Verdicts
from safety.app.vault import Vault, parse_ring, ring_from_file
from safety.core.cases import Climb, EscalationPolicy, Ladder
from safety.core.clock import SystemClock
from safety.core.errors import Misconfigured
from safety.core.monitor import Monitor
from safety.core.ports import Checkpoint, Classifier, Clock, Notifier, nowhere
from safety.core.reader import Reader
from safety.core.rules import TriageRules
from safety.core.types import Level
from streams.kafka import KafkaSettings, ensure_topics


@dataclass(frozen=True, slots=True)
class RosterEscalation:
    """Implements the `Escalation` port over today's policy and roster."""

    policy: EscalationPolicy
    roster: Roster
    channels: frozenset[str]

    def start(
        self, policy: EscalationPolicy, level: Level, now: datetime, before: Ladder | None
    ) -> Climb:
        """See the port."""
        return start(policy, self.roster, self.channels, level, now, before)


@dataclass(frozen=True)
class Parts:
    """Everything a process is made of, built once."""

    settings: Settings
    clock: Clock
    metrics: Metrics
    classifier: Classifier
    library: CardLibrary
    roster: Roster
    notifiers: Mapping[str, Notifier]
    escalation: RosterEscalation
    reader: Reader
    store: SqlStore
    monitor: Monitor
    casework: Casework
    verdicts: Verdicts
    feed: CardFeed
    outbox: Outbox
    desk: SqlPageDesk
    heartbeats: Heartbeats
    dead_letters: SqlDeadLetters
    process: str

    @property
    def climb(self) -> Callable[..., Climb]:
        """Climbs what is due, over today's roster."""
        return partial(advance, self.roster, self.escalation.channels)

    @cached_property
    def term_classes(self) -> Mapping[str, str]:
        """The class of each row of the glossary, read when it is first asked for."""
        return term_classes(self.settings)


def build(
    settings: Settings,
    clock: Clock | None = None,
    classifier: Classifier | None = None,
    notifiers: Mapping[str, Notifier] | None = None,
    checkpoint: Checkpoint = nowhere,
    randomness: Callable[[int], bytes] = os.urandom,
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
) -> Parts:
    """All parts over these settings; what is not given is what production uses.

    Brings the database to the newest schema. Raises Misconfigured with a plain sentence.
    """
    clock = clock or SystemClock()
    vault = open_vault(settings, randomness)
    roster = load_roster(settings.roster_file or DEMO_ROSTER_PATH)
    policy = load_policy(settings.policy_file or DEFAULT_POLICY_PATH)
    notifiers = notifiers if notifiers is not None else open_notifiers(settings, clock)
    escalation = RosterEscalation(policy, roster, frozenset(notifiers))
    classifier = classifier or open_classifier(settings)
    library = CardLibrary.load(settings.cards_dir)
    rules = TriageRules(timezone=settings.timezone)
    reader = Reader(classifier, library.pick, rules, checkpoint)
    engine = open_database(settings)
    publishes = bool(settings.kafka or settings.feed_webhook_url)
    store = SqlStore(engine, vault, clock, new_id, publishes=publishes)
    return Parts(
        settings=settings,
        clock=clock,
        metrics=Metrics(),
        classifier=classifier,
        library=library,
        roster=roster,
        notifiers=notifiers,
        escalation=escalation,
        reader=reader,
        store=store,
        monitor=Monitor(store, reader, escalation, clock, checkpoint),
        casework=Casework(store, after_acknowledge),
        verdicts=Verdicts(store),
        feed=CardFeed(engine),
        outbox=Outbox(engine),
        desk=SqlPageDesk(engine, new_id, after_undeliverable),
        heartbeats=Heartbeats(engine),
        dead_letters=SqlDeadLetters(engine, vault, clock),
        process=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}",
    )


def open_classifier(settings: Settings) -> Classifier:
    """What reads the messages of this deployment."""
    return load_classifier(settings.model, settings.glossary_dir, settings.model_threads)


def term_classes(settings: Settings) -> Mapping[str, str]:
    """The class of each row of the glossary, by its id. Raises Misconfigured."""
    return {row.id: row.kind for row in load_glossary(settings.glossary_dir).entries}


def open_vault(settings: Settings, randomness: Callable[[int], bytes] = os.urandom) -> Vault:
    """The vault over the configured master keys; the embedded mode makes itself a key file."""
    if settings.master_key is not None:
        ring, current = parse_ring(settings.master_key.get_secret_value())
    else:
        if settings.kafka and settings.master_key_file is None:
            raise Misconfigured(
                "several machines must share one master key: set JIEZHU_MASTER_KEY or"
                " JIEZHU_MASTER_KEY_FILE (id:key, the key 32 random bytes in base64)"
            )
        path = settings.master_key_file or settings.data_dir / "master.key"
        if settings.master_key_file is not None and not path.is_file():
            # a fresh key in its place would open nothing that was ever sealed
            raise Misconfigured(f"JIEZHU_MASTER_KEY_FILE: there is no file {path}")
        ring, current = ring_from_file(path, randomness)
    return Vault(ring, current, randomness)


def open_notifiers(settings: Settings, clock: Clock) -> dict[str, Notifier]:
    """One notifier for each channel that is configured; the console always is."""
    notifiers: dict[str, Notifier] = {"console": ConsoleNotifier(sys.stdout)}
    if settings.webhook_secrets:
        notifiers["webhook"] = WebhookNotifier(
            httpx.Client(follow_redirects=False), clock, webhook_secrets(settings)
        )
    return notifiers


def webhook_secrets(settings: Settings) -> Sequence[bytes]:
    """The secrets that sign what leaves by webhook; the first is the newest."""
    return [secret.get_secret_value().encode() for secret in settings.webhook_secrets]


def kafka_settings(settings: Settings, topic: str | None = None) -> KafkaSettings:
    """Where Kafka is and who this process is there."""
    return KafkaSettings(
        bootstrap_servers=settings.kafka,
        topic=topic or settings.kafka_topic,
        group_id=settings.kafka_group,
        instance_id=settings.kafka_instance or None,
        extra=settings.kafka_options,
    )


def topics_of(settings: Settings) -> dict[str, int]:
    """Every topic this project reads or writes, with its partitions when it must be created."""
    return {
        settings.kafka_topic: settings.kafka_partitions,
        settings.kafka_dead_topic: 1,
        settings.kafka_cards_topic: settings.kafka_partitions,
        settings.kafka_cases_topic: settings.kafka_partitions,
    }


def make_topics(settings: Settings) -> None:
    """Create the topics that are missing. Raises SourceUnavailable."""
    ensure_topics(kafka_settings(settings), topics_of(settings))


def open_database(settings: Settings) -> Engine:
    """The database at the newest schema; nothing of it stays open when it cannot be had."""
    if not settings.database_url:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = open_engine(settings.database)
    with ExitStack() as undo:
        undo.callback(engine.dispose)
        migrate(engine)
        undo.pop_all()
    return engine
