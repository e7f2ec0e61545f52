"""The migrations build exactly what the tables say, and any number of processes may start."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, inspect, select

from safety.app.migrate import config_for, migrate
from safety.app.store.engine import open_engine, transaction
from safety.app.store.tables import markers, metadata, verdicts
from tests.fakes import NOON


def test_migrations_and_tables_agree(store_url: str) -> None:
    engine = open_engine(store_url)
    migrate(engine)
    with transaction(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_an_older_database_is_brought_up_with_what_it_holds(store_url: str) -> None:
    engine = open_engine(store_url)
    marker = {"key": b"k" * 16, "tenant": "default", "event_id": "m-1", "recorded_at": NOON}
    with transaction(engine) as connection:
        command.upgrade(config_for(connection), "0001")
        assert "verdicts" not in inspect(connection).get_table_names()
        connection.execute(insert(markers), marker)
    migrate(engine)
    with transaction(engine) as connection:
        assert connection.execute(select(markers.c.event_id)).scalar_one() == "m-1"
        assert connection.execute(select(verdicts)).all() == []
    engine.dispose()


def test_several_processes_may_start_at_once(store_url: str) -> None:
    engines = [open_engine(store_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, engines))
    with transaction(engines[0]) as connection:
        assert set(inspect(connection).get_table_names()) >= set(metadata.tables)
    for engine in engines:
        engine.dispose()
