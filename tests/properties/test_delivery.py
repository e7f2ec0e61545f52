"""Nothing is lost and nothing counts twice, whatever crashes where."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from safety.app.processes import ConsumerStep
from safety.app.store.engine import transaction
from safety.app.store.tables import cards, cases, markers, pages
from safety.core.types import Label
from tests.fakes import DictionaryClassifier, Says
from tests.stores import empty
from tests.world import Crash, World, crash_at

SEAMS = (
    "polled",
    "dead_lettered",
    "recalled",
    "assessed",
    "effects_written",
    "effects_committed",
    "handled",
    "offset_committed",
)
PAGE_SEAMS = ("climbed", "claimed", "sent", "settled")

WORDS = {
    "平安无事": Says(),
    "很难受": Says({Label.PASSIVE_IDEATION: 0.9}),
    "不想活": Says({Label.ACTIVE_IDEATION: 0.95}),
}


@dataclass(frozen=True)
class Line:
    """One record: good words of one of three clients, or bytes that are no event."""

    client: int
    text: str
    broken: bool = False


LINES = st.lists(
    st.builds(
        Line,
        client=st.integers(1, 3),
        text=st.sampled_from(sorted(WORDS)),
        broken=st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=25,
)


def feed(world: World, lines: list[Line]) -> tuple[list[str], int]:
    """Put the lines into the stream; returns the ids of the good ones and how many are broken."""
    ids = []
    for line in lines:
        if line.broken:
            world.stream.append(b"c", b"{not json")
        else:
            name = f"u-{line.client}"
            ids.append(world.sends("message", f"c-{line.client}", "client", name, text=line.text))
    return ids, sum(line.broken for line in lines)


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    lines=LINES,
    batch=st.integers(1, 8),
    crashes=st.lists(st.tuples(st.sampled_from(SEAMS), st.integers(1, 3)), max_size=6),
    page_crashes=st.lists(st.sampled_from(PAGE_SEAMS), max_size=3),
)
def test_every_line_counts_exactly_once_over_any_crashes(
    store_url: str,
    lines: list[Line],
    batch: int,
    crashes: list[tuple[str, int]],
    page_crashes: list[str],
) -> None:
    world = World(store_url, DictionaryClassifier(WORDS), batch=batch)
    empty(store_url)
    ids, broken = feed(world, lines)
    for seam, times in crashes:
        parts = world.start(crash_at(seam, times))
        source = world.stream.source("jiezhu")
        step = ConsumerStep(parts, source, parts.dead_letters, checkpoint=crash_at(seam, times))
        try:
            while step():
                pass
        except Crash:
            pass
        finally:
            source.close()
            parts.store.engine.dispose()
    world.consume()
    for seam in page_crashes:
        dispatcher = world.dispatcher(world.parts, crash_at(seam))
        try:
            dispatcher.run_once()
        except Crash:
            pass
        finally:
            dispatcher.close()
        world.clock.advance(31)
    world.dispatch()
    check(world, ids, broken, {f"u-{line.client}" for line in lines if is_risk(line)})
    world.parts.store.engine.dispose()


def is_risk(line: Line) -> bool:
    return not line.broken and line.text != "平安无事"


def check(world: World, ids: list[str], broken: int, clients: set[str]) -> None:
    with transaction(world.parts.store.engine) as connection:
        marked = connection.scalars(select(markers.c.event_id)).all()
        open_cases = Counter(connection.scalars(select(cases.c.client_id)).all())
        unsent = connection.scalar(select(func.count()).where(pages.c.state == "pending"))
        feeds = connection.execute(select(cards.c.conversation_id, cards.c.seq, cards.c.card)).all()
    assert sorted(marked) == sorted(ids), "every readable event has its effect, once"
    assert world.parts.dead_letters.count() == broken, "every broken record is kept, once"
    assert open_cases == dict.fromkeys(clients, 1), "one case for each client in danger"
    assert unsent == 0, "no page is left behind"
    rang = Counter((person, page.id) for person, page in world.phone.pages)
    for (person, page_id), times in rang.items():
        repeats = [page for who, page in world.phone.pages if (who, page.id) == (person, page_id)]
        assert sum(not page.is_repeat for page in repeats) <= 1, "a second ring says so"
        assert times <= 5
    numbers = Counter((name, seq) for name, seq, _ in feeds)
    assert all(times == 1 for times in numbers.values())
    for name in {name for name, _, _ in feeds}:
        seqs = sorted(seq for other, seq, _ in feeds if other == name)
        assert seqs == list(range(1, len(seqs) + 1)), "a feed has no gaps"
    assert all(orjson.loads(card)["say"] for _, _, card in feeds)
