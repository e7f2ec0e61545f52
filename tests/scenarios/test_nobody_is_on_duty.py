"""The roster has a hole in the night, and the call goes out wider."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes import NIGHT
from tests.scenarios.words import WISH, Tell, the_case
from tests.world import World, quiet

ROSTER = """
people:
  - id: day-1
    name: 白班咨询师
    duties: [counsellor]
    contacts: {{console: day-1}}
    {shifts}
  - id: boss-1
    name: 值班经理
    duties: [duty_manager]
    contacts: {{console: boss-1}}
"""
BY_DAY = (
    'shifts: [{days: [mon, tue, wed, thu, fri, sat, sun], from: "09:00", to: "18:00",'
    " zone: Asia/Shanghai}]"
)


@pytest.fixture
def tonight(tell: Tell, tmp_path: Path) -> World:
    """Two at night; the only counsellor works by day."""
    path = tmp_path / "roster.yaml"
    path.write_text(ROSTER.format(shifts=BY_DAY), encoding="utf-8")
    return tell(at=NIGHT, roster_file=path)


def notes(world: World) -> set[str | None]:
    story = world.parts.casework.story(the_case(world).id)
    return {entry.detail for entry in story if entry.kind == "ladder"}


def test_a_p0_reaches_whoever_there_is_and_the_hole_is_written_down(tonight: World) -> None:
    with quiet(tonight) as world:
        world.happens("listener_help", role="listener", client_id="u-1")
        world.dispatch()
        world.phone.expect("boss-1", "P0")
        assert "nobody_on_duty:counsellor" in notes(world)
        world.advance(400, step_s=5)
        rang = [person for person, _ in world.phone.pages]
        assert "day-1" in rang, "off duty, and called in the end"
        assert rang.count("boss-1") >= 1
        world.phone.pages.clear()


def test_a_p1_wakes_somebody_at_once(tonight: World) -> None:
    with quiet(tonight) as world:
        world.says(WISH)
        world.dispatch()
        assert world.phone.pages, "somebody is woken, on duty or not"
        assert "nobody_on_duty:counsellor" in notes(world)
        world.phone.pages.clear()


def test_by_day_the_same_roster_has_no_hole(tell: Tell, tmp_path: Path) -> None:
    path = tmp_path / "roster.yaml"
    path.write_text(ROSTER.format(shifts=BY_DAY), encoding="utf-8")
    with quiet(tell(roster_file=path)) as world:
        world.says(WISH)
        world.dispatch()
        world.phone.expect("day-1", "P1")
        assert notes(world) == set()
