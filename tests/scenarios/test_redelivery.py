"""The platform sends everything again, and mixed up (R-IN-02)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import func, select

from safety.app.store.engine import transaction
from safety.app.store.tables import cards, evidence, markers, pages, readings, timeline
from safety.core.types import Level
from tests.fakes import NOON
from tests.scenarios.words import NOTHING, PASSIVE, THOUGHT, WISH, Tell, the_case
from tests.world import World, quiet

LINES = (
    (1, "c-1", NOTHING),
    (2, "c-2", THOUGHT),
    (3, "c-1", WISH),
    (4, "c-3", PASSIVE),
    (5, "c-2", NOTHING),
    (6, "c-1", NOTHING),
)
Line = tuple[int, str, str]


def send(world: World, lines: Sequence[Line]) -> None:
    for number, talk, text in lines:
        at = NOON + timedelta(seconds=number)
        sender = talk.replace("c", "u")
        name = f"m-{number}"
        world.sends("message", talk, "client", sender, event_id=name, text=text, at=at)
    world.consume()


def rows(world: World) -> dict[str, int]:
    """How much is written, table by table."""
    with transaction(world.parts.store.engine) as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in (cards, evidence, markers, pages, readings, timeline)
        }


def levels(world: World) -> dict[str, Level]:
    return {case.client_id: case.level for case in world.parts.casework.open_cases()}


def test_everything_five_times_more_and_shuffled_changes_nothing(tell: Tell) -> None:
    with quiet(tell()) as world:
        send(world, LINES)
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")
        world.phone.expect("counsellor-1", "P2")
        written, stood = rows(world), levels(world)
        assert written["markers"] == len(LINES)
        again = [*LINES] * 5
        Random(7).shuffle(again)
        send(world, again)
        world.dispatch()
        assert rows(world) == written
        assert levels(world) == stood == {"u-1": Level.P1, "u-2": Level.P2, "u-3": Level.P3}


@pytest.mark.parametrize("seed", [1, 2])
def test_conversations_that_overtake_each_other_come_to_the_same(tell: Tell, seed: int) -> None:
    mixed = [*LINES]
    Random(seed).shuffle(mixed)
    queues = {talk: [line for line in LINES if line[1] == talk] for _, talk, _ in LINES}
    with quiet(tell(batch=2)) as world:
        send(world, [queues[talk].pop(0) for _, talk, _ in mixed])
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")
        world.phone.expect("counsellor-1", "P2")
        assert levels(world) == {"u-1": Level.P1, "u-2": Level.P2, "u-3": Level.P3}


def test_a_restarted_stream_begins_again_and_nobody_is_paged_twice(tell: Tell) -> None:
    with quiet(tell()) as world:
        send(world, LINES[:3])
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")
        world.phone.expect("counsellor-1", "P2")
        world.parts.store.engine.dispose()
        world.parts = world.start()
        send(world, LINES)
        world.dispatch()
        assert the_case(world).level is Level.P1
        assert rows(world)["markers"] == len(LINES)
