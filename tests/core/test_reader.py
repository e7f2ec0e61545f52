"""From a batch to everything that will be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pytest

from safety.core.cards import Card, CardWish
from safety.core.conversation import CaseUpdate
from safety.core.errors import ClassifierUnavailable
from safety.core.events import Chip, Event, EventType
from safety.core.reader import Effects, Reader
from safety.core.types import Assessment, Cue, Evidence, Label, Level, Role, Utterance
from tests.core.builders import (
    RULES,
    TALK,
    TENANT,
    Bench,
    after,
    assessed,
    card_of,
    event,
    help_,
    memory,
    message,
)

WISH = "真的不想活了"
NOTHING = "今天吃了面"
QUESTION = "你想过自杀吗"
YES = "是的"


class YesAfterQuestion:
    """Hears a yes only where a direct question stands before it; no language beyond that."""

    versions: Mapping[str, str] = MappingProxyType({})

    def __init__(self) -> None:
        self.asked: list[Utterance] = []

    def assess(self, utterances: Sequence[Utterance]) -> list[Assessment]:
        self.asked += utterances
        return [self._one(item) for item in utterances]

    def _one(self, item: Utterance) -> Assessment:
        asked = any(turn.text == QUESTION for turn in item.before)
        if item.text != YES or not asked:
            return Assessment(item.event_id)
        yes = (Evidence("context", 0, 2, "asked", Label.ACTIVE_IDEATION, Cue.AFFIRMED),)
        return Assessment(item.event_id, {Label.ACTIVE_IDEATION: 0.8}, yes)


def read(bench: Bench, *events: Event) -> Effects:
    return bench.reader.read(events, {})


def kept(effects: Effects) -> list[tuple[Level | None, list[str]]]:
    """Each case update's level and the texts of its turns."""
    return [(item.level, [turn.text for turn in item.turns]) for item in effects.updates]


# What is asked of the classifier.


def test_a_message_is_read_with_the_turns_before_it_and_both_roles() -> None:
    bench = Bench()
    lines = [message(f"第{at}句", at, Role.LISTENER if at % 2 else Role.CLIENT) for at in range(10)]
    read(bench, *lines)
    last = bench.classifier.asked[-1]
    assert [turn.text for turn in last.before] == [f"第{at}句" for at in range(9)]
    assert {turn.role for turn in last.before} == {Role.CLIENT, Role.LISTENER}
    assert len(bench.classifier.asked) == 10


def test_a_full_window_gives_at_least_eight_turns_before() -> None:
    bench = Bench()
    read(bench, *(message(f"第{at}句", at) for at in range(30)))
    assert len(bench.classifier.asked[-1].before) == RULES.window_turns - 1 >= 8


def test_the_whole_text_is_read_and_its_ends_are_remembered() -> None:
    bench = Bench()
    effects = read(bench, message("长" * 3000), message(NOTHING, 1))
    assert bench.classifier.asked[0].text == "长" * 3000
    assert len(bench.classifier.asked[1].before[0].text) == 1001
    assert len(effects.conversations[TENANT, TALK].window[0].text) == 1001


def test_events_without_words_are_not_read() -> None:
    bench = Bench()
    bench.classifier.down = True
    assert read(bench, event(EventType.TYPING), help_(at=1)).told[-1].level is Level.P0
    with pytest.raises(ClassifierUnavailable):
        read(bench, message(NOTHING))


def test_a_late_question_puts_the_answer_in_a_new_light() -> None:
    reader = Reader(YesAfterQuestion(), card_of, RULES)
    question = message(QUESTION, 1, Role.LISTENER)
    in_time = reader.read([question, message(YES, 5)], {})
    assert [item.level for item in in_time.told] == [None, Level.P1]
    first = reader.read([message(YES, 5)], {})
    assert [item.level for item in first.told] == [None]
    late = reader.read([question], first.conversations)
    assert [(item.event_id, item.level) for item in late.decisions] == [("c-1@5", Level.P1)]
    assert late.told[0].level is None, "the question itself calls for nothing"
    assert (late.told[0].standing, late.told[0].card) == (Level.P1, late.pushes[0].card)
    assert kept(late) == [(Level.P1, [QUESTION, YES])]


def test_a_late_message_has_only_later_turns_read_again_and_once() -> None:
    bench = Bench()
    lines = [message("一", 10), message("二", 20), message("三", 30)]
    read(bench, *lines, message("迟", 15))
    asked = [(item.text, len(item.before)) for item in bench.classifier.asked]
    assert asked == [("一", 0), ("二", 1), ("三", 2), ("迟", 1), ("二", 2), ("三", 3)]


