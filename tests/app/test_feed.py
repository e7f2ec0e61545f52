"""What leaves: cards over server-sent events, and letters through the outbox."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import orjson
import pytest

from safety.app.outlets import WebhookOutlet, open_outlet
from safety.app.settings import Settings
from safety.app.store.feed import Letter
from safety.app.wiring import Parts
from safety.core.errors import Conflict, Misconfigured, NotifierUnavailable
from safety.core.types import ConversationId, EventId, Level, PersonId
from tests.app.makers import TENANT, counts, fresh, message, one, opened, push, talk, update
from tests.app.serving import Plan, serve
from tests.fakes import FakeClock

CONVERSATION = ConversationId("c-1")


def write_cards(parts: Parts, conversation: str, count: int, names: itertools.count[int]) -> None:
    """As a consumer does it: the number comes from the conversation's own guarded memory."""
    done = 0
    while done < count:
        event = message(f"m-{next(names)}", conversation)
        key = talk(conversation).key
        known = parts.store.recall([(TENANT, EventId("x"))], [key]).conversations
        now = known.get(key, talk(conversation))
        now = now._replace(card_seq=now.card_seq + 1)
        try:
            with parts.store.transaction() as tx:
                tx.remember([(event, Level.P1)])
                tx.save_conversations([now])
                tx.push_cards([push(now.card_seq, conversation)])
        except Conflict:
            continue
        done += 1


