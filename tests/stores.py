"""Every store a test must hold on: SQLite and PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete

from safety.app.store.engine import open_engine, transaction
from safety.app.store.tables import metadata
from tests.world import sqlite_url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, empty database of each kind."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    url: str = request.getfixturevalue("database_url")
    return url


def empty(url: str) -> None:
    """Delete every row, keep the schema: a new database for the next example."""
    engine = open_engine(url)
    with transaction(engine) as connection:
        for table in metadata.sorted_tables:
            connection.execute(delete(table))
    engine.dispose()
