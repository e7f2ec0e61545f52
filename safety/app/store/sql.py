"""`SqlStore`: the memory that survives a crash, one code for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import orjson
from sqlalchemy import Connection, Engine, select

from safety.app.store import memory
from safety.app.store.bulk import among, insert_new, upsert, upsert_versioned
from safety.app.store.cases import CaseWriter
from safety.app.store.engine import transaction
from safety.app.store.tables import cards, conversations, digest, markers, outbox, readings
from safety.app.vault import Vault
from safety.core.cards import CardPush
from safety.core.conversation import CaseUpdate, Conversation
from safety.core.errors import Conflict
from safety.core.events import Event
from safety.core.ports import Clock, ConversationKey, Escalation, EventKey, Reading, Recall
from safety.core.types import Level

CHUNK = 1_000


class SqlStore:
    """Implements the `Store` port.

    `new_id` gives fresh case and page ids. `publishes` says whether cards and case changes are
    also written to the outbox, for the out topics and webhooks.
    """

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        clock: Clock,
        new_id: Callable[[], str],
        publishes: bool = False,
        window_life: timedelta = timedelta(hours=24),
    ) -> None:
        self.engine = engine
        self.vault = vault
        self.clock = clock
        self.new_id = new_id
        self.publishes = publishes
        self.window_life = window_life

    def recall(
        self, events: Sequence[EventKey], conversations_: Sequence[ConversationKey]
    ) -> Recall:
        """See the port."""
        by_digest = {digest(*key): key for key in events}
        seen: set[EventKey] = set()
        known: dict[ConversationKey, Conversation] = {}
        with transaction(self.engine) as connection:
            for chunk in _chunks(list(by_digest)):
                query = select(markers.c.key).where(among(connection, markers.c.key, chunk))
                seen.update(by_digest[bytes(key)] for key in connection.scalars(query))
            for chunk in _chunks([digest(*key) for key in conversations_]):
                rows = connection.execute(
                    select(conversations).where(among(connection, conversations.c.key, chunk))
                )
                for row in rows:
                    conversation = memory.unseal(row, self.vault)
                    known[conversation.key] = conversation
        return Recall(frozenset(seen), known)

    @contextmanager
    def transaction(self) -> Iterator[SqlTransaction]:
        """See the port."""
        with transaction(self.engine) as connection:
            yield SqlTransaction(self, connection, self.clock.now())

    def conversation_rows(self, items: Sequence[Conversation]) -> list[dict[str, object]]:
        """Each conversation as its next row: sealed, one version on."""
        now = self.clock.now()
        sealed_on = f"{now:%Y-%m-%d}"
        rows = []
        for item in items:
            key = digest(*item.key)
            row: dict[str, object] = {
                "key": key,
                "tenant": item.tenant,
                "conversation_id": item.conversation_id,
                "version": item.version + 1,
                "silence_due_at": item.silence_due_at,
                "expires_at": now + self.window_life,
                "key_id": self.vault.current,
                "sealed_on": sealed_on,
                "memory": memory.seal(item, key, self.vault, sealed_on),
            }
            rows.append(row)
        return rows


class SqlTransaction:
    """Implements the `Transaction` port on one open connection."""

    def __init__(self, store: SqlStore, connection: Connection, now: datetime) -> None:
        self._store = store
        self._connection = connection
        self._now = now

    def remember(self, events: Sequence[tuple[Event, Level | None]]) -> None:
        """See the port."""
        rows = [
            {
                "key": digest(event.tenant, event.event_id),
                "tenant": event.tenant,
                "event_id": event.event_id,
                "level": level,
                "recorded_at": self._now,
            }
            for event, level in events
        ]
        if insert_new(self._connection, markers, rows) != len(rows):
            raise Conflict("an event of this batch was handled elsewhere")

    def save_conversations(self, conversations_: Sequence[Conversation]) -> None:
        """See the port."""
        rows = self._store.conversation_rows(conversations_)
        if upsert_versioned(self._connection, conversations, rows) != len(rows):
            raise Conflict("a conversation of this batch was changed elsewhere")

    def save_readings(self, items: Sequence[Reading]) -> None:
        """See the port."""
        rows = [
            {
                "key": digest(item.event.tenant, item.event.event_id),
                "tenant": item.event.tenant,
                "event_id": item.event.event_id,
                "conversation_id": item.event.conversation_id,
                "sent_at": item.event.sent_at,
                "recorded_at": self._now,
                "level": item.level,
                "reasons": " ".join(item.reasons),
                "scores": _json(item.assessment.scores),
                "evidence": _json(
                    [
                        (e.source, e.term, e.label, e.cue, e.start, e.end, e.strength)
                        for e in item.assessment.evidence
                    ]
                ),
                "versions": _json(dict(item.assessment.versions)),
                "degraded": item.assessment.degraded,
            }
            for item in items
        ]
        # a late message may have changed a reading of the same batch: the last one counts
        newest = {row["key"]: row for row in rows}
        upsert(self._connection, readings, list(newest.values()))

    def update_cases(self, updates: Sequence[CaseUpdate], escalation: Escalation) -> None:
        """See the port."""
        if updates:
            CaseWriter(self._store, self._connection, self._now, escalation).apply(updates)

    def push_cards(self, pushes: Sequence[CardPush]) -> None:
        """See the port."""
        rows = [
            {
                "conversation_key": digest(push.tenant, push.conversation_id),
                "seq": push.seq,
                "tenant": push.tenant,
                "conversation_id": push.conversation_id,
                "listener_id": push.listener_id,
                "level": push.level,
                "card": _json(card_payload(push)),
                "at": push.at,
                "recorded_at": self._now,
            }
            for push in pushes
        ]
        insert_new(self._connection, cards, rows)
        if self._store.publishes:
            self._publish_cards(pushes)

    def due_conversations(self, now: datetime, limit: int) -> list[Conversation]:
        """See the port."""
        query = (
            select(conversations)
            .where(conversations.c.silence_due_at <= now)
            .order_by(conversations.c.silence_due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        rows = self._connection.execute(query).all()
        return [memory.unseal(row, self._store.vault) for row in rows]

    def _publish_cards(self, pushes: Sequence[CardPush]) -> None:
        rows = [
            {
                "topic": "listener.cards",
                "key": push.conversation_id,
                "payload": _json(card_payload(push)),
                "recorded_at": self._now,
            }
            for push in pushes
        ]
        insert_new(self._connection, outbox, rows)


def card_payload(push: CardPush) -> dict[str, object]:
    """A card as the feed, the topic and the webhooks carry it."""
    return {
        "type": "card",
        "id": f"{push.conversation_id}:{push.seq}",
        "seq": push.seq,
        "tenant": push.tenant,
        "conversation_id": push.conversation_id,
        "listener_id": push.listener_id,
        "level": push.level.name,
        "card": push.card.id,
        "flow": push.card.flow,
        "version": push.card.version,
        "say": push.card.say,
        "why": push.card.why,
        "avoid": push.card.avoid,
        "at": push.at.isoformat(),
    }


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def _chunks(items: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]
