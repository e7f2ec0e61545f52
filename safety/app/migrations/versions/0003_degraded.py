"""Whether a process last read without one of its parts."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column(
        "heartbeats",
        sa.Column("degraded", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("heartbeats") as batch:
        batch.drop_column("degraded")
