"""One database of each kind for many tests, emptied in between: migrating one takes its time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import delete

from safety.app.store.engine import open_engine, transaction
from safety.app.store.tables import metadata
from safety.app.wiring import Parts
from tests.app.makers import fresh
from tests.services import fresh_database
from tests.world import sqlite_url


@pytest.fixture(
    scope="session", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def shared_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A database that other tests use too."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path_factory.mktemp("shared"))
        return
    with fresh_database(request.getfixturevalue("postgres").url) as url:
        yield url


@pytest.fixture
def url(shared_url: str) -> str:
    """The same, empty."""
    with fresh(shared_url):
        engine = open_engine(shared_url)
        with transaction(engine) as connection:
            for table in metadata.sorted_tables:
                connection.execute(delete(table))
        engine.dispose()
    return shared_url


@pytest.fixture
def parts(url: str) -> Iterator[Parts]:
    """Everything, on that database."""
    with fresh(url) as found:
        yield found
