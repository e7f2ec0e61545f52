"""What a store of verdicts promises, on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from safety.app.store.casework import NoSuchCase
from safety.app.store.engine import transaction
from safety.app.store.tables import cases, verdicts
from safety.app.store.training import MASK, TURNS_BEFORE, Export, masked, training_rows
from safety.app.store.upkeep import Retention, purge
from safety.app.store.verdicts import NoSuchMessage, Saying
from safety.app.wiring import Parts
from safety.core.cases import Case
from safety.core.errors import InvalidRequest, Misconfigured
from safety.core.feedback import Consent, Fired, Judged, standing
from safety.core.types import CaseId, EventId, Label, Level
from tests.app import fixtures
from tests.app.judging import (
    GAME,
    LEXICON,
    A,
    B,
    give,
    judged_case,
    read,
    said,
)
from tests.app.makers import CALM, SECRET, counts, fresh, key_entry, opened, whole_database
from tests.app.makers import update as more
from tests.fakes import NOON, FakeClock

shared_url, url, parts = fixtures.shared_url, fixtures.url, fixtures.parts

WISHED = Fired("lexicon", "g002", ("active_ideation",), ("time_now",))
ROOFED = Fired("lexicon", "g082", ("dangerous_place",))
QUOTED = "他说的是真的，海棠树那句就是告别"


class TestGiving:
    def test_keeps_what_was_said_and_what_it_was_said_of(self, parts: Parts) -> None:
        case = judged_case(parts)
        kept = give(
            parts, case, Judged.TRUE, term="g002", consent=Consent.GIVEN, reason=QUOTED,
            labels=(Label.SUICIDE_PLAN, Label.ACTIVE_IDEATION),
        )  # fmt: skip
        (found,) = parts.verdicts.of_case(case.id, reasons=True)
        assert found == kept
        assert (found.case_id, found.client_id) == (case.id, "u-1")
        assert (found.conversation_id, found.event_id) == ("c-u-1", "m-1")
        assert (found.person, found.at, found.judged, found.term) == (A, NOON, Judged.TRUE, "g002")
        assert found.labels == ("active_ideation", "suicide_plan")
        assert (found.consent, found.level) == (Consent.GIVEN, Level.P1)
        assert found.fired == (WISHED, ROOFED)
        assert found.versions == {"lexicon": LEXICON}
        assert (found.has_reason, found.reason) == (True, QUOTED)
        (untold,) = parts.verdicts.of_case(case.id)
        assert (untold.has_reason, untold.reason) == (True, None)

    def test_a_missed_message_has_nothing_that_fired(self, parts: Parts) -> None:
        case = judged_case(parts)
        kept = give(parts, case, Judged.MISSED, "m-2", labels=(Label.PANIC,))
        assert (kept.level, kept.fired, kept.versions) == (None, (), {})
        assert kept.consent is Consent.UNKNOWN

    def test_a_level_that_the_model_alone_called_for_is_something_that_fired(
        self, parts: Parts
    ) -> None:
        case = judged_case(parts)
        read(parts, "m-2", level=Level.P2, reasons=("p2.model", "p3.passive"))
        kept = give(parts, case, Judged.FALSE, "m-2", term="p2.model")
        assert kept.fired == (Fired("model", "p2.model"),)

    def test_the_last_word_counts_and_the_ones_before_stay(self, parts: Parts) -> None:
        case = judged_case(parts)
        give(parts, case, Judged.TRUE)
        give(parts, case, Judged.FALSE, person=B)
        give(parts, case, Judged.FALSE, reason="是歌词")
        found = parts.verdicts.of_case(case.id)
        assert [item.judged.value for item in found] == ["true", "false", "false"]
        assert [item.id for item in found] == sorted(item.id for item in found)
        stands = [(item.verdict.person, item.verdict.judged.value) for item in standing(found)]
        assert sorted(stands) == [(A, "false"), (B, "false")]

    def test_the_same_once_more_changes_nothing_and_any_difference_does(self, parts: Parts) -> None:
        case = judged_case(parts)
        saying = Saying(EventId("m-1"), Judged.TRUE, "g002", (), reason="是真的")
        first, is_new = parts.verdicts.give(case.id, A, saying)
        assert is_new
        assert parts.verdicts.give(case.id, A, saying) == (first, False)
        for different in (
            replace(saying, reason="确实是真的"),
            replace(saying, reason=None),
            replace(saying, reason=None, term="g082"),
            replace(saying, reason=None, term=None),
            replace(saying, reason=None, term=None, labels=(Label.PANIC,)),
            replace(saying, judged=Judged.WITHDRAWN),
            saying,
        ):
            assert parts.verdicts.give(case.id, A, different)[1]
        assert counts(parts.store.engine)["verdicts"] == 8

    @pytest.mark.parametrize("consent", [Consent.GIVEN, Consent.REFUSED])
    def test_consent_is_heard_every_time(self, parts: Parts, consent: Consent) -> None:
        case = judged_case(parts)
        other = Consent.REFUSED if consent is Consent.GIVEN else Consent.GIVEN
        give(parts, case, Judged.TRUE, consent=consent)
        give(parts, case, Judged.TRUE, consent=other, person=B)
        give(parts, case, Judged.TRUE, consent=consent)
        assert len(parts.verdicts.of_case(case.id)) == 3
        assert len(exported(parts)[0]) == (1 if consent is Consent.GIVEN else 0)

    def test_what_was_read_of_a_case_is_there_to_be_judged(self, parts: Parts) -> None:
        case = judged_case(parts)
        found = parts.verdicts.read_of(case.id)
        assert set(found) == {"m-1"}
        assert (found[EventId("m-1")].level, found[EventId("m-1")].fired) == (
            Level.P1,
            (WISHED, ROOFED),
        )

    def test_verdicts_outlive_the_reading(self, parts: Parts) -> None:
        case = judged_case(parts)
        read(parts, "m-2", GAME, level=None, reasons=())
        give(parts, case, Judged.FALSE, "m-2", term="g035")
        purge(parts.store.engine, NOON + timedelta(days=31), Retention())
        assert EventId("m-2") not in parts.verdicts.read_of(case.id)
        (found,) = parts.verdicts.of_case(case.id)
        assert found.fired == (Fired("lexicon", "g035", ("passive_ideation",)),)

    def test_a_closed_case_can_still_be_judged(self, parts: Parts) -> None:
        case = judged_case(parts)
        parts.casework.close(case.id, A, "家人到了")
        assert give(parts, case, Judged.TRUE).judged is Judged.TRUE


class TestRefusing:
    @pytest.mark.parametrize(
        ("saying", "words"),
        [
            (Saying(EventId("m-2"), Judged.TRUE), "only be missed"),
            (Saying(EventId("m-2"), Judged.FALSE), "only be missed"),
            (Saying(EventId("m-1"), Judged.MISSED), "was raised"),
            (Saying(EventId("m-2"), Judged.MISSED, "g002"), "has no term"),
            (Saying(EventId("m-1"), Judged.TRUE, "g999"), "did not fire"),
            (Saying(EventId("m-1"), Judged.WITHDRAWN), "nothing of this message yet"),
            (Saying(EventId("m-3"), Judged.MISSED), "client or a listener"),
            (Saying(EventId("m-2"), Judged.MISSED, None, (Label.LISTENER_UNSAFE,)), "no label of"),
            (Saying(EventId("m-0"), Judged.MISSED, None, (Label.PANIC,)), "no label of"),
        ],
    )
    def test_what_says_nothing_is_refused_and_what_was_said_stays(
        self, parts: Parts, saying: Saying, words: str
    ) -> None:
        case = judged_case(parts)
        give(parts, case, Judged.TRUE, person=B)
        with pytest.raises(InvalidRequest, match=words):
            parts.verdicts.give(case.id, A, saying)
        (kept,) = parts.verdicts.of_case(case.id)
        assert kept.person == B

    def test_both_may_move_off_the_platform(self, parts: Parts) -> None:
        case = judged_case(parts)
        for event in ("m-0", "m-2"):
            give(parts, case, Judged.MISSED, event, labels=(Label.OFF_PLATFORM,))
        kept = parts.verdicts.of_case(case.id)
        assert {(one.event_id, tuple(one.labels)) for one in kept} == {
            ("m-0", (Label.OFF_PLATFORM,)),
            ("m-2", (Label.OFF_PLATFORM,)),
        }

    def test_a_message_of_another_case_is_not_there(self, parts: Parts) -> None:
        case = judged_case(parts)
        other = judged_case(parts, (said("m-9"),), "u-2")
        with pytest.raises(NoSuchMessage):
            give(parts, other, Judged.TRUE, "m-1")
        with pytest.raises(NoSuchMessage):
            give(parts, case, Judged.MISSED, "m-9")

    @pytest.mark.parametrize("name", ["", "nobody", "a\x00b"])
    def test_there_is_no_such_case(self, parts: Parts, name: str) -> None:
        with pytest.raises(NoSuchCase):
            parts.verdicts.give(CaseId(name), A, Saying(EventId("m-1"), Judged.TRUE))
        with pytest.raises(NoSuchCase):
            parts.verdicts.of_case(CaseId(name))


class TestSecrecy:
    def test_no_word_of_a_reason_is_anywhere_in_the_database(self, parts: Parts) -> None:
        case = judged_case(parts)
        give(parts, case, Judged.TRUE, reason=QUOTED)
        everything = whole_database(parts.store.engine)
        assert b"dangerous_place" in everything, "the scan sees what is written"
        for form in (QUOTED.encode(), QUOTED[3:9].encode(), QUOTED.encode("unicode_escape")):
            assert form not in everything

    def test_a_reason_opens_on_its_own_message_alone(self, parts: Parts) -> None:
        case = judged_case(parts)
        give(parts, case, Judged.MISSED, "m-2", reason=QUOTED)
        with transaction(parts.store.engine) as connection:
            key = connection.execute(select(verdicts.c.key)).scalar_one()
            connection.execute(update(verdicts).values(key=bytes(reversed(bytes(key)))))
        with pytest.raises(Misconfigured):
            parts.verdicts.of_case(case.id, reasons=True)

    def test_reasons_go_with_the_texts_of_their_case_and_the_rest_stays(self, url: str) -> None:
        clock = FakeClock()
        with fresh(url, clock=clock) as parts:
            case = judged_case(parts)
            give(parts, case, Judged.TRUE, reason=QUOTED)
            parts.casework.close(case.id, A, "家人到了")
            purge(parts.store.engine, NOON + timedelta(days=179), Retention())
            assert parts.verdicts.of_case(case.id, reasons=True)[0].reason == QUOTED
            purge(parts.store.engine, NOON + timedelta(days=181), Retention())
            (left,) = parts.verdicts.of_case(case.id, reasons=True)
            assert (left.judged, left.has_reason, left.reason) == (Judged.TRUE, False, None)
            with transaction(parts.store.engine) as connection:
                assert connection.execute(select(verdicts.c.sealed)).scalar_one() is None
            with pytest.raises(InvalidRequest, match="destroyed"):
                give(parts, case, Judged.FALSE)


class TestLookingBack:
    def test_gives_what_was_said_since(self, url: str) -> None:
        clock = FakeClock()
        with fresh(url, clock=clock) as parts:
            case = judged_case(parts)
            give(parts, case, Judged.TRUE)
            clock.advance(86_400)
            give(parts, case, Judged.FALSE, person=B)
            assert [v.person for v in parts.verdicts.since()] == [A, B]
            assert [v.person for v in parts.verdicts.since(NOON + timedelta(hours=1))] == [B]
            assert parts.verdicts.since(NOON + timedelta(days=2)) == []


def exported(parts: Parts) -> tuple[list[dict[str, object]], Export]:
    came_to = Export()
    return list(training_rows(parts.store, came_to)), came_to


def consented(parts: Parts, case: Case, event_id: str = "m-1", judged: Judged = Judged.TRUE,
              term: str | None = None) -> None:  # fmt: skip
    give(parts, case, judged, event_id, term, consent=Consent.GIVEN)


class TestTrainingRows:
    def test_a_row_has_words_labels_and_versions_and_no_name(self, parts: Parts) -> None:
        case = judged_case(parts)
        consented(parts, case, term="g002")
        (row,), came_to = exported(parts)
        assert came_to == Export(rows=1)
        assert (row["role"], row["text"]) == ("client", SECRET)
        assert row["before"] == [{"role": "listener", "text": "你好"}]
        assert (row["verdict"], row["terms"], row["level"]) == ("true", ["g002"], "P1")
        assert (row["labels"], row["wrong_labels"]) == (["active_ideation"], [])
        assert row["versions"] == {"lexicon": LEXICON}
        assert row["consent"] == "given"
        ids = [row[name] for name in ("message", "conversation", "client", "counsellor")]
        assert len({str(name) for name in ids}) == 4
        for name in ("default", "u-1", "c-u-1", "m-1", A, case.id):
            assert name not in {str(value) for value in row.values()}
        assert exported(parts)[0] == [row], "the same ids every time"

    def test_only_with_consent_and_until_it_is_refused(self, parts: Parts) -> None:
        case = judged_case(parts)
        other = judged_case(parts, (said("m-7"), said("m-8")), "u-2")
        give(parts, case, Judged.TRUE)
        assert exported(parts) == ([], Export(without_consent=1))
        consented(parts, case, "m-2", Judged.MISSED)
        consented(parts, other, "m-7", Judged.MISSED)
        assert len(exported(parts)[0]) == 2
        give(parts, case, Judged.MISSED, "m-2", person=B, consent=Consent.REFUSED)
        (row,), came_to = exported(parts)
        assert (row["text"], came_to) == (SECRET, Export(rows=1, without_consent=3))
        give(parts, case, Judged.MISSED, "m-2", consent=Consent.GIVEN)
        assert len(exported(parts)[0]) == 2, "what was agreed to after the refusal"

    def test_a_changed_verdict_leaves_as_it_was_changed(self, parts: Parts) -> None:
        case = judged_case(parts)
        consented(parts, case)
        consented(parts, case, judged=Judged.FALSE)
        (row,), _ = exported(parts)
        assert (row["verdict"], row["labels"]) == ("false", [])
        assert row["wrong_labels"] == ["active_ideation", "dangerous_place"]
        give(parts, case, Judged.FALSE, labels=(Label.ACTIVE_IDEATION,), consent=Consent.GIVEN)
        (row,), _ = exported(parts)
        assert (row["labels"], row["wrong_labels"]) == (["active_ideation"], ["dangerous_place"])
        give(parts, case, Judged.WITHDRAWN)
        assert exported(parts) == ([], Export())

    def test_what_was_destroyed_is_counted_and_left_out(self, parts: Parts) -> None:
        case = judged_case(parts)
        other = judged_case(parts, (said("m-7"),), "u-2")
        consented(parts, case)
        consented(parts, other, "m-7", Judged.MISSED)
        with transaction(parts.store.engine) as connection:
            connection.execute(update(cases).where(cases.c.id == case.id).values(case_key=None))
        rows, came_to = exported(parts)
        assert ([row["verdict"] for row in rows], came_to) == (["missed"], Export(1, 0, 1))
        parts.casework.close(other.id, A, "家人到了")
        purge(parts.store.engine, NOON + timedelta(days=181), Retention())
        assert exported(parts) == ([], Export(shredded=2))

    def test_at_most_eight_turns_before_and_of_the_same_conversation(self, parts: Parts) -> None:
        turns = tuple(said(f"m-{n}", f"第{n}句", after_s=n) for n in range(12))
        case = judged_case(parts, turns)
        opened(parts, more(None, conversation="c-9", turns=(said("m-x", CALM, after_s=10),)))
        consented(parts, case, "m-11", Judged.MISSED)
        (row,), _ = exported(parts)
        before = [f"第{n}句" for n in range(11 - TURNS_BEFORE, 11)]
        assert row["before"] == [{"role": "client", "text": text} for text in before]

    def test_another_key_opens_nothing(self, url: str) -> None:
        with fresh(url) as parts:
            consented(parts, judged_case(parts))
        with fresh(url, key_entry("k1", b"z")) as parts, pytest.raises(Misconfigured) as caught:
            exported(parts)
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("家里还有30片", "家里还有□□片"),
        ("一百粒都在这", "□□粒都在这"),
        ("我在18楼", "我在□□楼"),
        ("电话 138 1234 5678", "电话 □□□□□□□□□□□□□"),
        ("加我12345678", "加我□□□□□□□□"),
        ("想4,3点了还睡不着", "想4,3点了还睡不着"),
        ("500MG", "□□□MG"),
    ],
)
def test_amounts_and_numbers_are_masked_in_place(text: str, hidden: str) -> None:
    assert masked(text) == hidden
    assert len(masked(text)) == len(text)
    assert MASK not in masked("我今天很难受,想回家")
