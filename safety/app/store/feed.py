"""`CardFeed` and `Outbox`: what leaves for listeners and for the platform's own systems."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, func, select

from safety.app.store.engine import transaction
from safety.app.store.tables import cards, digest, outbox
from safety.core.types import ConversationId, TenantId


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One card of a conversation's feed; `payload` is JSON as the client receives it."""

    seq: int
    payload: str


@dataclass(frozen=True, slots=True)
class Letter:
    """Something on its way out: a JSON `payload` for `topic` under `key`."""

    id: int
    topic: str
    key: str
    payload: str


class CardFeed:
    """Each conversation's cards as a numbered log. Its numbers have no gaps and never come late:
    they are handed out under the conversation's own version guard."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def after(
        self, tenant: TenantId, conversation: ConversationId, seq: int, limit: int = 100
    ) -> list[FeedEntry]:
        """The cards numbered above `seq`, in order."""
        query = (
            select(cards.c.seq, cards.c.card)
            .where(cards.c.conversation_key == digest(tenant, conversation), cards.c.seq > seq)
            .order_by(cards.c.seq)
            .limit(limit)
        )
        with transaction(self._engine) as connection:
            return [FeedEntry(row.seq, row.card) for row in connection.execute(query)]

    def newest_since(self, moment: datetime) -> dict[tuple[TenantId, ConversationId], int]:
        """The conversations that got a card since `moment`, each with its highest number."""
        query = (
            select(cards.c.tenant, cards.c.conversation_id, func.max(cards.c.seq))
            .where(cards.c.recorded_at >= moment)
            .group_by(cards.c.tenant, cards.c.conversation_id)
        )
        with transaction(self._engine) as connection:
            return {
                (TenantId(tenant), ConversationId(conversation)): seq
                for tenant, conversation, seq in connection.execute(query)
            }


class Outbox:
    """Letters written with the effects they tell of, and deleted once they have left."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = threading.Lock()

    def relay(self, limit: int, publish: Callable[[Sequence[Letter]], None]) -> int:
        """Hand up to `limit` letters to `publish`, oldest first, and forget them when it returns.

        Several relays share the work. When `publish` raises, or the process dies, the letters
        stay and leave again: at least once, each with an id of its own.
        """
        if self._engine.dialect.name == "sqlite":
            return self._relay_in_turn(limit, publish)
        with transaction(self._engine) as connection:
            letters = _oldest(connection, limit)
            if letters:
                publish(letters)
                _forget(connection, letters)
        return len(letters)

    def _relay_in_turn(self, limit: int, publish: Callable[[Sequence[Letter]], None]) -> int:
        """SQLite has one write lock for everybody: it is not held while a receiver thinks. There
        is one process, so its relays take turns here instead of locking rows."""
        with self._turn:
            with transaction(self._engine) as connection:
                letters = _oldest(connection, limit)
            if letters:
                publish(letters)
                with transaction(self._engine) as connection:
                    _forget(connection, letters)
        return len(letters)


def _oldest(connection: Connection, limit: int) -> list[Letter]:
    query = select(outbox).order_by(outbox.c.id).limit(limit).with_for_update(skip_locked=True)
    return [Letter(row.id, row.topic, row.key, row.payload) for row in connection.execute(query)]


def _forget(connection: Connection, letters: Sequence[Letter]) -> None:
    gone = [letter.id for letter in letters]
    connection.execute(delete(outbox).where(outbox.c.id.in_(gone)))
