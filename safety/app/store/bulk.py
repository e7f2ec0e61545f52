"""Writing many rows in one statement, the same way on SQLite and PostgreSQL.

Rows are sorted by primary key first: workers that write the same rows then wait for each other
instead of deadlocking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Row = Mapping[str, Any]


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Insert those rows that are not there yet; returns how many were new."""
    if not rows:
        return 0
    statement = _insert(connection, table).on_conflict_do_nothing()
    keys = [column for column in table.primary_key if column.name in rows[0]]
    if not keys:
        connection.execute(statement, list(rows))
        return len(rows)
    ordered = sorted(rows, key=lambda row: tuple(row[column.name] for column in keys))
    return len(connection.execute(statement.returning(keys[0]), ordered).all())


def upsert_versioned(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Insert each row, or replace the one of version - 1; returns how many were written."""
    if not rows:
        return 0
    statement = _insert(connection, table)
    keys = [column.name for column in table.primary_key]
    updates = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    statement = statement.on_conflict_do_update(
        index_elements=keys,
        set_=updates,
        where=table.c.version == statement.excluded.version - 1,
    )
    ordered = sorted(rows, key=lambda row: tuple(row[name] for name in keys))
    return len(connection.execute(statement.returning(table.c.version), ordered).all())


def _insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def upsert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert each row or replace the one of the same primary key."""
    statement = _insert(connection, table)
    keys = [column.name for column in table.primary_key]
    updates = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=updates), list(rows)
    )
