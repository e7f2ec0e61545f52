"""The tables. One definition serves SQLite and PostgreSQL; migrations are made from it.

Only four columns ever hold a person's words, all sealed: `conversations.memory`,
`evidence.sealed`, `verdicts.sealed` and `dead_letters.sealed`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
)


def in_utc(value: datetime | None) -> datetime | None:
    """The same moment in UTC. Raises ValueError for a naive time."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a naive time reached the store")
    return value.astimezone(UTC)


class Moment(TypeDecorator[datetime]):
    """Aware UTC everywhere: SQLite would hand back naive times."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times, keep the rest in UTC."""
        return in_utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BigId = BigInteger().with_variant(Integer(), "sqlite")


@lru_cache(maxsize=16_384)
def digest(*parts: str) -> bytes:
    """Sixteen bytes that stand for a (tenant, id): fixed width keeps the busiest indexes small.

    Remembered for a while, because a batch asks for each of its ids several times.
    """
    sealed = blake2b(digest_size=16)
    for part in parts:
        raw = part.encode()
        sealed.update(len(raw).to_bytes(4, "big"))
        sealed.update(raw)
    return sealed.digest()


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

markers = Table(
    "markers",
    metadata,
    Column("key", LargeBinary(16), primary_key=True),
    Column("tenant", String, nullable=False),
    Column("event_id", String, nullable=False),
    Column("level", SmallInteger),
    Column("recorded_at", Moment, nullable=False),
    Index("ix_markers_recorded_at", "recorded_at", postgresql_using="brin"),
)

conversations = Table(
    "conversations",
    metadata,
    Column("key", LargeBinary(16), primary_key=True),
    Column("tenant", String, nullable=False),
    Column("conversation_id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("silence_due_at", Moment),
    Column("expires_at", Moment, nullable=False),
    Column("key_id", String, nullable=False),
    Column("sealed_on", String, nullable=False),
    Column("memory", LargeBinary, nullable=False),
    Index(
        "ix_conversations_silence",
        "silence_due_at",
        postgresql_where=text("silence_due_at IS NOT NULL"),
        sqlite_where=text("silence_due_at IS NOT NULL"),
    ),
    # rewritten with every message: room on the page keeps the rewrite there
    postgresql_with={"fillfactor": 60},
)

readings = Table(
    "readings",
    metadata,
    Column("key", LargeBinary(16), primary_key=True),
    Column("tenant", String, nullable=False),
    Column("event_id", String, nullable=False),
    Column("conversation_id", String, nullable=False),
    Column("sent_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("level", SmallInteger),
    Column("reasons", Text, nullable=False),
    Column("scores", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("versions", Text, nullable=False),
    Column("degraded", Boolean, nullable=False),
)

cases = Table(
    "cases",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("client_id", String, nullable=False),
    Column("conversation_id", String, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("status", String, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("acknowledged_at", Moment),
    Column("closed_at", Moment),
    Column("owner", String),
    Column("reason", String),
    Column("policy", Text, nullable=False),
    Column("ladder_level", SmallInteger, nullable=False),
    Column("ladder_started_at", Moment, nullable=False),
    Column("ladder_step", Integer, nullable=False),
    Column("ladder_paged", Text, nullable=False),
    Column("due_at", Moment),
    Column("version", Integer, nullable=False),
    Column("key_id", String, nullable=False),
    Column("case_key", LargeBinary),
    Index(
        "uq_cases_open",
        "tenant",
        "client_id",
        unique=True,
        postgresql_where=text("status <> 'closed'"),
        sqlite_where=text("status <> 'closed'"),
    ),
    Index(
        "ix_cases_due",
        "due_at",
        postgresql_where=text("due_at IS NOT NULL"),
        sqlite_where=text("due_at IS NOT NULL"),
    ),
)

evidence = Table(
    "evidence",
    metadata,
    Column("case_id", String, primary_key=True),
    Column("key", LargeBinary(16), primary_key=True),
    Column("conversation_id", String, nullable=False),
    Column("event_id", String, nullable=False),
    Column("role", String, nullable=False),
    Column("sent_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("place", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

case_conversations = Table(
    "case_conversations",
    metadata,
    Column("case_id", String, primary_key=True),
    Column("conversation_id", String, primary_key=True),
)

timeline = Table(
    "timeline",
    metadata,
    Column("id", BigId, Identity(), primary_key=True),
    Column("case_id", String, nullable=False, index=True),
    Column("at", Moment, nullable=False),
    Column("kind", String, nullable=False),
    Column("who", String),
    Column("detail", String),
)

pages = Table(
    "pages",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("case_id", String, nullable=False, index=True),
    Column("person_id", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("step", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("is_repeat", Boolean, nullable=False),
    Column("due_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("settled_at", Moment),
    Column("reference", String),
    Column("error", String),
    Index(
        "ix_pages_due",
        "due_at",
        postgresql_where=text("due_at IS NOT NULL"),
        sqlite_where=text("due_at IS NOT NULL"),
    ),
)

cards = Table(
    "cards",
    metadata,
    Column("conversation_key", LargeBinary(16), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("conversation_id", String, nullable=False),
    Column("listener_id", String, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("card", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False, index=True),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("id", BigId, Identity(), primary_key=True),
    Column("key", LargeBinary(16), nullable=False),
    Column("tenant", String, nullable=False),
    Column("case_id", String, nullable=False, index=True),
    Column("client_id", String, nullable=False),
    Column("conversation_id", String, nullable=False),
    Column("event_id", String, nullable=False),
    Column("person_id", String, nullable=False),
    Column("at", Moment, nullable=False, index=True),
    Column("verdict", String, nullable=False),
    Column("term", String),
    Column("labels", Text, nullable=False),
    Column("consent", String, nullable=False),
    Column("level", SmallInteger),
    Column("fired", Text, nullable=False),
    Column("versions", Text, nullable=False),
    Column("sealed", LargeBinary),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigId, Identity(), primary_key=True),
    Column("topic", String, nullable=False),
    Column("key", String, nullable=False),
    Column("payload", Text, nullable=False),
    Column("recorded_at", Moment, nullable=False),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("topic", String, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("reason", String, nullable=False),
    Column("field", String),
    Column("recorded_at", Moment, nullable=False),
    Column("key_id", String, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("process", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("lag", BigInteger, nullable=False),
    Column("oldest_s", Float, nullable=False),
    Column("degraded", Boolean, nullable=False, server_default=false()),
)
