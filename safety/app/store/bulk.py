"""Writing and finding many rows in one statement, the same way on SQLite and PostgreSQL.

Rows are sorted by primary key first: workers that write the same rows then wait for each other
instead of deadlocking. On PostgreSQL the columns travel as arrays, one parameter each: the driver
would spend more time on thousands of single parameters than the database on the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Table,
    any_,
    bindparam,
)
from sqlalchemy.dialects import sqlite

from safety.app.store.tables import Moment, in_utc

Row = Mapping[str, Any]


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Insert those rows that are not there yet; returns how many were new."""
    return _write(connection, table, rows, "none")


def upsert_versioned(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Insert each row, or replace the one of version - 1; returns how many were written."""
    return _write(connection, table, rows, "version")


def upsert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert each row or replace the one of the same primary key."""
    _write(connection, table, rows, "any")


def among(
    connection: Connection, column: Column[Any], values: Sequence[Any]
) -> ColumnElement[bool]:
    """The condition that `column` is one of `values`."""
    if connection.dialect.name == "postgresql":
        bound = bindparam(None, list(values), type_=ARRAY(column.type))
        return column == any_(bound)
    return column.in_(values)


def _write(connection: Connection, table: Table, rows: Sequence[Row], replaces: str) -> int:
    if not rows:
        return 0
    names = tuple(rows[0])
    keys = [column.name for column in table.primary_key if column.name in rows[0]]
    ordered = sorted(rows, key=lambda row: tuple(row[name] for name in keys)) if keys else rows
    if connection.dialect.name == "postgresql":
        columns = tuple(_column(table.c[name], ordered) for name in names)
        sql = _unnested(connection.dialect, table, names, replaces)
        return connection.exec_driver_sql(sql, columns).rowcount
    statement = sqlite.insert(table)
    if replaces == "none":
        statement = statement.on_conflict_do_nothing()
    else:
        statement = statement.on_conflict_do_update(
            index_elements=keys,
            set_={name: statement.excluded[name] for name in names if name not in keys},
            where=(
                table.c.version == statement.excluded.version - 1 if replaces == "version" else None
            ),
        )
    return connection.execute(statement, list(ordered)).rowcount


def _column(column: Column[Any], rows: Sequence[Row]) -> list[Any]:
    """One column's values. Moments pass the same gate as in every other statement."""
    values = [row[column.name] for row in rows]
    if isinstance(column.type, Moment):
        return [in_utc(value) for value in values]
    return values


@lru_cache(maxsize=64)
def _unnested(dialect: Dialect, table: Table, names: tuple[str, ...], replaces: str) -> str:
    """The statement for PostgreSQL: every column one array, unnested side by side."""
    quoted = [dialect.identifier_preparer.quote(name) for name in names]
    arrays = ", ".join(f"%b::{table.c[name].type.compile(dialect)}[]" for name in names)
    sql = f"INSERT INTO {table.name} ({', '.join(quoted)}) SELECT * FROM unnest({arrays})"  # noqa: S608
    if replaces == "none":
        return sql + " ON CONFLICT DO NOTHING"
    keys = [dialect.identifier_preparer.quote(column.name) for column in table.primary_key]
    updates = ", ".join(f"{name} = excluded.{name}" for name in quoted if name not in keys)
    sql += f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {updates}"
    if replaces == "version":
        sql += f" WHERE {table.name}.version = excluded.version - 1"
    return sql
