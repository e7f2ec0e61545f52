"""Small things to put into a store, and ways to look at all of it."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Engine, func, make_url, select

from safety.app.settings import Settings
from safety.app.store.engine import transaction
from safety.app.store.tables import metadata
from safety.app.vault import Vault, parse_ring
from safety.app.wiring import Parts, build
from safety.core.cards import Card, CardPush
from safety.core.cases import Case
from safety.core.conversation import CaseUpdate, Conversation
from safety.core.events import EventType, Message
from safety.core.ports import Reading
from safety.core.types import (
    Assessment,
    ConversationId,
    EventId,
    Label,
    Level,
    PersonId,
    Role,
    TenantId,
    Turn,
)
from tests.fakes import NOON, DictionaryClassifier, FakeClock, FakePhone, Says

TENANT = TenantId("default")
SECRET = "海棠树下那句话只告诉你"
"""Words that must never be seen outside a sealed column."""

WORDS = {
    SECRET: Says({Label.ACTIVE_IDEATION: 0.95}),
    "不想活": Says({Label.ACTIVE_IDEATION: 0.95}),
    "很难受": Says({Label.PASSIVE_IDEATION: 0.9}),
    "推他一把": Says({Label.LISTENER_GOADING: 0.95}),
    "有点怕": Says({Label.SELF_INJURY_URGE: 0.9}),
}
IDS = itertools.count(1)
CALM = "今天下雨,路上有点堵"


def key_entry(key_id: str, letter: bytes = b"a") -> str:
    """One entry of a key ring."""
    return f"{key_id}:{base64.b64encode(letter * 32).decode()}"


RING = key_entry("k1")


def parts_on(url: str, ring: str = RING, clock: FakeClock | None = None, **settings: Any) -> Parts:
    """Everything over this database, on fake time, with ids that count."""
    return build(
        Settings(database_url=url, master_key=SecretStr(ring), **settings),
        clock=clock or FakeClock(),
        classifier=DictionaryClassifier(WORDS),
        notifiers={"console": FakePhone()},
        new_id=lambda: f"id{next(IDS):06d}",
    )


@contextmanager
def fresh(url: str, ring: str = RING, **more: Any) -> Iterator[Parts]:
    """Parts over this database, and no connection left behind."""
    parts = parts_on(url, ring, **more)
    try:
        yield parts
    finally:
        parts.store.engine.dispose()


def vault_of(ring: str) -> Vault:
    """The vault of these key ring entries."""
    keys, current = parse_ring(ring)
    return Vault(keys, current)


def message(
    event_id: str = "m-1",
    conversation: str = "c-1",
    text: str = CALM,
    at: datetime = NOON,
    tenant: TenantId = TENANT,
    role: Role = Role.CLIENT,
) -> Message:
    return Message(
        type=EventType.MESSAGE,
        event_id=EventId(event_id),
        tenant=tenant,
        conversation_id=ConversationId(conversation),
        sender_id=PersonId("u-1"),
        role=role,
        sent_at=at,
        text=text,
    )


def turn(event_id: str = "m-1", text: str = SECRET, at: datetime = NOON) -> Turn:
    return Turn(EventId(event_id), Role.CLIENT, text, at)


def talk(conversation: str = "c-1", **fields: Any) -> Conversation:
    return Conversation(tenant=TENANT, conversation_id=ConversationId(conversation), **fields)


def update(
    level: Level | None = Level.P1,
    client: str = "u-1",
    conversation: str = "c-1",
    turns: tuple[Turn, ...] = (),
    at: datetime = NOON,
    **fields: Any,
) -> CaseUpdate:
    return CaseUpdate(
        tenant=TENANT,
        conversation_id=ConversationId(conversation),
        client_id=PersonId(client),
        level=level,
        reasons=("p1.intent",),
        at=at,
        turns=turns,
        **fields,
    )


def reading(item: Message, level: Level | None = Level.P1) -> Reading:
    scores = {Label.ACTIVE_IDEATION: 0.95}
    return Reading(item, Assessment(item.event_id, scores), level, ("p1.intent",))


def push(seq: int, conversation: str = "c-1", at: datetime = NOON) -> CardPush:
    card = Card("c1", "steady", "1", "我在这里陪你", "先稳住", "不要追问")
    return CardPush(seq, TENANT, ConversationId(conversation), PersonId("l-1"), Level.P1, card, at)


def opened(parts: Parts, *updates: CaseUpdate) -> list[Case]:
    """Apply the updates; the open cases afterwards, most urgent first."""
    with parts.store.transaction() as tx:
        tx.update_cases(updates, parts.escalation)
    return parts.casework.open_cases()


def one(parts: Parts, level: Level = Level.P1, **more: Any) -> Case:
    """A fresh case at `level`."""
    (case,) = opened(parts, update(level, **more))
    return case


def counts(engine: Engine) -> Mapping[str, int]:
    """How many rows each table holds."""
    with transaction(engine) as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }


def whole_database(engine: Engine) -> bytes:
    """Every value of every column of every table, and for SQLite every byte of its files."""
    found = bytearray()
    with transaction(engine) as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                for value in row:
                    raw = bytes(value) if isinstance(value, (bytes, memoryview)) else None
                    found += raw if raw is not None else str(value).encode()
                    found += b"\n"
    url = make_url(engine.url)
    if url.get_backend_name() == "sqlite":
        assert url.database is not None
        place = Path(url.database)
        files = sorted(place.parent.glob(f"{place.name}*"))
        assert files, "the database is a file"
        for file in files:
            found += file.read_bytes()
    return bytes(found)


def until(done: Callable[[], bool], clock: Any, patience_s: float = 20.0) -> None:
    """Wait for something that another thread does."""
    deadline = clock.monotonic() + patience_s
    while not done():
        assert clock.monotonic() < deadline, "waited in vain"
        clock.sleep(0.02)
