"""Fixtures of this folder."""

from tests.app.console_desk import browser, desk, site  # noqa: F401
from tests.app.fixtures import parts, shared_url, url  # noqa: F401
from tests.stores import store_url  # noqa: F401
