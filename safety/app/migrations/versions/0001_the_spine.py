"""The spine: markers, memory, readings, cases, pages, cards, and what keeps them going."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = (
    "markers",
    "conversations",
    "readings",
    "cases",
    "evidence",
    "case_conversations",
    "timeline",
    "pages",
    "cards",
    "outbox",
    "dead_letters",
    "heartbeats",
)


def upgrade() -> None:
    """Make every table."""
    _events()
    _cases()
    _evidence()
    _pages()
    _feeds()
    _upkeep()


def downgrade() -> None:
    """Drop every table."""
    for name in reversed(TABLES):
        op.drop_table(name)


def _events() -> None:
    op.create_table(
        "markers",
        sa.Column("key", sa.LargeBinary(16), primary_key=True),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("level", sa.SmallInteger()),
        sa.Column("recorded_at", MOMENT, nullable=False),
    )
    op.create_index("ix_markers_recorded_at", "markers", ["recorded_at"], postgresql_using="brin")
    op.create_table(
        "conversations",
        sa.Column("key", sa.LargeBinary(16), primary_key=True),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("silence_due_at", MOMENT),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("sealed_on", sa.String(), nullable=False),
        sa.Column("memory", sa.LargeBinary(), nullable=False),
        postgresql_with={"fillfactor": 60},
    )
    if op.get_bind().dialect.name == "postgresql":
        # sealed bytes do not compress; trying costs more than the rest of the write
        op.execute("ALTER TABLE conversations ALTER COLUMN memory SET STORAGE EXTERNAL")
    _partial("ix_conversations_silence", "conversations", "silence_due_at")
    op.create_table(
        "readings",
        sa.Column("key", sa.LargeBinary(16), primary_key=True),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("sent_at", MOMENT, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("level", sa.SmallInteger()),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("scores", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("versions", sa.Text(), nullable=False),
        sa.Column("degraded", sa.Boolean(), nullable=False),
    )


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("acknowledged_at", MOMENT),
        sa.Column("closed_at", MOMENT),
        sa.Column("owner", sa.String()),
        sa.Column("reason", sa.String()),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("ladder_level", sa.SmallInteger(), nullable=False),
        sa.Column("ladder_started_at", MOMENT, nullable=False),
        sa.Column("ladder_step", sa.Integer(), nullable=False),
        sa.Column("ladder_paged", sa.Text(), nullable=False),
        sa.Column("due_at", MOMENT),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("case_key", sa.LargeBinary()),
    )
    _partial("ix_cases_due", "cases", "due_at")
    still_open = sa.text("status <> 'closed'")
    op.create_index(
        "uq_cases_open",
        "cases",
        ["tenant", "client_id"],
        unique=True,
        postgresql_where=still_open,
        sqlite_where=still_open,
    )


def _evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("case_id", sa.String(), primary_key=True),
        sa.Column("key", sa.LargeBinary(16), primary_key=True),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("sent_at", MOMENT, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "case_conversations",
        sa.Column("case_id", sa.String(), primary_key=True),
        sa.Column("conversation_id", sa.String(), primary_key=True),
    )
    op.create_table(
        "timeline",
        sa.Column("id", BIG_ID, sa.Identity(), primary_key=True),
        sa.Column("case_id", sa.String(), nullable=False, index=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("who", sa.String()),
        sa.Column("detail", sa.String()),
    )


def _pages() -> None:
    op.create_table(
        "pages",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False, index=True),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("is_repeat", sa.Boolean(), nullable=False),
        sa.Column("due_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("settled_at", MOMENT),
        sa.Column("reference", sa.String()),
        sa.Column("error", sa.String()),
    )
    _partial("ix_pages_due", "pages", "due_at")


def _feeds() -> None:
    op.create_table(
        "cards",
        sa.Column("conversation_key", sa.LargeBinary(16), primary_key=True),
        sa.Column("seq", sa.Integer(), primary_key=True),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("listener_id", sa.String(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False, index=True),
    )
    op.create_table(
        "outbox",
        sa.Column("id", BIG_ID, sa.Identity(), primary_key=True),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
    )


def _upkeep() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("topic", sa.String(), primary_key=True),
        sa.Column("partition", sa.Integer(), primary_key=True),
        sa.Column("position", sa.BigInteger(), primary_key=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("field", sa.String()),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "heartbeats",
        sa.Column("process", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("lag", sa.BigInteger(), nullable=False),
        sa.Column("oldest_s", sa.Float(), nullable=False),
    )


def _partial(name: str, table: str, column: str) -> None:
    """An index over the few rows that wait for something."""
    waiting = sa.text(f"{column} IS NOT NULL")
    op.create_index(name, table, [column], postgresql_where=waiting, sqlite_where=waiting)
