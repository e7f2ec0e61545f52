"""Fixtures of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.scenarios.words import Tell, dictionary
from tests.stores import store_url  # noqa: F401
from tests.world import World


@pytest.fixture
def tell(store_url: str) -> Iterator[Tell]:  # noqa: F811
    """Begins a story: a world over each kind of store, with the dictionary unless another reads."""
    worlds: list[World] = []

    def begin(**fields: Any) -> World:
        fields.setdefault("classifier", dictionary())
        worlds.append(World(store_url, **fields))
        return worlds[-1]

    yield begin
    for world in worlds:
        world.parts.store.engine.dispose()
