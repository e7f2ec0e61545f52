"""The one use case: a batch counts exactly once, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety.core.errors import ClassifierUnavailable, Conflict
from safety.core.events import Event
from safety.core.monitor import TRIES, Handled
from safety.core.types import Level, Role
from tests.core.builders import (
    CLIENT_WORDS,
    RULES,
    TALK,
    TENANT,
    Bench,
    DeskStore,
    after,
    help_,
    message,
)

WISH = "真的不想活了"
NOTHING = "今天吃了面"


def test_a_batch_is_written_once_and_told() -> None:
    bench = Bench()
    handled = bench.monitor.handle([message(NOTHING), message(WISH, 1)])
    assert (handled.fresh, handled.repeated, handled.cards) == (2, 0, 1)
    assert [item.level for item in handled.decisions] == [Level.P1]
    assert bench.store.seen == {("default", "c-1@0"): None, ("default", "c-1@1"): Level.P1}
    assert bench.store.commits == 1


def test_redelivery_changes_nothing_and_asks_nobody() -> None:
    bench = Bench()
    batch = [message(WISH), message(NOTHING, 1)]
    bench.monitor.handle(batch)
    bench.classifier.down = True
    for _ in range(5):
        assert bench.monitor.handle(batch) == Handled(repeated=2)
    assert bench.store.commits == 1
    assert len(bench.store.updates) == 2


def test_the_first_of_two_in_one_batch_counts() -> None:
    bench = Bench()
    first = message(WISH, name="same")
    handled = bench.monitor.handle(
        [first, first, message(NOTHING, 5, name="same"), message(WISH, 9)]
    )
    assert (handled.fresh, handled.repeated) == (2, 2)
    turns = bench.store.conversations[TENANT, TALK].window
    assert [(turn.text, turn.sent_at) for turn in turns] == [(WISH, after(0)), (WISH, after(9))]


def test_a_repeat_beside_something_new_is_left_out() -> None:
    bench = Bench()
    bench.monitor.handle([message(WISH)])
    handled = bench.monitor.handle([message(WISH), message(NOTHING, 1), message(NOTHING, 1)])
    assert (handled.fresh, handled.repeated) == (1, 2)
    assert handled.decisions == ()


def test_an_empty_batch_is_no_matter() -> None:
    bench = Bench()
    assert bench.monitor.handle([]) == Handled()
    assert bench.store.commits == 0


def test_a_conflict_is_tried_again_with_what_is_known_then() -> None:
    bench = Bench(store=DeskStore(conflicts=TRIES - 1))
    assert bench.monitor.handle([message(WISH)]).fresh == 1
    assert bench.store.recalls == TRIES
    assert bench.store.commits == 1
    assert len(bench.store.updates) == 1


def test_a_conflict_that_does_not_end_is_raised() -> None:
    bench = Bench(store=DeskStore(conflicts=TRIES))
    with pytest.raises(Conflict):
        bench.monitor.handle([message(WISH)])
    assert bench.store.recalls == TRIES
    assert (bench.store.commits, bench.store.seen, bench.store.updates) == (0, {}, [])
    assert bench.monitor.handle([message(WISH)]).fresh == 1


def test_without_a_classifier_nothing_counts_and_everything_comes_later() -> None:
    bench = Bench()
    bench.classifier.down = True
    with pytest.raises(ClassifierUnavailable):
        bench.monitor.handle([help_(at=-1), message(WISH)])
    assert (bench.store.seen, bench.store.updates) == ({}, [])
    bench.classifier.down = False
    assert bench.monitor.handle([help_(at=-1), message(WISH)]).fresh == 2


def test_time_alone_raises_what_is_silent() -> None:
    bench = Bench()
    bench.monitor.handle([message(WISH), message(NOTHING, talk="c-2")])
    bench.clock.advance(60.9)
    assert bench.monitor.tick() == Handled(), "words sent in time may still be under way"
    bench.clock.advance(0.1)
    handled = bench.monitor.tick()
    assert [(item.level, item.at) for item in handled.decisions] == [(Level.P0, after(60))]
    assert handled.cards == 1
    assert bench.monitor.tick() == Handled()
    assert [item.level for item in bench.store.updates] == [Level.P1, Level.P0]


def test_no_more_silences_at_once_than_asked_for() -> None:
    bench = Bench()
    bench.monitor.handle([message(WISH, talk=f"c-{number}") for number in range(5)])
    bench.clock.advance(100)
    assert [len(bench.monitor.tick(limit=2).decisions) for _ in range(4)] == [2, 2, 1, 0]


def test_the_stream_and_the_clock_come_to_the_same() -> None:
    """Whether a later event or the passing of time brings a silence to light."""
    by_event, by_clock = Bench(), Bench()
    later = message(NOTHING, 200, Role.LISTENER)
    by_event.clock.advance(200)
    by_event.monitor.handle([message("有过那种念头"), later])
    by_clock.monitor.handle([message("有过那种念头")])
    for _ in range(190):
        by_clock.clock.advance(1)
        by_clock.monitor.tick()
    by_clock.monitor.handle([later])
    levels = [[item.level for item in bench.store.updates] for bench in (by_event, by_clock)]
    assert levels[0] == levels[1] == [Level.P2, Level.P1, Level.P0, None]


def test_every_seam_is_passed_in_order() -> None:
    seams: list[str] = []
    bench = Bench(checkpoint=seams.append)
    bench.monitor.handle([message(WISH)])
    bench.monitor.tick()
    assert seams == [
        "recalled",
        "assessed",
        "effects_written",
        "effects_committed",
        "silence_written",
        "silence_committed",
    ]


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(CLIENT_WORDS),
        st.sampled_from(["c-1", "c-2"]),
        st.sampled_from([0, 1, 30, 61, -20]),
        st.booleans(),
    ),
    max_size=16,
)


@given(EVENTS, st.lists(st.integers(1, 5), min_size=16, max_size=16))
def test_batches_of_any_size_come_to_the_same(
    lines: list[tuple[str, str, int, bool]], sizes: list[int]
) -> None:
    at, events = 0.0, list[Event]()
    for number, (text, talk, gap, client) in enumerate(lines):
        at += gap
        role = Role.CLIENT if client else Role.LISTENER
        events.append(message(text, at, role, talk, name=f"e-{number}"))
    single, batched = Bench(), Bench()
    for item in events:
        single.monitor.handle([item])
    rest = events
    for size in sizes:
        batched.monitor.handle(rest[:size])
        rest = rest[size:]
    for name in ("seen", "updates", "pushes"):
        assert getattr(batched.store, name) == getattr(single.store, name)
    # what a late message changes is written after the batch's own readings
    assert sorted(map(repr, batched.store.readings)) == sorted(map(repr, single.store.readings))
    assert batched.memories == single.memories


def test_a_platform_whose_clock_is_ahead_does_not_put_silence_off() -> None:
    bench = Bench()
    bench.monitor.handle([message("有过那种念头", 3_600)])
    (kept,) = bench.store.conversations.values()
    assert kept.window[0].sent_at == after(10)
    bench.clock.advance(10 + 120 + RULES.silence_grace_s)
    assert [item.level for item in bench.monitor.tick().decisions] == [Level.P1]


def test_words_that_wait_to_be_read_are_no_silence() -> None:
    bench = Bench()
    bench.monitor.handle([message("有过那种念头")])
    bench.clock.advance(120 + RULES.silence_grace_s)
    assert bench.monitor.tick(behind_s=5.0).decisions == ()
    bench.clock.advance(5)
    assert [item.level for item in bench.monitor.tick(behind_s=5.0).decisions] == [Level.P1]
