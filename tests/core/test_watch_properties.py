"""Over any sequence of events: levels never fall by themselves, and order shows as little as can
be (R-IN-02)."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from safety.core.conversation import Conversation, Decision
from safety.core.events import Chip, Event, EventType
from safety.core.types import ConversationId, EventId, Role, most_urgent
from safety.core.watch import let_silence_pass
from tests.core.builders import (
    CLIENT_WORDS,
    LISTENER_WORDS,
    RULES,
    TALK,
    TENANT,
    Bench,
    after,
    event,
    fold,
    help_,
    memory,
    message,
)

GAPS = st.sampled_from([0.0, 0.2, 0.5, 1.0, 7.0, 25.0, 61.0, 125.0, 40_000.0])
KINDS = st.one_of(
    st.builds(lambda text: ("client", text), st.sampled_from(CLIENT_WORDS)),
    st.builds(lambda text: ("listener", text), st.sampled_from(LISTENER_WORDS)),
    st.builds(lambda chip: ("help", chip), st.sampled_from([None, *Chip])),
    st.builds(
        lambda kind: ("event", kind),
        st.sampled_from(
            [kind for kind in EventType if kind not in (EventType.MESSAGE, EventType.LISTENER_HELP)]
        ),
    ),
)
STEPS = st.lists(st.tuples(GAPS, KINDS), max_size=14)
Step = tuple[float, tuple[str, object]]


def happened(kind: str, what: object, at: float, talk: str = "c-1") -> Event:
    if kind == "client":
        return message(str(what), at, talk=talk)
    if kind == "listener":
        return message(str(what), at, Role.LISTENER, talk)
    if kind == "help":
        return help_(what if isinstance(what, Chip) else None, at)
    assert isinstance(what, EventType)
    return event(what, at, talk=talk)


def log(steps: list[Step]) -> list[Event]:
    """The steps as events, each with an id of its own."""
    at, events = 0.0, list[Event]()
    for number, (gap, (kind, what)) in enumerate(steps):
        at += gap
        events.append(replace(happened(kind, what, at), event_id=EventId(f"e-{number}")))
    return events


@given(STEPS, st.lists(st.integers(0, 13), max_size=3))
def test_a_level_never_falls_by_itself(steps: list[Step], late: list[int]) -> None:
    events = log(steps)
    for place in late:
        if place < len(events):
            events.append(events.pop(place))
    now = memory()
    for item in events:
        before = now
        now, decisions = fold([item], now)
        expected = most_urgent(before.level, *(each.level for each in decisions))
        assert now.level is expected
        assert now.open_level is now.level


@given(STEPS, st.data())
def test_letting_silence_pass_in_between_changes_nothing(
    steps: list[Step], data: st.DataObject
) -> None:
    events = log(steps)
    whole = fold(events)
    now: Conversation = memory()
    decisions: list[Decision] = []
    for item in events:
        for back in sorted(data.draw(st.lists(st.floats(0, 200), max_size=3)), reverse=True):
            until = item.sent_at - (after(RULES.silence_grace_s + back) - after(0))
            now, more = let_silence_pass(now, until, RULES)
            decisions += more
        now, more = fold([item], now)
        decisions += more
    assert (now, decisions) == whole


SETTLED = ("今天吃了面", "真的不想活了", "有过那种念头", "活着没意思", "没有希望了", "喘不上气")
LEAVING = ("谢谢你，再见了", "别找我了")
CALM_GAPS = st.sampled_from([0.2, 0.5, 0.9, 7.0, 25.0, 90.0])
CHAT = st.one_of(
    st.builds(lambda text: ("client", text), st.sampled_from(SETTLED + LEAVING)),
    st.builds(lambda text: ("listener", text), st.sampled_from(LISTENER_WORDS)),
    st.just(("event", EventType.TYPING)),
)


@given(st.lists(st.tuples(CALM_GAPS, CHAT), min_size=2, max_size=11), st.data())
def test_neighbours_that_overtake_each_other_within_the_grace_change_nothing(
    steps: list[Step], data: st.DataObject
) -> None:
    events = log(steps)
    close = [
        place
        for place in range(len(events) - 1)
        if (events[place + 1].sent_at - events[place].sent_at).total_seconds()
        <= RULES.silence_grace_s
    ]
    assume(close)
    place = data.draw(st.sampled_from(close))
    due = fold(events[:place])[0].silence_due_at
    # a deadline exactly between the two is the one thing that a later event may bring to light
    grace = after(RULES.silence_grace_s) - after(0)
    assume(due is None or not events[place].sent_at - grace < due <= events[place + 1].sent_at)
    swapped = [*events]
    swapped[place : place + 2] = reversed(swapped[place : place + 2])
    in_order, overtaken = Bench(), Bench()
    for bench in (in_order, overtaken):
        bench.clock.at = max(event.sent_at for event in events)
    in_order.monitor.handle(events)
    overtaken.monitor.handle(swapped)
    one, other = (bench.store.conversations[TENANT, TALK] for bench in (in_order, overtaken))
    assert other.level is one.level
    assert other.open_level is one.open_level
    assert other.silence_due_at == one.silence_due_at
    assert [turn.event_id for turn in other.window] == [turn.event_id for turn in one.window]


@given(st.lists(st.tuples(CALM_GAPS, KINDS), min_size=2, max_size=11), st.integers(0, 9))
def test_words_that_come_late_never_make_it_less_urgent(steps: list[Step], place: int) -> None:
    """Whatever the words: what a place or a pact said a moment later lends them only raises."""
    words = [step for step in steps if step[1][0] in ("client", "listener")]
    assume(len(words) > place + 1)
    events = log([(0.2, what) for _, what in words])
    swapped = [*events]
    swapped[place : place + 2] = reversed(swapped[place : place + 2])
    in_order, overtaken = Bench(), Bench()
    for bench in (in_order, overtaken):
        bench.clock.at = max(event.sent_at for event in events)
    in_order.monitor.handle(events)
    overtaken.monitor.handle(swapped)
    one, other = (
        next(iter(bench.store.conversations.values())).level for bench in (in_order, overtaken)
    )
    assert most_urgent(one, other) is other


@given(
    st.lists(st.tuples(GAPS, KINDS, st.sampled_from(["c-1", "c-2", "c-3"])), max_size=14),
    st.randoms(use_true_random=False),
    st.integers(1, 6),
    st.integers(1, 6),
)
def test_a_shuffled_and_doubled_log_comes_to_the_same(
    steps: list[tuple[float, tuple[str, object], str]],
    random: Random,
    batch: int,
    other_batch: int,
) -> None:
    """Conversations overtake each other freely, each keeps its own order, all may come twice."""
    at, events = 0.0, list[Event]()
    for number, (gap, (kind, what), talk) in enumerate(steps):
        at += gap
        item = happened(kind, what, at, talk)
        events.append(
            replace(item, event_id=EventId(f"e-{number}"), conversation_id=ConversationId(talk))
        )
    once, twice = Bench(), Bench()
    feed(once, events, batch)
    feed(twice, doubled(events, random), other_batch)
    assert twice.memories == once.memories
    assert twice.store.seen == once.store.seen
    for talk in ("c-1", "c-2", "c-3"):
        first, second = (
            [
                [item for item in kind if item.conversation_id == talk]
                for kind in (bench.store.updates, bench.store.pushes)
            ]
            for bench in (once, twice)
        )
        assert first == second


def feed(bench: Bench, events: list[Event], batch: int) -> None:
    for start in range(0, len(events), batch):
        bench.monitor.handle(events[start : start + batch])


def doubled(events: list[Event], random: Random) -> list[Event]:
    """Every conversation in its order, all mixed; then each event once more, later or at once."""
    queues: dict[str, list[Event]] = {}
    for item in events:
        queues.setdefault(item.conversation_id, []).append(item)
    mixed: list[Event] = []
    while queues:
        talk = random.choice(sorted(queues))
        mixed.append(queues[talk].pop(0))
        if random.random() < 0.3:
            mixed.append(random.choice(mixed))
        if not queues[talk]:
            del queues[talk]
    return mixed + random.sample(mixed, len(mixed))
