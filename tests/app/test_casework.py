"""What professionals do with cases, and what it leaves behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from safety.app.store.casework import NoSuchCase
from safety.app.wiring import Parts
from safety.core.cases import CaseStatus
from safety.core.conversation import SeenCue
from safety.core.errors import InvalidRequest
from safety.core.events import Chip
from safety.core.types import CaseId, Cue, Level, PersonId
from tests.app.makers import SECRET, TENANT, one, opened, talk, turn, update
from tests.fakes import NOON

A, B = PersonId("counsellor-1"), PersonId("counsellor-2")


class TestAcknowledging:
    def test_of_racing_people_one_becomes_the_owner(self, parts: Parts) -> None:
        case = one(parts)
        start = threading.Barrier(5)

        def press(number: int) -> str | None:
            start.wait(10)
            return parts.casework.acknowledge(case.id, PersonId(f"counsellor-{number}")).owner

        with ThreadPoolExecutor(5) as pool:
            owners = set(pool.map(press, range(5)))
        assert len(owners) == 1, "everybody is told the same owner"
        now = parts.casework.case(case.id)
        assert {now.owner} == owners
        assert now.version == case.version + 1
        kinds = [entry.kind for entry in parts.casework.story(case.id)]
        assert kinds.count("acknowledged") == 1

    def test_again_changes_nothing(self, parts: Parts) -> None:
        case = one(parts)
        first = parts.casework.acknowledge(case.id, A)
        parts.store.clock.sleep(10)
        assert parts.casework.acknowledge(case.id, A) == first
        assert parts.casework.acknowledge(case.id, B) == first
        assert parts.casework.case(case.id) == first

    def test_a_case_that_rises_afterwards_is_everybodys_again(self, parts: Parts) -> None:
        case = one(parts, Level.P2)
        parts.casework.acknowledge(case.id, A)
        (risen,) = opened(parts, update(Level.P0))
        assert (risen.status, risen.level) == (CaseStatus.OPEN, Level.P0)
        taken = parts.casework.take(case.id, B)
        assert (taken.owner, taken.status) == (B, CaseStatus.TAKEN)


class TestTaking:
    def test_stops_the_ladder(self, parts: Parts) -> None:
        taken = parts.casework.take(one(parts).id, A)
        assert (taken.status, taken.owner, taken.ladder.due_at) == (CaseStatus.TAKEN, A, None)
        assert parts.casework.take(taken.id, A) == taken
        assert parts.casework.acknowledge(taken.id, A) == taken

    @pytest.mark.parametrize("before", ["acknowledge", "take"])
    def test_somebody_elses_case_is_refused(self, parts: Parts, before: str) -> None:
        case = one(parts)
        getattr(parts.casework, before)(case.id, A)
        with pytest.raises(InvalidRequest, match="somebody else"):
            parts.casework.take(case.id, B)
        assert parts.casework.case(case.id).owner == A

    def test_words_of_a_professional_take_it_too(self, parts: Parts) -> None:
        case = one(parts)
        opened(parts, update(None, taken_by=A, turns=(turn("m-2"),)))
        now = parts.casework.case(case.id)
        assert (now.status, now.owner, now.ladder.due_at) == (CaseStatus.TAKEN, A, None)


class TestLowering:
    @pytest.mark.parametrize("level", [Level.P0, Level.P1])
    def test_only_goes_down(self, parts: Parts, level: Level) -> None:
        case = one(parts)
        with pytest.raises(InvalidRequest, match="stands at P1"):
            parts.casework.lower(case.id, A, level, "聊过了")

    def test_is_a_judgement_with_a_reason(self, parts: Parts) -> None:
        case = one(parts)
        lowered = parts.casework.lower(case.id, A, Level.P3, "  家人 \n 陪着  ")
        assert (lowered.level, lowered.status, lowered.owner) == (Level.P3, CaseStatus.TAKEN, A)
        entry = parts.casework.story(case.id)[-1]
        assert (entry.kind, entry.who, entry.detail) == ("lowered", A, "P3 家人 陪着")

    def test_rises_again_when_the_client_gets_worse(self, parts: Parts) -> None:
        case = one(parts)
        parts.casework.lower(case.id, A, Level.P3, "家人陪着")
        (risen,) = opened(parts, update(Level.P1))
        assert (risen.level, risen.status) == (Level.P1, CaseStatus.OPEN)
        assert risen.ladder.due_at is not None
        assert parts.desk.claim(NOON, 30, 10)


class TestClosing:
    @pytest.mark.parametrize("reason", ["", "  ", "\n\t"])
    def test_needs_a_reason(self, parts: Parts, reason: str) -> None:
        case = one(parts)
        with pytest.raises(InvalidRequest, match="reason"):
            parts.casework.close(case.id, A, reason)
        with pytest.raises(InvalidRequest, match="reason"):
            parts.casework.lower(case.id, A, Level.P3, reason)
        with pytest.raises(InvalidRequest, match="reason"):
            parts.casework.read_evidence(case.id, A, reason)
        assert parts.casework.case(case.id) == case

    def test_is_final_and_the_next_danger_opens_another(self, parts: Parts) -> None:
        case = one(parts)
        closed = parts.casework.close(case.id, A, "已经安全")
        assert closed.status is CaseStatus.CLOSED
        assert parts.casework.close(case.id, B, "再关一次") == closed
        acts: list[Callable[[], object]] = [
            lambda: parts.casework.acknowledge(case.id, A),
            lambda: parts.casework.take(case.id, A),
            lambda: parts.casework.lower(case.id, A, Level.P3, "聊过了"),
        ]
        for act in acts:
            with pytest.raises(InvalidRequest, match="closed"):
                act()
        (following,) = opened(parts, update())
        assert following.id != case.id
        assert [entry.kind for entry in parts.casework.story(case.id)].count("closed") == 1

    def test_resets_every_conversation_of_the_case(self, parts: Parts) -> None:
        loaded = {
            "open_level": Level.P1,
            "level": Level.P1,
            "subject": PersonId("u-1"),
            "place_at": NOON,
            "chips": (Chip.BRIDGE,),
            "cues": (SeenCue(Cue.FAREWELL, NOON),),
            "silence_due_at": NOON,
        }
        with parts.store.transaction() as tx:
            tx.save_conversations([talk("c-1", **loaded), talk("c-2", **loaded), talk("c-3")])
        case = one(parts, turns=(turn("m-1"),))
        opened(parts, update(None, conversation="c-2", turns=(turn("m-2"),)))
        parts.casework.close(case.id, A, "已经安全")
        known = parts.store.recall([], [(TENANT, talk(f"c-{n}").conversation_id) for n in (1, 2)])
        for item in known.conversations.values():
            assert item.version == 2
            assert item.level is Level.P1, "the highest so far stays on record"
            assert (item.open_level, item.subject, item.place_at) == (None, None, None)
            assert (item.chips, item.cues, item.silence_due_at) == ((), (), None)
        with parts.store.transaction() as tx:
            assert tx.due_conversations(NOON + timedelta(days=1), 10) == []


class TestReading:
    def test_who_read_and_why_stands_in_the_timeline(self, parts: Parts) -> None:
        turns = (turn("m-2", "后来的话", NOON + timedelta(seconds=3)), turn("m-1"))
        case = one(parts, turns=turns)
        found = parts.casework.read_evidence(case.id, B, "夜班交接")
        assert [item.text for item in found] == [SECRET, "后来的话"]
        entry = parts.casework.story(case.id)[-1]
        assert (entry.kind, entry.who, entry.detail) == ("read", B, "夜班交接")
        assert entry.at == parts.store.clock.now()

    def test_the_same_turn_is_kept_once(self, parts: Parts) -> None:
        case = one(parts, turns=(turn(),))
        opened(parts, update(turns=(turn(),)))
        assert len(parts.casework.read_evidence(case.id, A, "夜班交接")) == 1

    @pytest.mark.parametrize("name", ["", "nobody", "a\x00b", "x" * 5_000, "'; --"])
    def test_there_is_no_such_case(self, parts: Parts, name: str) -> None:
        for act in (
            lambda: parts.casework.case(CaseId(name)),
            lambda: parts.casework.acknowledge(CaseId(name), A),
            lambda: parts.casework.take(CaseId(name), A),
            lambda: parts.casework.close(CaseId(name), A, "已经安全"),
            lambda: parts.casework.read_evidence(CaseId(name), A, "夜班交接"),
        ):
            with pytest.raises(NoSuchCase):
                act()

    def test_lists_the_most_urgent_and_oldest_first(self, parts: Parts) -> None:
        later = NOON + timedelta(seconds=9)
        opened(parts, update(Level.P2, "u-1"), update(Level.P0, "u-2", at=later),
               update(Level.P0, "u-3"), update(Level.P3, "u-4"))  # fmt: skip
        assert [case.client_id for case in parts.casework.open_cases()] == [
            "u-3",
            "u-2",
            "u-1",
            "u-4",
        ]
