"""Opening the database, and translating its errors at the edge of the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url

from safety.core.errors import Conflict, InvalidRequest, Misconfigured, StoreUnavailable

CLASHES = frozenset({"40001", "40P01", "23505"})
"""SQLSTATE of serialisation failure, deadlock and unique violation: read again and redo."""


def open_engine(url: str) -> Engine:
    """An engine for `sqlite:///file` or `postgresql+psycopg://…`; connects when first used.

    SQLite runs in WAL with synchronous=FULL, so a committed transaction survives a power cut, and
    every transaction begins IMMEDIATE, so that a reader never turns into a late writer.
    """
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise Misconfigured("the database address is not of the form dialect://…") from None
    if parsed.get_backend_name() == "postgresql":
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=8,
            max_overflow=24,
            pool_timeout=10,
            connect_args={"connect_timeout": 5},
        )
    if parsed.get_backend_name() != "sqlite":
        raise Misconfigured("the database must be sqlite:///… or postgresql://…")
    engine = create_engine(
        parsed, hide_parameters=True, connect_args={"timeout": 30}, pool_size=8, max_overflow=24
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def translated() -> Iterator[None]:
    """Database errors leave as Conflict or StoreUnavailable, without their parameters; a value
    that the database can never keep as InvalidRequest, because trying again would not help."""
    try:
        yield
    except exc.IntegrityError:
        raise Conflict("another worker wrote the same row first") from None
    except exc.DataError:
        raise InvalidRequest("the database cannot keep one of the values") from None
    except exc.DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in CLASHES:
            raise Conflict("the database asks to try the transaction again") from None
        kind = type(error.orig).__name__
        raise StoreUnavailable(f"the database did not answer as it should ({kind})") from None
    except exc.StatementError as error:
        # our own refusal of a value, wrapped on its way: it says what is wrong by itself
        raise (error.orig or StoreUnavailable("the statement could not be made")) from None
    except exc.TimeoutError:
        raise StoreUnavailable("no database connection was free in time") from None


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction: committed at the end of the block, rolled back if it raises."""
    with translated(), engine.begin() as connection:
        yield connection
