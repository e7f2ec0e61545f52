"""One database of each kind for many tests, emptied in between: migrating one takes its time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from safety.app.migrate import migrate
from safety.app.store.engine import open_engine
from safety.app.wiring import Parts
from tests.app.makers import fresh
from tests.services import fresh_database
from tests.stores import empty
from tests.world import sqlite_url


@pytest.fixture(
    scope="session", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def shared_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A database that other tests use too."""
    if request.param == "sqlite":
        yield migrated(sqlite_url(tmp_path_factory.mktemp("shared")))
        return
    with fresh_database(request.getfixturevalue("postgres").url) as url:
        yield migrated(url)


def migrated(url: str) -> str:
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
    return url


@pytest.fixture
def url(shared_url: str) -> str:
    """The same, empty."""
    empty(shared_url)
    return shared_url


@pytest.fixture
def parts(url: str) -> Iterator[Parts]:
    """Everything, on that database."""
    with fresh(url) as found:
        yield found
