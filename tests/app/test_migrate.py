"""The migrations build exactly what the tables say, and any number of processes may start."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from safety.app.migrate import migrate
from safety.app.store.engine import open_engine, transaction
from safety.app.store.tables import metadata


def test_migrations_and_tables_agree(store_url: str) -> None:
    engine = open_engine(store_url)
    migrate(engine)
    with transaction(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_several_processes_may_start_at_once(store_url: str) -> None:
    engines = [open_engine(store_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, engines))
    with transaction(engines[0]) as connection:
        assert set(inspect(connection).get_table_names()) >= set(metadata.tables)
    for engine in engines:
        engine.dispose()