class TestFeed:
    def test_resumes_without_gap_or_repeat_while_four_write(self, parts: Parts) -> None:
        names, total = itertools.count(1), 24
        with serve(parts, Plan(consuming=False)) as served, ThreadPoolExecutor(4) as pool:
            writers = [pool.submit(write_cards, parts, "c-1", total // 4, names) for _ in range(4)]
            seen: list[int] = []
            while len(seen) < total:
                some = served.cards("c-1", seen[-1] if seen else 0, min(5, total - len(seen)))
                seen += [card["seq"] for card in some]
            for writer in writers:
                writer.result()
        assert seen == list(range(1, total + 1))

    def test_wakes_at_once_when_a_card_comes(self, parts: Parts) -> None:
        with serve(parts, Plan(consuming=False)) as served, ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(served.cards, "c-1", 0, 2)
            write_cards(parts, "c-2", 1, itertools.count(50))
            write_cards(parts, "c-1", 2, itertools.count(1))
            cards = waiting.result(4)
        assert [(card["seq"], card["conversation_id"]) for card in cards] == [
            (1, "c-1"),
            (2, "c-1"),
        ]

    @pytest.mark.parametrize(
        ("params", "headers"),
        [
            ({"after": "-1"}, {}),
            ({"after": "x"}, {}),
            ({"after": "9" * 30}, {}),
            ({}, {"Last-Event-ID": "x"}),
            ({}, {"Last-Event-ID": "-1"}),
            ({}, {"Last-Event-ID": "9" * 30}),
        ],
    )
    def test_an_absurd_place_is_refused(
        self, parts: Parts, params: dict[str, str], headers: dict[str, str]
    ) -> None:
        with serve(parts, Plan(consuming=False)) as served:
            answer = served.http.get("/v1/conversations/c-1/cards", params=params, headers=headers)
        assert answer.status_code == 422

    def test_pages_of_a_long_feed_follow_each_other(self, parts: Parts) -> None:
        with parts.store.transaction() as tx:
            tx.push_cards([push(seq) for seq in range(1, 251)])
            tx.push_cards([push(1, "c-2")])
        seen: list[int] = []
        while entries := parts.feed.after(TENANT, CONVERSATION, seen[-1] if seen else 0):
            seen += [entry.seq for entry in entries]
        assert seen == list(range(1, 251))
        newest = parts.feed.newest_since(parts.clock.now())
        assert newest == {(TENANT, CONVERSATION): 250, (TENANT, ConversationId("c-2")): 1}


@pytest.fixture
def publishing(url: str) -> Any:
    with fresh(url, feed_webhook_url="http://127.0.0.1:1/feed") as parts:
        yield parts


class TestOutbox:
    def test_tells_of_cards_and_of_every_step_of_a_case(self, publishing: Parts) -> None:
        with publishing.store.transaction() as tx:
            tx.push_cards([push(1)])
        case = one(publishing)
        opened(publishing, update(Level.P0))
        person = PersonId("counsellor-1")
        publishing.casework.acknowledge(case.id, person)
        publishing.casework.close(case.id, person, "已经安全")
        out: list[Letter] = []
        assert publishing.outbox.relay(100, out.extend) == 5
        told = [(letter.topic, orjson.loads(letter.payload)) for letter in out]
        assert told[0][0] == "listener.cards"
        assert [payload["what"] for topic, payload in told[1:] if topic == "safety.cases"] == [
            "opened",
            "raised",
            "acknowledged",
            "closed",
        ]
        assert len({payload["id"] for _, payload in told}) == 5, "each has an id of its own"
        assert "已经安全" not in str(told)
        assert publishing.outbox.relay(100, out.extend) == 0
        assert counts(publishing.store.engine)["outbox"] == 0

    def test_what_did_not_leave_leaves_again(self, publishing: Parts) -> None:
        for number in range(3):
            with publishing.store.transaction() as tx:
                tx.push_cards([push(1, f"c-{number}")])
        tried: list[str] = []

        def refuse(letters: Sequence[Letter]) -> None:
            tried.extend(letter.key for letter in letters)
            raise NotifierUnavailable("away")

        with pytest.raises(NotifierUnavailable):
            publishing.outbox.relay(2, refuse)
        left: list[Letter] = []
        while publishing.outbox.relay(2, left.extend):
            pass
        assert [letter.key for letter in left] == ["c-0", "c-1", "c-2"]
        assert tried == ["c-0", "c-1"]

    def test_two_relays_share_the_work(self, publishing: Parts) -> None:
        with publishing.store.transaction() as tx:
            tx.push_cards([push(1, f"c-{number}") for number in range(120)])
        start, sent, lock = threading.Barrier(2), Counter[str](), threading.Lock()

        def publish(letters: Sequence[Letter]) -> None:
            with lock:
                sent.update(letter.key for letter in letters)

        def work(_number: int) -> None:
            start.wait(10)
            idle = 0
            while idle < 3:
                idle = 0 if publishing.outbox.relay(7, publish) else idle + 1

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(work, range(2)))
        assert len(sent) == 120
        assert set(sent.values()) == {1}

    def test_a_slow_receiver_keeps_nobody_from_writing(self, publishing: Parts) -> None:
        with publishing.store.transaction() as tx:
            tx.push_cards([push(1)])

        def slow(letters: Sequence[Letter]) -> None:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(one, publishing).result(5)

        assert publishing.outbox.relay(10, slow) == 1
        assert len(publishing.casework.open_cases()) == 1

    def test_without_an_outlet_nothing_piles_up(self, parts: Parts) -> None:
        one(parts)
        with parts.store.transaction() as tx:
            tx.push_cards([push(1)])
        assert counts(parts.store.engine)["outbox"] == 0


class TestWebhook:
    LETTERS = (Letter(1, "listener.cards", "c-1", '{"seq":1}'),
               Letter(2, "safety.cases", "k", '{"seq":2}'))  # fmt: skip

    def send(self, status: int | Exception) -> list[httpx.Request]:
        asked: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            if isinstance(status, Exception):
                raise status
            return httpx.Response(status)

        with httpx.Client(transport=httpx.MockTransport(answer)) as client:
            WebhookOutlet("http://p/feed", [b"geheim"], client, FakeClock())(self.LETTERS)
        return asked

    def test_posts_one_signed_array(self) -> None:
        (request,) = self.send(204)
        assert orjson.loads(request.content) == [{"seq": 1}, {"seq": 2}]
        assert any("geheim" not in value for value in request.headers.values())
        assert "signature" in " ".join(request.headers).lower()

    @pytest.mark.parametrize("status", [302, 404, 500, httpx.ConnectError("no")])
    def test_whatever_is_no_yes_is_a_no(self, status: int | Exception) -> None:
        with pytest.raises(NotifierUnavailable):
            self.send(status)

    def test_needs_a_secret(self) -> None:
        with pytest.raises(Misconfigured, match="JIEZHU_WEBHOOK_SECRETS"):
            open_outlet(Settings(feed_webhook_url="http://p/feed"), FakeClock())
        assert open_outlet(Settings(), FakeClock()) is None
