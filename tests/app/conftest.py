"""Fixtures of this folder."""

from tests.stores import store_url  # noqa: F401
