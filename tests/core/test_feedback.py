"""Which verdict counts, which may train, and what they make of terms and labels."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety.core.feedback import (
    Consent,
    CounsellorVerdict,
    Fired,
    Judged,
    Precision,
    exportable,
    precision,
    standing,
)
from safety.core.types import CaseId, ConversationId, EventId, PersonId, TenantId
from tests.fakes import NOON

IDS = itertools.count(1)
WISH = Fired("lexicon", "g002", ("active_ideation",), ("time_now",))
ROOF = Fired("lexicon", "g082", ("dangerous_place",))
SAME = Fired("lexicon", "g003", ("active_ideation",))
KINDS = {"g002": "SI-A", "g019": "SI-P", "g082": "CTX-PLACE", "g003": "SI-A"}


def verdict(
    judged: Judged,
    event_id: str = "m-1",
    person: str = "a",
    term: str | None = None,
    labels: tuple[str, ...] = (),
    fired: tuple[Fired, ...] = (WISH, ROOF),
    consent: Consent = Consent.UNKNOWN,
    client: str = "u-1",
    conversation: str = "c-1",
    tenant: str = "default",
) -> CounsellorVerdict:
    number = next(IDS)
    return CounsellorVerdict(
        id=number,
        tenant=TenantId(tenant),
        case_id=CaseId("k-1"),
        client_id=PersonId(client),
        conversation_id=ConversationId(conversation),
        event_id=EventId(event_id),
        person=PersonId(person),
        at=NOON + timedelta(seconds=number),
        judged=judged,
        term=term,
        labels=labels,
        consent=consent,
        fired=fired,
    )


def missed(event_id: str = "m-2", *labels: str, person: str = "a") -> CounsellorVerdict:
    return verdict(Judged.MISSED, event_id, person, labels=labels, fired=())


def shares(*verdicts: CounsellorVerdict) -> Precision:
    return precision(standing(verdicts), KINDS)


def decided(verdicts: Iterable[CounsellorVerdict]) -> list[tuple[str, list[str]]]:
    return [(item.verdict.judged.value, sorted(item.terms)) for item in standing(verdicts)]


class TestStanding:
    def test_the_last_word_counts(self) -> None:
        history = [verdict(Judged.TRUE), verdict(Judged.FALSE)]
        assert decided(history) == [("false", ["g002", "g082"])]

    def test_a_word_on_one_term_leaves_the_others(self) -> None:
        history = [verdict(Judged.TRUE), verdict(Judged.FALSE, term="g082")]
        assert decided(history) == [("true", ["g002"]), ("false", ["g082"])]
        history.append(verdict(Judged.FALSE, term="g002"))
        assert decided(history) == [("false", ["g082"]), ("false", ["g002"])]

    def test_people_messages_and_tenants_stand_for_themselves(self) -> None:
        history = [
            verdict(Judged.TRUE),
            verdict(Judged.FALSE, person="b"),
            verdict(Judged.FALSE, "m-9"),
            verdict(Judged.FALSE, tenant="other"),
        ]
        assert [word for word, _ in decided(history)] == ["true", "false", "false", "false"]

    def test_what_is_taken_back_is_as_never_said(self) -> None:
        assert decided([verdict(Judged.TRUE), verdict(Judged.WITHDRAWN)]) == []
        assert decided([missed("m-1"), verdict(Judged.WITHDRAWN, fired=())]) == []
        kept = [verdict(Judged.TRUE), verdict(Judged.WITHDRAWN, term="g002")]
        assert decided(kept) == [("true", ["g082"])]
        again = [*kept, verdict(Judged.FALSE, term="g002")]
        assert decided(again) == [("true", ["g082"]), ("false", ["g002"])]

    def test_a_missed_message_is_no_longer_missed_once_it_was_judged(self) -> None:
        assert decided([missed("m-1")]) == [("missed", [])]
        assert decided([missed("m-1"), verdict(Judged.TRUE)]) == [("true", ["g002", "g082"])]
        both = decided([verdict(Judged.TRUE, term="g002"), missed("m-1")])
        assert both == [("true", ["g002"]), ("missed", [])]

    def test_a_message_that_was_raised_without_a_term_can_be_judged(self) -> None:
        assert decided([verdict(Judged.FALSE, fired=())]) == [("false", [])]


WORDS = st.lists(
    st.tuples(
        st.sampled_from(list(Judged)),
        st.sampled_from(["m-1", "m-2"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from([None, "g002", "g082"]),
    ),
    max_size=12,
)


@given(WORDS)
def test_of_each_person_at_most_one_word_stands_on_a_term(
    words: list[tuple[Judged, str, str, str | None]],
) -> None:
    history = [
        verdict(judged, event, person, None if judged is Judged.MISSED else term)
        for judged, event, person, term in words
    ]
    found = standing(history)
    spots = [
        (item.verdict.person, item.verdict.event_id, term) for item in found for term in item.terms
    ]
    assert len(spots) == len(set(spots))
    for item in found:
        later = [v for v in history if v.id > item.verdict.id and v.judged is not Judged.MISSED]
        for term in item.terms:
            about = (item.verdict.person, item.verdict.event_id)
            assert not any(
                (v.person, v.event_id) == about and v.term in (None, term) for v in later
            )


class TestConsent:
    def test_only_what_was_given_leaves(self) -> None:
        states = (Consent.REFUSED, Consent.UNKNOWN, Consent.GIVEN)
        history = [verdict(Judged.TRUE, f"m-{n}", consent=c) for n, c in enumerate(states)]
        assert exportable(history) == {history[2].id}

    def test_no_refusal_no_loss(self) -> None:
        history = [verdict(Judged.TRUE, f"m-{n}", consent=Consent.GIVEN) for n in range(3)]
        assert exportable(history) == {v.id for v in history}

    @pytest.mark.parametrize(
        ("where", "withdrawn"),
        [
            (("default", "u-1", "c-9"), True),
            (("default", "u-9", "c-1"), True),
            (("default", "u-9", "c-9"), False),
            (("other", "u-1", "c-1"), False),
        ],
    )
    def test_a_later_refusal_withdraws_what_was_given(
        self, where: tuple[str, str, str], withdrawn: bool
    ) -> None:
        before = verdict(Judged.TRUE, consent=Consent.GIVEN)
        tenant, client, conversation = where
        refusal = verdict(
            Judged.FALSE,
            "m-5",
            person="b",
            consent=Consent.REFUSED,
            tenant=tenant,
            client=client,
            conversation=conversation,
        )
        after = verdict(Judged.TRUE, "m-6", consent=Consent.GIVEN)
        unknown = verdict(Judged.TRUE, "m-7")
        expected = {after.id} if withdrawn else {before.id, after.id}
        assert exportable([before, refusal, after, unknown]) == expected


class TestPrecision:
    def test_counts_each_term_and_each_label(self) -> None:
        found = shares(
            verdict(Judged.TRUE),
            verdict(Judged.TRUE, "m-2", term="g002"),
            verdict(Judged.FALSE, "m-2", term="g082"),
            verdict(Judged.FALSE, "m-3", term="g002"),
            missed("m-4", "active_ideation"),
            missed("m-5"),
        )
        terms = {share.name: (share.true, share.false) for share in found.terms}
        assert terms == {"g002": (2, 1), "g082": (1, 1)}
        labels = {share.name: (share.true, share.false, share.missed) for share in found.labels}
        assert labels == {"active_ideation": (2, 1, 1), "dangerous_place": (1, 1, 0)}
        (wish, roof) = found.labels
        assert wish.precision == pytest.approx(2 / 3)
        assert wish.recall == pytest.approx(2 / 3)
        assert roof.precision == 0.5
        assert roof.recall == 1.0
        assert found.given == {Judged.TRUE: 2, Judged.FALSE: 2, Judged.MISSED: 2}
        assert next(s for s in found.terms if s.name == "g002").labels == ("active_ideation",)

    def test_two_terms_of_one_label_count_once_for_it(self) -> None:
        fired = (WISH, SAME)
        found = shares(
            verdict(Judged.FALSE, term="g002", fired=fired),
            verdict(Judged.TRUE, term="g003", fired=fired),
        )
        (label,) = found.labels
        assert (label.true, label.false) == (1, 0)

    def test_the_right_label_was_missed_where_another_fired(self) -> None:
        found = shares(verdict(Judged.FALSE, labels=("third_party",), fired=(WISH,)))
        labels = {s.name: (s.true, s.false, s.missed) for s in found.labels}
        assert labels == {"active_ideation": (0, 1, 0), "third_party": (0, 0, 1)}
        third = found.labels[1]
        assert (third.precision, third.recall) == (None, 0.0)

    def test_the_right_label_found_for_a_wrong_reason_is_right(self) -> None:
        found = shares(verdict(Judged.FALSE, labels=("active_ideation",), fired=(WISH,)))
        (label,), (term,) = found.labels, found.terms
        assert (label.true, label.false, label.missed) == (1, 0, 0)
        assert (term.true, term.false) == (0, 1)

    def test_nothing_said_nothing_shown(self) -> None:
        found = shares()
        assert (found.labels, found.terms) == ((), ())
        assert sum(found.given.values()) == 0


class TestReview:
    def term(self, name: str, true: int, false: int) -> tuple[bool, bool]:
        fired = (Fired("lexicon", name, ("panic",)),)
        said = [
            verdict(Judged.TRUE if n < true else Judged.FALSE, f"m-{n}", fired=fired)
            for n in range(true + false)
        ]
        (share,) = shares(*said).terms
        return share.review, share.may_be_dropped

    @pytest.mark.parametrize(
        ("true", "false", "review"),
        [(0, 10, True), (1, 9, True), (0, 9, False), (2, 8, False), (3, 13, True), (10, 0, False)],
    )
    def test_from_ten_verdicts_and_below_a_fifth(self, true: int, false: int, review: bool) -> None:
        assert self.term("g082", true, false) == (review, review)

    @pytest.mark.parametrize("name", ["g002", "g019", "model.panic", "asked.wish", "gone"])
    def test_suicidal_ideation_and_what_is_no_row_are_never_proposed_for_dropping(
        self, name: str
    ) -> None:
        assert self.term(name, 0, 50) == (True, False)

    def test_what_asks_for_review_stands_first(self) -> None:
        bad = (Fired("lexicon", "g082"),)
        said = [verdict(Judged.FALSE, f"m-{n}", fired=bad) for n in range(10)]
        said += [verdict(Judged.TRUE, f"n-{n}", fired=(WISH,)) for n in range(20)]
        assert [share.name for share in shares(*said).terms] == ["g082", "g002"]
