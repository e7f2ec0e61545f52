"""Nobody can read: nothing counts as read, and nothing is lost."""

from __future__ import annotations

import pytest

from safety.core.errors import ClassifierUnavailable
from safety.core.types import Level
from tests.scenarios.words import WISH, Tell, dictionary, the_case
from tests.world import quiet


def test_what_could_not_be_read_is_read_later(tell: Tell) -> None:
    reads = dictionary()
    with quiet(tell(classifier=reads)) as world:
        reads.down = True
        with pytest.raises(ClassifierUnavailable):
            world.says(WISH)
        world.dispatch()
        assert world.case() is None
        assert world.parts.dead_letters.count() == 0
        reads.down = False
        world.consume()
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")


def test_a_human_alone_can_raise_p0_while_nobody_reads(tell: Tell) -> None:
    reads = dictionary()
    with quiet(tell(classifier=reads)) as world:
        reads.down = True
        world.happens("listener_help", role="listener", client_id="u-1")
        world.dispatch()
        world.phone.expect("counsellor-1", "P0")
        world.phone.expect("counsellor-2", "P0")
        assert the_case(world).level is Level.P0


def test_bytes_that_are_no_event_hold_up_nobody(tell: Tell) -> None:
    with quiet(tell()) as world:
        world.stream.append(b"c-1", b"{not json")
        world.says(WISH)
        world.dispatch()
        world.phone.expect("counsellor-1", "P1")
        assert world.parts.dead_letters.count() == 1
