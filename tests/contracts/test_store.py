"""One body for every store: what `safety.core.ports.Store` promises, on SQLite and PostgreSQL."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import delete, select

from safety.app.store.engine import open_engine, transaction
from safety.app.store.tables import cases, evidence, markers, readings
from safety.app.store.upkeep import Retention, purge
from safety.app.wiring import Parts
from safety.core.conversation import SeenCue
from safety.core.errors import (
    Conflict,
    InvalidRequest,
    Misconfigured,
    SafetyError,
    StoreUnavailable,
)
from safety.core.events import Chip
from safety.core.ports import DeadLetter, Record, Transaction
from safety.core.types import Cue, EventId, Level, PersonId, TenantId
from tests.app import fixtures
from tests.app.makers import (
    CALM,
    RING,
    SECRET,
    TENANT,
    counts,
    fresh,
    key_entry,
    message,
    one,
    opened,
    push,
    reading,
    talk,
    turn,
    update,
    whole_database,
)
from tests.fakes import NOON
from tests.services import Postgres

shared_url, url, parts = fixtures.shared_url, fixtures.url, fixtures.parts
NAIVE = datetime(2026, 3, 5, 12, 0)
FULL = talk(
    client_id=PersonId("u-1"),
    listener_id=PersonId("l-1"),
    subject=PersonId("u-1"),
    window=(turn("m-1"), turn("m-2", CALM)),
    level=Level.P1,
    open_level=Level.P2,
    prior_risk_at=NOON,
    place_at=NOON,
    call_since=NOON,
    chips=(Chip.BRIDGE, Chip.WIND),
    cues=(SeenCue(Cue.FAREWELL, NOON),),
    shown=("a", "b"),
    last_client_at=NOON + timedelta(milliseconds=125),
    card_seq=7,
    silence_due_at=NOON + timedelta(seconds=60),
)


def told(error: BaseException) -> str:
    """Everything a log could print of an error."""
    return "".join(traceback.format_exception(error)) + repr(error)


class TestMarkers:
    def test_an_event_is_remembered_once(self, parts: Parts) -> None:
        event = message()
        with parts.store.transaction() as tx:
            tx.remember([(event, Level.P1)])
        with pytest.raises(Conflict), parts.store.transaction() as tx:
            tx.remember([(message("m-2"), None), (event, None)])
        keys = [(TENANT, EventId("m-1")), (TENANT, EventId("m-2"))]
        assert parts.store.recall(keys, []).seen == {keys[0]}

    def test_the_same_event_twice_in_one_batch_is_a_conflict_too(self, parts: Parts) -> None:
        with pytest.raises(Conflict), parts.store.transaction() as tx:
            tx.remember([(message(), None), (message(), None)])
        assert counts(parts.store.engine)["markers"] == 0

    def test_tenants_do_not_share_ids(self, parts: Parts) -> None:
        with parts.store.transaction() as tx:
            tx.remember([(message(), None), (message(tenant=TenantId("other")), None)])
        asked = [(TenantId("third"), EventId("m-1")), (TENANT, EventId("m-1"))]
        assert parts.store.recall(asked, []).seen == {asked[1]}

    def test_recall_of_more_keys_than_one_statement_takes(self, parts: Parts) -> None:
        events = [message(f"m-{number}") for number in range(2_300)]
        with parts.store.transaction() as tx:
            tx.remember([(event, None) for event in events])
            tx.save_conversations([talk(f"c-{number}") for number in range(1_100)])
        recall = parts.store.recall(
            [(TENANT, event.event_id) for event in events] + [(TENANT, EventId("new"))],
            [talk(f"c-{number}").key for number in range(1_101)],
        )
        assert len(recall.seen) == 2_300
        assert len(recall.conversations) == 1_100


class TestConversations:
    def test_come_back_as_they_were_one_version_on(self, parts: Parts) -> None:
        with parts.store.transaction() as tx:
            tx.save_conversations([FULL])
        (found,) = parts.store.recall([], [FULL.key, talk("c-2").key]).conversations.values()
        assert found == FULL._replace(version=1)

    def test_the_second_of_two_writers_is_refused(self, parts: Parts) -> None:
        with parts.store.transaction() as tx:
            tx.save_conversations([talk()])
        (read_once,) = parts.store.recall([], [talk().key]).conversations.values()
        with parts.store.transaction() as tx:
            tx.save_conversations([read_once._replace(level=Level.P1)])
        for stale in (read_once, talk()):
            with pytest.raises(Conflict), parts.store.transaction() as tx:
                tx.save_conversations([talk("c-2"), stale._replace(level=Level.P3)])
        (now,) = parts.store.recall([], [talk().key, talk("c-2").key]).conversations.values()
        assert (now.version, now.level) == (2, Level.P1)

    def test_of_racing_writers_one_wins(self, parts: Parts) -> None:
        start = Barrier(4)

        def write(number: int) -> bool:
            start.wait(10)
            try:
                with parts.store.transaction() as tx:
                    tx.save_conversations([talk(card_seq=number)])
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(write, range(1, 5))) == 1


class TestTransactions:
    def test_what_raises_leaves_nothing(self, parts: Parts) -> None:
        before = counts(parts.store.engine)
        with pytest.raises(KeyError), parts.store.transaction() as tx:
            tx.remember([(message(), Level.P1)])
            tx.save_conversations([talk()])
            tx.save_readings([reading(message())])
            tx.update_cases([update(turns=(turn(),))], parts.escalation)
            tx.push_cards([push(1)])
            raise KeyError
        assert counts(parts.store.engine) == before
        assert not any(before.values())

    @pytest.mark.parametrize(
        "write",
        [
            lambda tx, parts: tx.save_conversations([talk(silence_due_at=NAIVE)]),
            lambda tx, parts: tx.push_cards([push(1, at=NAIVE)]),
            lambda tx, parts: tx.save_readings([reading(message(at=NAIVE, text=SECRET))]),
            lambda tx, parts: tx.update_cases([update(at=NAIVE)], parts.escalation),
            lambda tx, parts: tx.update_cases([update(turns=(turn(at=NAIVE),))], parts.escalation),
        ],
    )
    def test_a_naive_time_is_refused_and_not_quoted(
        self, parts: Parts, write: Callable[[Transaction, Parts], None]
    ) -> None:
        with (
            pytest.raises(ValueError, match="naive time") as caught,
            parts.store.transaction() as tx,
        ):
            write(tx, parts)
        assert SECRET not in told(caught.value)
        assert not any(counts(parts.store.engine).values())


class TestSilence:
    def test_gives_what_is_due_longest_overdue_first(self, parts: Parts) -> None:
        due = {f"c-{s}": talk(f"c-{s}", silence_due_at=NOON + timedelta(seconds=s)) for s in
               (30, -5, 0, -60)}  # fmt: skip
        with parts.store.transaction() as tx:
            tx.save_conversations([*due.values(), talk("calm")])
        with parts.store.transaction() as tx:
            names = [item.conversation_id for item in tx.due_conversations(NOON, 10)]
            assert names == ["c--60", "c--5", "c-0"]
            assert len(tx.due_conversations(NOON, 2)) == 2

    @pytest.mark.postgres
    def test_two_transactions_do_not_get_the_same_one(self, database_url: str) -> None:
        with fresh(database_url) as parts:
            with parts.store.transaction() as tx:
                tx.save_conversations(
                    [talk(f"c-{number}", silence_due_at=NOON) for number in range(4)]
                )
            with parts.store.transaction() as one_tx, parts.store.transaction() as other_tx:
                first = one_tx.due_conversations(NOON, 3)
                second = other_tx.due_conversations(NOON, 3)
                assert (len(first), len(second)) == (3, 1)
                assert {item.key for item in first}.isdisjoint({item.key for item in second})


class TestCases:
    def test_one_open_case_for_each_client_under_racing_threads(self, parts: Parts) -> None:
        start = Barrier(5)

        def write(number: int) -> None:
            start.wait(10)
            for _ in range(20):
                try:
                    opened(parts, update(Level.P1, conversation=f"c-{number}"))
                except Conflict:
                    continue
                return
            raise AssertionError("never got through")

        with ThreadPoolExecutor(5) as pool:
            list(pool.map(write, range(5)))
        (case,) = parts.casework.open_cases()
        kinds = [entry.kind for entry in parts.casework.story(case.id)]
        assert kinds.count("opened") == 1
        assert kinds.count("seen_again") == 4

    def test_a_case_rises_and_never_falls_by_itself(self, parts: Parts) -> None:
        (case,) = opened(parts, update(Level.P2), update(Level.P0), update(Level.P3))
        assert (case.level, case.status.value) == (Level.P0, "open")

    def test_turns_without_a_level_open_no_case(self, parts: Parts) -> None:
        assert opened(parts, update(None, turns=(turn(),))) == []
        assert counts(parts.store.engine)["evidence"] == 0


class TestSecrecy:
    def fill(self, parts: Parts) -> None:
        """The words go everywhere they may go."""
        event = message(text=SECRET)
        with parts.store.transaction() as tx:
            tx.remember([(event, Level.P1)])
            tx.save_conversations([FULL])
            tx.save_readings([reading(event)])
            said = (turn(), turn("m-2", CALM, NOON + timedelta(seconds=1)))
            tx.update_cases([update(turns=said)], parts.escalation)
            tx.push_cards([push(1)])
        record = Record("chat.events", 0, 1, None, f"{{{SECRET}".encode())
        parts.dead_letters.send([DeadLetter(record, "not_json")])

    def test_no_word_is_anywhere_in_the_database(self, parts: Parts) -> None:
        self.fill(parts)
        (case,) = parts.casework.open_cases()
        assert len(parts.casework.read_evidence(case.id, PersonId("p"), "交接")) == 2
        everything = whole_database(parts.store.engine)
        assert b"opened" in everything, "the scan sees what is written"
        for form in (SECRET.encode(), SECRET[2:8].encode(), SECRET.encode("utf-16-le"),
                     SECRET.encode("unicode_escape"), CALM.encode()):  # fmt: skip
            assert form not in everything

    def test_an_older_key_still_opens_and_the_new_one_seals(self, url: str) -> None:
        with fresh(url) as before:
            self.fill(before)
        with fresh(url, f"{key_entry('k2', b'b')},{RING}") as after:
            (case,) = after.casework.open_cases()
            turns = after.casework.read_evidence(case.id, PersonId("p"), "交接")
            assert [item.text for item in turns] == [SECRET, CALM]
            (found,) = after.store.recall([], [FULL.key]).conversations.values()
            with after.store.transaction() as tx:
                tx.save_conversations([found])
                tx.update_cases([update(client="u-2", turns=(turn("m-9"),))], after.escalation)
        with fresh(url, key_entry("k2", b"b")) as later:
            assert later.store.recall([], [FULL.key]).conversations[FULL.key].window == FULL.window
            newer = next(case for case in later.casework.open_cases() if case.client_id == "u-2")
            assert later.casework.read_evidence(newer.id, PersonId("p"), "交接")
            with pytest.raises(Misconfigured, match="'k1' is needed"):
                later.casework.read_evidence(case.id, PersonId("p"), "交接")

    def test_a_wrong_key_says_so_and_quotes_nothing(self, url: str) -> None:
        with fresh(url) as before:
            self.fill(before)
            (case,) = before.casework.open_cases()
        wrong = key_entry("k1", b"z")
        with fresh(url, wrong) as parts:
            attempts: list[Callable[[], object]] = [
                lambda: parts.store.recall([], [FULL.key]),
                lambda: parts.casework.read_evidence(case.id, PersonId("p"), "交接"),
                lambda: opened(parts, update(Level.P0)),
            ]
            for attempt in attempts:
                with pytest.raises(Misconfigured) as caught:
                    attempt()
                assert SECRET not in told(caught.value)
                assert wrong.split(":")[1][:8] not in told(caught.value)

    def test_evidence_of_one_case_does_not_open_under_another(self, parts: Parts) -> None:
        mine = one(parts, turns=(turn(),))
        opened(parts, update(client="u-2", turns=(turn("m-2"),)))
        with transaction(parts.store.engine) as connection:
            stolen = connection.execute(
                select(cases.c.case_key).where(cases.c.client_id == "u-2")
            ).scalar_one()
        with pytest.raises(Misconfigured):
            parts.store.vault.unwrap(stolen, "k1", mine.id)


class TestForgetting:
    def test_a_closed_case_loses_its_texts_and_its_key_and_stays_a_record(
        self, parts: Parts
    ) -> None:
        case = one(parts, turns=(turn(),))
        still_open = next(
            item for item in opened(parts, update(client="u-2", turns=(turn("m-2"),)))
            if item.client_id == "u-2"
        )  # fmt: skip
        parts.casework.close(case.id, PersonId("counsellor-1"), "已经安全")
        engine, closed_at = parts.store.engine, NOON
        purge(engine, closed_at + timedelta(days=179), Retention())
        assert counts(engine)["evidence"] == 2
        purge(engine, closed_at + timedelta(days=181), Retention())
        with transaction(engine) as connection:
            left = connection.scalars(select(evidence.c.case_id)).all()
            rows = connection.execute(select(cases.c.id, cases.c.case_key)).all()
            keys = {row.id: row.case_key for row in rows}
        assert left == [still_open.id]
        assert keys[case.id] is None
        assert keys[still_open.id] is not None
        with pytest.raises(InvalidRequest, match="destroyed"):
            parts.casework.read_evidence(case.id, PersonId("p"), "复盘")
        assert parts.casework.case(case.id).status.value == "closed"

    def test_what_raised_no_alarm_is_gone_after_thirty_days(self, parts: Parts) -> None:
        TestSecrecy().fill(parts)
        with parts.store.transaction() as tx:
            tx.save_readings([replace(reading(message("m-5")), level=None)])
        engine = parts.store.engine
        purge(engine, NOON + timedelta(days=29), Retention())
        assert counts(engine)["markers"] == 1
        assert counts(engine)["conversations"] == 0, "the window lives for a day"
        purge(engine, NOON + timedelta(days=31), Retention())
        left = counts(engine)
        gone = ("markers", "cards", "dead_letters", "conversations", "heartbeats")
        assert {name: left[name] for name in gone} == dict.fromkeys(gone, 0)
        assert left["readings"] == 1, "what raised an alarm stays for the audit"
        assert left["evidence"] == 2


class TestBreakdown:
    def test_a_stopped_database_is_said_so_and_survived(self, own_postgres: Postgres) -> None:
        with fresh(own_postgres.url) as parts:
            with pytest.raises(StoreUnavailable) as caught, parts.store.transaction() as tx:
                tx.remember([(message(), Level.P1)])
                tx.update_cases([update(turns=(turn(),))], parts.escalation)
                own_postgres.kill()
            assert SECRET not in told(caught.value)
            attempts: list[Callable[[], object]] = [
                lambda: parts.store.recall([(TENANT, EventId("m-1"))], []),
                parts.casework.open_cases,
                lambda: parts.desk.claim(NOON, 30, 10),
                lambda: parts.outbox.relay(10, lambda letters: None),
                parts.heartbeats.all,
            ]
            for attempt in attempts:
                with pytest.raises(StoreUnavailable):
                    attempt()
            own_postgres.start()
            assert not any(counts(parts.store.engine).values()), "all or nothing: nothing"
            with parts.store.transaction() as tx:
                tx.remember([(message(), Level.P1)])
            assert parts.store.recall([(TENANT, EventId("m-1"))], []).seen

    @pytest.mark.postgres
    def test_a_value_that_can_never_be_kept_is_not_tried_for_ever(self, database_url: str) -> None:
        with fresh(database_url) as parts:
            with pytest.raises(SafetyError) as caught, parts.store.transaction() as tx:
                tx.remember([(message(f"{SECRET}\x00"), None)])
            assert isinstance(caught.value, InvalidRequest)
            assert SECRET not in told(caught.value)

    def test_a_broken_schema_is_unavailable_and_quotes_nothing(self, parts: Parts) -> None:
        with transaction(parts.store.engine) as connection:
            connection.execute(delete(readings))
            connection.exec_driver_sql("ALTER TABLE readings RENAME TO lost")
        with pytest.raises(StoreUnavailable) as caught, parts.store.transaction() as tx:
            tx.save_readings([reading(message(SECRET))])
        assert SECRET not in told(caught.value)
        assert SECRET not in str(caught.value.__context__), "nor in what a debugger would show"

    def test_no_such_place_is_said_without_the_address(self) -> None:
        with pytest.raises(Misconfigured, match="dialect"):
            open_engine("not an address")
        with pytest.raises(Misconfigured, match="sqlite"):
            open_engine("mysql://somebody:geheim@host/x")
        engine = open_engine("postgresql://jiezhu:geheim@127.0.0.1:1/none")
        with pytest.raises(StoreUnavailable) as caught, transaction(engine) as connection:
            connection.execute(select(markers))
        assert "geheim" not in told(caught.value)
        engine.dispose()
