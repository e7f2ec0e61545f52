"""Which card answers which wish: the table, then what holds for every wish."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety.core.cards import CardWish
from safety.core.ports import PickCard
from safety.core.types import Cue, Label, Level
from tests.grounding_scripts.shelf import SHIPPED, flow_ids, wish

P0, P1, P2, P3 = Level.P0, Level.P1, Level.P2, Level.P3
ROOF, HOLD, ORIENT = flow_ids("roof"), flow_ids("hold"), flow_ids("orient")
ASKED = ("direct_question",)

TABLE: list[tuple[CardWish, str | None]] = [
    # Place first.
    (wish(P0, Label.DANGEROUS_PLACE, place=True), "roof.inward"),
    (wish(P3, place=True), "roof.inward"),
    (wish(P1, Label.PANIC, place=True), "roof.inward"),
    (wish(P0, Label.LISTENER_GOADING, place=True), "roof.inward"),
    (wish(P0, Cue.STOP_ASKING, place=True), "roof.inward"),
    (wish(P1, place=True, shown=("roof.inward",)), "roof.seated"),
    (wish(P1, place=True, shown=("roof.inward", "roof.seated")), "roof.sign"),
    (wish(P1, place=True, shown=("roof.inward", "hold", "roof.seated")), "roof.sign"),
    (wish(P1, place=True, shown=ROOF[:3]), "roof.company"),
    (wish(P1, place=True, shown=ROOF[:4]), "roof.ask"),
    (wish(P1, Cue.AFFIRMED, place=True, shown=ROOF[:4]), "hold"),
    (wish(P0, Cue.ACT_NOW, place=True, shown=ROOF[:4]), "hold"),
    (wish(P1, place=True, shown=(*ASKED, *ROOF[:4])), "hold"),
    (wish(P1, Cue.STOP_ASKING, place=True, shown=ROOF[:2]), "stop_asking"),
    (wish(P1, Cue.STOP_ASKING, place=True, shown=(*ROOF[:2], "stop_asking")), "hold"),
    (wish(P0, place=True, shown=ROOF), "hold"),
    (wish(P0, place=True, shown=(*ROOF, "hold")), "hold.distance"),
    (wish(P1, shown=ROOF), "hold"),
    # Grave.
    (wish(P0), "direct_question"),
    (wish(P1, Label.ACTIVE_IDEATION), "direct_question"),
    (wish(P1, Label.SUICIDE_PLAN, Cue.TIME_SOON), "direct_question"),
    (wish(P1, Label.SUICIDE_PLAN, shown=ASKED), "hold"),
    (wish(P1, Label.SUICIDE_PLAN, shown=(*ASKED, "hold")), "hold.distance"),
    (wish(P1, Label.SUICIDE_PLAN, shown=(*ASKED, *HOLD)), "hold"),
    (wish(P1, Cue.AFFIRMED), "hold"),
    (wish(P1, Cue.DENIED), "direct_question"),
    (wish(P0, Label.SUICIDE_ATTEMPT, Cue.ACT_NOW), "hold"),
    (wish(P0, Label.SUICIDE_ATTEMPT, Cue.ACT_NOW, Cue.MEDICAL), "hold"),
    (wish(P0, Label.PANIC, Cue.MEDICAL), "panic.ambulance"),
    (wish(P0, Cue.MEDICAL, shown=("panic.ambulance",)), "hold"),
    (wish(P1, Cue.MEDICAL, Label.SELF_INJURY), "panic.ambulance"),
    (wish(P1, Label.PANIC), "panic.breathe"),
    (wish(P1, Label.PANIC, shown=("panic.breathe",)), "panic.red_flags"),
    (wish(P1, Label.PANIC, shown=("panic.breathe", "panic.red_flags")), "direct_question"),
    (wish(P1, Label.PANIC, Label.ACTIVE_IDEATION), "direct_question"),
    (wish(P1, Label.PANIC, Label.SELF_INJURY), "direct_question"),
    (wish(P1, Label.PANIC, Cue.FAREWELL), "direct_question"),
    (wish(P1, Cue.STOP_ASKING), "stop_asking"),
    (wish(P1, Cue.STOP_ASKING, shown=(*ASKED, "hold", "stop_asking")), "hold.listen"),
    # The listener's own words.
    (wish(P0, Label.LISTENER_GOADING), "coach.stop"),
    (wish(P0, Label.LISTENER_GOADING, Label.ACTIVE_IDEATION), "coach.stop"),
    (wish(P0, Label.LISTENER_GOADING, shown=("coach.stop",)), "direct_question"),
    (wish(P3, Label.LISTENER_GOADING, shown=("coach.stop",)), None),
    (wish(P3, Label.LISTENER_UNSAFE), "coach.unsafe"),
    (wish(P1, Label.LISTENER_UNSAFE), "coach.unsafe"),
    (wish(P1, Label.LISTENER_UNSAFE, shown=("coach.unsafe",)), "direct_question"),
    (wish(P1, Label.LISTENER_UNSAFE, Label.ACTIVE_IDEATION), "direct_question"),
    (wish(P3, Label.LISTENER_UNSAFE, shown=("coach.unsafe",)), None),
    (wish(P3, Label.LISTENER_BOUNDARY, Cue.LSTN_2), "coach.boundary"),
    (wish(P3, Label.OFF_PLATFORM), "coach.off_platform"),
    (wish(P3, Label.OFF_PLATFORM, Cue.MONEY), "coach.off_platform"),
    # P2.
    (wish(P2), "orient.seat"),
    (wish(P2, shown=("orient.seat",)), "direct_question"),
    (wish(P2, Label.ACTIVE_IDEATION), "direct_question"),
    (wish(P2, Label.ACTIVE_IDEATION, shown=ASKED), None),
    (wish(P2, Label.ACTIVE_IDEATION, shown=(*ASKED, "orient.seat")), None),
    (wish(P2, Label.ACTIVE_IDEATION, Cue.AFFIRMED, shown=ASKED), "hold"),
    (wish(P2, Label.SELF_INJURY_URGE), "direct_question"),
    (wish(P2, Label.THIRD_PARTY), "third_party"),
    (wish(P2, Label.THIRD_PARTY, Label.ACTIVE_IDEATION), "third_party"),
    (wish(P2, Label.THIRD_PARTY, shown=("third_party",)), "direct_question"),
    (wish(P2, Label.THIRD_PARTY, Label.SUICIDE_PLAN), "direct_question"),
    (wish(P2, Cue.DEP_3, Label.DEPENDENCY), "dependency"),
    (wish(P2, Cue.DEP_3, shown=("dependency",)), "direct_question"),
    (wish(P2, Cue.DEP_3, Label.ACTIVE_IDEATION), "direct_question"),
    (wish(P2, Cue.STOP_ASKING, shown=("stop_asking",)), None),
    # P3.
    (wish(P3), "orient.seat"),
    (wish(P3, Label.PASSIVE_IDEATION), "orient.seat"),
    (wish(P3, Label.PASSIVE_IDEATION, Label.TRANSFERENCE), "orient.seat"),
    (wish(P3, Cue.HOPELESS, shown=ORIENT[:4]), "orient.breathe"),
    (wish(P3, Cue.HOPELESS, shown=ORIENT), None),
    (wish(P3, Label.PANIC), "panic.breathe"),
    (wish(P3, Label.PANIC, shown=("panic.breathe", "panic.red_flags")), "orient.seat"),
    (wish(P3, Label.PANIC, Cue.MEDICAL), "panic.ambulance"),
    (wish(P3, Cue.MEDICAL, shown=("panic.ambulance",)), None),
    (wish(P3, Label.TRANSFERENCE), "boundary.love"),
    (wish(P3, Cue.TRANS_3), "boundary.love"),
    (wish(P3, Label.TRANSFERENCE, shown=("boundary.love",)), None),
    (wish(P3, Label.TRANSFERENCE, Label.OFF_PLATFORM), "boundary.contact"),
    (wish(P3, Label.OFF_PLATFORM, Cue.TRANS_3), "boundary.meeting"),
    (wish(P3, Label.TRANSFERENCE, Cue.MONEY), "boundary.gift"),
    (wish(P3, Label.DEPENDENCY), "dependency"),
    (wish(P3, Label.DEPENDENCY, Label.OFF_PLATFORM), "boundary.contact"),
    (wish(P3, Label.THIRD_PARTY), "third_party"),
    (wish(P3, Cue.STOP_ASKING), "stop_asking"),
    (wish(P3, Cue.STOP_ASKING, shown=("stop_asking",)), None),
    (wish(P3, shown=("a card of an older version",)), "orient.seat"),
]


@pytest.mark.parametrize(("asked", "expected"), TABLE)
def test_the_table_of_choices(asked: CardWish, expected: str | None) -> None:
    card = SHIPPED.pick(asked)
    assert (card.id if card else None) == expected


def test_the_library_fits_the_port() -> None:
    pick: PickCard = SHIPPED.pick
    assert pick(wish()) is not None


def test_a_whole_rooftop_ends_in_contact() -> None:
    shown: tuple[str, ...] = ()
    for _ in range(12):
        card = SHIPPED.pick(wish(P0, Label.DANGEROUS_PLACE, place=True, shown=shown))
        assert card is not None
        shown = (*shown, card.id)
    assert shown[:5] == ROOF
    assert shown[5:10] == HOLD
    assert shown[10:] == HOLD[:2]


IDS = [entry.card.id for entry in SHIPPED.entries] + ["gone.since"]
GROUNDING = {"orient", "panic"}

wishes = st.builds(
    CardWish,
    level=st.sampled_from(Level),
    labels=st.frozensets(st.sampled_from(Label), max_size=4),
    cues=st.frozensets(st.sampled_from(Cue), max_size=4),
    place_open=st.booleans(),
    on_call=st.booleans(),
    shown=st.lists(st.sampled_from(IDS), max_size=12).map(tuple),
)


@given(wishes)
def test_every_wish_gets_a_shipped_card_or_silence_and_always_the_same(asked: CardWish) -> None:
    card = SHIPPED.pick(asked)
    assert card is None or SHIPPED.get(card.id) is card
    assert SHIPPED.pick(asked) is card


@given(wishes.filter(lambda asked: asked.place_open))
def test_nobody_at_an_open_place_is_taught_to_breathe(asked: CardWish) -> None:
    card = SHIPPED.pick(asked)
    assert card is not None
    assert card.flow in {"roof", "hold", "stop_asking"}


@given(wishes)
def test_nothing_is_said_twice_in_a_row(asked: CardWish) -> None:
    card = SHIPPED.pick(asked)
    if card is not None and asked.shown:
        assert card.id != asked.shown[-1]


@given(wishes.filter(lambda asked: asked.level <= P1))
def test_nobody_in_grave_danger_is_left_without_a_sentence(asked: CardWish) -> None:
    assert SHIPPED.pick(asked) is not None


@given(wishes.filter(lambda asked: asked.level <= P2))
def test_grounding_never_stands_in_for_the_direct_question(asked: CardWish) -> None:
    card = SHIPPED.pick(asked)
    own = asked.labels & {Label.SUICIDE_PLAN, Label.SUICIDE_PREPARATION, Label.SUICIDE_ATTEMPT}
    if own:
        assert card is None or card.flow not in GROUNDING


@given(wishes)
def test_who_was_asked_or_has_said_yes_is_not_asked_again(asked: CardWish) -> None:
    card = SHIPPED.pick(asked)
    knows = {Cue.AFFIRMED, Cue.ACT_NOW} & asked.cues or {"roof.ask", *ASKED} & set(asked.shown)
    if knows:
        assert card is None or card.id not in {"roof.ask", "direct_question"}


@given(wishes)
def test_who_wants_no_questions_gets_none_once_at_a_distance(asked: CardWish) -> None:
    tired = CardWish(
        level=asked.level,
        labels=asked.labels - {Label.LISTENER_GOADING},
        cues=asked.cues | {Cue.STOP_ASKING},
        place_open=asked.place_open,
        on_call=asked.on_call,
        shown=(*asked.shown, "roof.inward", "roof.seated"),
    )
    card = SHIPPED.pick(tired)
    assert card is not None
    assert "？" not in card.say