def test_a_message_older_than_the_window_is_read_alone_and_disturbs_nothing() -> None:
    bench = Bench()
    effects = read(bench, *(message(NOTHING, at) for at in range(1, 13)), message(WISH, 0))
    assert len(bench.classifier.asked) == 13
    assert bench.classifier.asked[-1].before == ()
    assert effects.told[-1].level is Level.P1
    assert WISH not in [
        turn.text for item in effects.conversations.values() for turn in item.window
    ]


# What is told.


def test_a_degraded_reading_is_counted_and_kept() -> None:
    class Half:
        versions: Mapping[str, str] = MappingProxyType({})

        def assess(self, utterances: Sequence[Utterance]) -> list[Assessment]:
            return [Assessment(item.event_id, degraded=item.text == "半") for item in utterances]

    effects = Reader(Half(), card_of, RULES).read([message("半"), message("全", 1)], {})
    assert effects.degraded == 1
    assert [item.event.event_id for item in effects.readings] == ["c-1@0"]


def test_readings_are_those_in_which_something_fired() -> None:
    effects = read(Bench(), message(NOTHING), message(WISH, 1), message("谢谢你，再见了", 2))
    assert [item.event.event_id for item in effects.readings] == ["c-1@1", "c-1@2"]
    assert effects.readings[0].level is Level.P1
    assert effects.readings[0].reasons == ("p1.intent", "p2.thoughts")
    assert effects.degraded == 0


def test_each_event_is_told_with_its_own_level_and_the_standing_one() -> None:
    effects = read(
        Bench(),
        message(NOTHING),
        message(WISH, 1),
        message("活着没意思", 2),
        event(EventType.READ, 3),
    )
    told = [(item.level, item.standing, item.card is not None) for item in effects.told]
    assert told == [
        (None, None, False),
        (Level.P1, Level.P1, True),
        (Level.P3, Level.P1, True),
        (None, Level.P1, False),
    ]


def test_a_silence_before_an_event_is_not_the_events_own_level() -> None:
    effects = read(Bench(), message(WISH), message(NOTHING, 70, Role.LISTENER))
    assert [item.level for item in effects.decisions] == [Level.P1, Level.P0]
    assert [(item.level, item.standing) for item in effects.told] == [
        (Level.P1, Level.P1),
        (None, Level.P0),
    ]


# Cases and evidence.


def test_no_case_no_evidence() -> None:
    effects = read(Bench(), message(NOTHING), message("想开点", 1, Role.LISTENER))
    assert effects.updates == []
    assert len(effects.decisions) == len(effects.pushes) == 1


def test_a_case_opens_with_the_window_and_goes_on_with_each_message() -> None:
    effects = read(
        Bench(),
        message("早上好", 0),
        message("我在听", 1, Role.LISTENER),
        message(WISH, 2),
        event(EventType.TYPING, 3),
        message("陪陪我", 4),
        message("活着没意思", 5),
    )
    assert kept(effects) == [
        (Level.P1, ["早上好", "我在听", WISH]),
        (None, ["陪陪我"]),
        (Level.P3, []),
        (None, ["活着没意思"]),
    ]
    assert {item.client_id for item in effects.updates} == {"u-c-1"}


def test_a_professionals_words_take_the_case_and_a_listeners_do_not() -> None:
    effects = read(
        Bench(),
        message("我是值班老师", 0, Role.COUNSELLOR),
        message(WISH, 1),
        message("我在", 2, Role.LISTENER),
        message("我是值班老师", 3, Role.COUNSELLOR),
    )
    taken = [(item.at, item.taken_by) for item in effects.updates if item.taken_by]
    assert taken == [(after(3), "counsellor-1")]


def test_urgency_travels_with_the_case() -> None:
    effects = read(Bench(), message(WISH), event(EventType.CALL_DROP, 1))
    assert [(item.level, item.urgent) for item in effects.updates] == [
        (Level.P1, False),
        (Level.P0, True),
    ]


def test_the_conversation_stands_for_a_client_nobody_knows() -> None:
    bench = Bench()
    effects = read(bench, help_(), message(WISH, 1))
    assert {item.client_id for item in effects.updates} == {"conversation:c-1"}, (
        "one case stays one"
    )
    known = read(bench, message(NOTHING), help_(at=1))
    assert {item.client_id for item in known.updates} == {"u-c-1"}


def test_the_case_stays_with_whom_it_was_opened_for() -> None:
    other = event(EventType.SESSION_START, 1, Role.SYSTEM, client_id="u-other")
    effects = read(Bench(), message(WISH), other, message(WISH, 2, Role.CLIENT))
    assert {item.client_id for item in effects.updates} == {"u-c-1"}


