"""Real services as fixtures. Where one cannot be had, the reason shows; in CI that is a failure."""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

import pytest
from hypothesis import HealthCheck, settings

with warnings.catch_warnings():
    # kafka-python reads its own schemas in an older style while it is imported.
    warnings.filterwarnings("ignore", r"\w+_text is deprecated", DeprecationWarning)
    from tests import services

settings.register_profile(
    "jiezhu", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("jiezhu")

ServerT = TypeVar("ServerT", bound=services.Server)


@contextmanager
def running(make: Callable[[], ServerT]) -> Iterator[ServerT]:
    """A started server, taken away in the end; a visible skip where there is none."""
    try:
        server = make()
    except services.ServiceMissing as error:
        give_up(str(error))
    try:
        try:
            server.start()
        except services.ServiceMissing as error:
            give_up(str(error))
        yield server
    finally:
        server.destroy()


def give_up(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have every service: {reason}")
    pytest.skip(reason)


# kafka-python leaves a TCP socket to the garbage collector when its connection is refused, or
# closed while it still writes.
LEFT_OPEN = r"unclosed <socket.*family=2, type=1"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("filterwarnings", f"ignore:{LEFT_OPEN}:ResourceWarning")
    # A polite end must run the fixtures' clean-up too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def pytest_sessionfinish() -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", LEFT_OPEN, ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session")
def postgres() -> Iterator[services.Postgres | services.Given]:
    """A PostgreSQL server for everybody; `url` is its maintenance database."""
    given = os.environ.get(services.DATABASE_URL)
    if given:
        yield services.Given(url=given, bootstrap_servers="")
        return
    with running(services.Postgres) as server:
        yield server


@pytest.fixture
def database_url(postgres: services.Postgres | services.Given) -> Iterator[str]:
    """A fresh, empty database."""
    with services.fresh_database(postgres.url) as url:
        yield url


@pytest.fixture
def own_postgres() -> Iterator[services.Postgres]:
    """A PostgreSQL server that this test may stop, restart and kill."""
    with running(services.Postgres) as server:
        yield server


@pytest.fixture(scope="session")
def kafka() -> Iterator[services.Kafka | services.Given]:
    """A Kafka broker for everybody; give topics and groups names of your own."""
    given = os.environ.get(services.KAFKA)
    if given:
        yield services.Given(url="", bootstrap_servers=given)
        return
    with running(services.Kafka) as server:
        yield server


@pytest.fixture
def own_kafka() -> Iterator[services.Kafka]:
    """A Kafka broker that this test may stop, restart and kill."""
    with running(services.Kafka) as server:
        yield server
