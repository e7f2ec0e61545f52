"""Bringing a database to the newest schema, safely from any number of processes at once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from safety.app.store.engine import transaction

FOLDER = Path(__file__).parent / "migrations"
LOCK = 4_711_052


def migrate(engine: Engine) -> None:
    """Upgrade to the newest revision in one transaction. Raises StoreUnavailable.

    On PostgreSQL an advisory lock makes several starting processes take turns; SQLite's own write
    lock does the same.
    """
    with transaction(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config = config_for(connection)
        newest = ScriptDirectory.from_config(config).get_current_head()
        if MigrationContext.configure(connection).get_current_revision() != newest:
            command.upgrade(config, "head")


def config_for(connection: Connection) -> Config:
    """Alembic's configuration over an open connection."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER))
    return config