def test_silence_alone_updates_the_case_without_new_turns() -> None:
    bench = Bench()
    before = read(bench, message(WISH)).conversations.values()
    effects = bench.reader.let_silence_pass(before, after(60))
    assert kept(effects) == [(Level.P0, [])]
    assert [item.level for item in effects.pushes] == [Level.P0]
    assert effects.told == []
    assert bench.reader.let_silence_pass(before, after(59)).updates == []


# Cards.


class Wishes:
    """Remembers what was wished for; gives a card unless it was told to be silent."""

    def __init__(self, *, silent: bool = False) -> None:
        self.wishes: list[CardWish] = []
        self.silent = silent

    def __call__(self, wish: CardWish) -> Card | None:
        self.wishes.append(wish)
        return None if self.silent else card_of(wish)


def wished(*events: Event) -> list[CardWish]:
    wishes = Wishes()
    Reader(Bench().classifier, wishes, RULES).read(events, {})
    return wishes.wishes


def test_cards_are_numbered_without_a_gap() -> None:
    bench = Bench()
    effects = read(bench, *(message(WISH, at) for at in range(40)))
    assert [push.seq for push in effects.pushes] == list(range(1, 41))
    now = effects.conversations[TENANT, TALK]
    assert now.card_seq == 40
    assert len(now.shown) == 32
    more = bench.reader.read([message(WISH, 50)], effects.conversations)
    assert [push.seq for push in more.pushes] == [41]


def test_silence_instead_of_a_card_takes_no_number() -> None:
    reader = Reader(Bench().classifier, Wishes(silent=True), RULES)
    effects = reader.read([message(WISH)], {})
    assert effects.pushes == []
    assert effects.told[0].card is None
    assert effects.conversations[TENANT, TALK].card_seq == 0


def test_a_card_goes_to_the_listener_if_there_is_one() -> None:
    effects = read(Bench(), message(WISH), message("嗯", 1, Role.LISTENER), message(WISH, 2))
    assert [push.listener_id for push in effects.pushes] == ["", "l-1"]
    assert [push.at for push in effects.pushes] == [after(0), after(2)]


def test_a_wish_says_what_is_known() -> None:
    call = event(EventType.CALL_START)
    [chip, words] = wished(call, help_(Chip.ROOFTOP, 1), message("别找我了", 2))
    assert (chip.level, chip.on_call, chip.place_open, chip.labels) == (
        Level.P1,
        True,
        True,
        frozenset(),
    )
    assert (words.level, words.cues, words.shown) == (
        Level.P3,
        frozenset({Cue.DISAPPEARANCE}),
        ("P1.0",),
    )
    assert not wished(message(WISH))[0].on_call


def test_gasping_is_answered_as_panic() -> None:
    [wish] = wished(help_(Chip.GASPING))
    assert (wish.level, wish.labels) == (Level.P3, frozenset({Label.PANIC}))


def test_a_client_who_wants_no_questions_is_heard_once_there_was_a_card() -> None:
    assert wished(message("别问了")) == []
    [_, wish] = wished(message(WISH), message("别问了", 1))
    assert wish.cues == {Cue.STOP_ASKING}
    assert wish.level is Level.P1, "the risk state is kept"
    effects = read(Bench(), message("活着没意思"), message("别问了", 1))
    assert [
        (push.level, item.level) for push, item in zip(effects.pushes, effects.told, strict=True)
    ] == [
        (Level.P3, Level.P3),
        (Level.P3, None),
    ]
    assert len(effects.updates) == 2, "evidence, and no level"


def test_a_lapse_of_the_listener_is_a_card_at_the_level_that_stands() -> None:
    [_, wish] = wished(help_(), message("想开点", 1, Role.LISTENER))
    assert (wish.level, wish.labels) == (Level.P0, frozenset({Label.LISTENER_UNSAFE}))
    [wish] = wished(message("想开点", 1, Role.LISTENER))
    assert wish.level is Level.P3


def test_labels_below_one_half_are_not_in_the_wish() -> None:
    class Faint:
        versions: Mapping[str, str] = MappingProxyType({})

        def assess(self, utterances: Sequence[Utterance]) -> list[Assessment]:
            reading = assessed({Label.ACTIVE_IDEATION: 0.9, Label.PANIC: 0.4})
            return [reading for _ in utterances]

    wishes = Wishes()
    Reader(Faint(), wishes, RULES).read([message("字")], {})
    assert wishes.wishes[0].labels == {Label.ACTIVE_IDEATION}


def test_an_open_case_of_the_past_is_told_from_none() -> None:
    closed = memory(level=Level.P0, open_level=None, client_id="u-c-1")
    effects = Bench().reader.read([message(NOTHING), message(WISH, 1)], {closed.key: closed})
    assert kept(effects) == [(Level.P1, [NOTHING, WISH])]
    assert effects.told[0].standing is Level.P0
    assert [isinstance(item, CaseUpdate) for item in effects.updates] == [True]
