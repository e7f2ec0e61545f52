"""`POST /v1/events`: what bad input gets, and what the good ones beside it get."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safety.app.wiring import Parts
from safety.core.errors import SourceUnavailable
from safety.core.events import Event
from safety.core.types import EventId
from tests.app.makers import CALM, TENANT, fresh, until
from tests.app.serving import REAL, Plan, Served, serve
from tests.streams.wire import EXAMPLES, wire
from tests.world import sqlite_url

LONE = "\ud83d断了"


def note(number: int, **fields: Any) -> dict[str, Any]:
    return wire("message", message_id=f"m-{number}", text=CALM, **fields)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with (
        fresh(sqlite_url(tmp_path_factory.mktemp("api")), max_body_bytes=200_000) as parts,
        serve(parts) as found,
    ):
        yield found


def handled(parts: Parts, *ids: str) -> set[str]:
    keys = [(TENANT, EventId(name)) for name in ids]
    return {str(name) for _, name in parts.store.recall(keys, []).seen}


class TestGood:
    def test_one_is_durable_when_answered(self, served: Served) -> None:
        answer = served.post(note(1))
        assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "rejected": []})
        assert handled(served.parts, "m-1") == {"m-1"}

    def test_a_batch_of_every_type(self, served: Served) -> None:
        answer = served.post(*EXAMPLES)
        assert answer.json() == {"accepted": len(EXAMPLES), "rejected": []}

    def test_an_empty_batch_is_nothing(self, served: Served) -> None:
        answer = served.http.post("/v1/events", content=b" []")
        assert (answer.status_code, answer.json()["accepted"]) == (200, 0)

    @pytest.mark.parametrize("batch", [False, True])
    def test_a_lone_surrogate_is_no_reason_to_leave_a_message_unread(
        self, served: Served, batch: bool
    ) -> None:
        name = f"lone-{batch}"
        items = [wire("message", message_id=name, text=LONE), note(2)]
        body = json.dumps(items if batch else items[0]).encode()
        assert b"\\ud83d" in body
        answer = served.http.post("/v1/events", content=body)
        assert answer.status_code == 200
        assert handled(served.parts, name) == {name}

    def test_nul_in_a_text_too(self, served: Served) -> None:
        assert served.post(wire("message", message_id="nul", text="断\x00了")).status_code == 200
        assert handled(served.parts, "nul") == {"nul"}

    def test_again_changes_nothing(self, served: Served) -> None:
        before = served.http.get("/metrics").text
        assert served.post(note(1), note(1)).status_code == 200
        after = served.http.get("/metrics").text
        name = "jiezhu_events_total "
        assert [line for line in before.splitlines() if line.startswith(name)] == [
            line for line in after.splitlines() if line.startswith(name)
        ]


class TestBad:
    @pytest.mark.parametrize(
        ("fields", "field", "reason"),
        [
            ({"role": ...}, "role", "missing"),
            ({"role": "therapist"}, "role", "bad_value"),
            ({"text": 7}, "text", "wrong_type"),
            ({"text": ...}, "text", "missing"),
            ({"sent_at": "2026-03-05T02:07:00"}, "sent_at", "bad_time"),
            ({"sent_at": "0001-01-01T00:00:00+00:00"}, "sent_at", "bad_time"),
            ({"sent_at": "9999-12-31T23:59:59-23:59"}, "sent_at", "bad_time"),
            ({"sent_at": 1772647620}, "sent_at", "wrong_type"),
            ({"message_id": ""}, "message_id", "empty"),
            ({"message_id": "a\x00b"}, "message_id", "bad_value"),
            ({"conversation_id": "c" * 201}, "conversation_id", "too_long"),
            ({"type": "telepathy"}, "type", "unknown_type"),
            ({"type": ...}, "type", "missing"),
        ],
    )
    def test_is_named_and_the_good_ones_beside_it_are_accepted(
        self, served: Served, fields: dict[str, Any], field: str, reason: str
    ) -> None:
        good = [note(100), note(101)]
        bad = {name: value for name, value in {**note(9), **fields}.items() if value is not ...}
        answer = served.post(good[0], bad, good[1])
        assert answer.status_code == 422
        assert answer.json() == {
            "accepted": 2,
            "rejected": [{"index": 1, "field": field, "reason": reason}],
        }
        alone = served.post(bad)
        assert alone.json() == {
            "accepted": 0,
            "rejected": [{"index": 0, "field": field, "reason": reason}],
        }

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"", "not_json"),
            (b"{not json", "not_json"),
            (b"[{},", "not_json"),
            (b"[NaN]", "not_json"),
            (b"\xff\xfe{}", "not_utf8"),
            (b"[\xff]", "not_utf8"),
            (b"[" * 60_000, "too_deep"),
            (b'{"a":' * 30_000, "too_deep"),
            (b"7", "not_an_object"),
            (b"[7]", "not_an_object"),
            (b"[[]]", "not_an_object"),
            (b"[null]", "not_an_object"),
            (b'{"a":1,"a":2}', "duplicate_key"),
            (b'[{"a":1,"a":2}]', "duplicate_key"),
            (b"[" + b"9" * 5_000 + b"]", "not_json"),
        ],
    )
    def test_bytes_that_are_no_event(self, served: Served, body: bytes, reason: str) -> None:
        answer = served.http.post("/v1/events", content=body)
        assert answer.status_code == 422
        assert [item["reason"] for item in answer.json()["rejected"]] == [reason]

    def test_twin_keys_spoil_their_own_object_alone(self, served: Served) -> None:
        twins = orjson.dumps(note(7)).replace(b'"type"', b'"text":"a","type"')
        body = b"[" + twins + b"," + orjson.dumps(note(110)) + b"]"
        answer = served.http.post("/v1/events", content=body)
        assert answer.json() == {
            "accepted": 1,
            "rejected": [{"index": 0, "field": None, "reason": "duplicate_key"}],
        }

    def test_too_much_at_once(self, served: Served) -> None:
        assert served.http.post("/v1/events", content=b"x" * 200_001).status_code == 413
        assert (
            served.http.post("/v1/events", content=b"[" + b"7," * 1_000 + b"7]").status_code == 413
        )

    def test_a_body_without_end_is_cut_off(self, served: Served) -> None:
        sent = 0

        def endless() -> Iterator[bytes]:
            nonlocal sent
            for _ in range(4_000):
                sent += 65_536
                yield b"x" * 65_536

        # who still sends when the door closes may lose the answer, at any point of it
        cut_off = (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError)
        with contextlib.suppress(*cut_off):
            assert served.http.post("/v1/events", content=endless()).status_code == 413
        assert sent < 100 * 65_536, "nobody read on"
        assert served.post(note(111)).status_code == 200


class TestSize:
    def test_a_text_of_a_megabyte(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        with (
            fresh(sqlite_url(tmp_path_factory.mktemp("big"))) as parts,
            serve(parts) as served,
        ):
            text = "很" * 1_048_576
            answer = served.post(wire("message", message_id="big", text=text), note(1))
            assert answer.status_code == 200
            answer = served.post(wire("message", message_id="bigger", text=text + "很"), note(2))
            assert answer.json() == {
                "accepted": 1,
                "rejected": [{"index": 0, "field": "text", "reason": "too_long"}],
            }


class Closed:
    """An intake that takes nothing until it is opened."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.accepted = 0

    def accept(self, events: Sequence[Event]) -> None:
        if not self.open.wait(15):
            raise SourceUnavailable("closed")
        self.accepted += len(events)


class TestAway:
    def test_a_full_stream_asks_to_come_back(self, parts: Parts) -> None:
        with serve(parts, Plan(consuming=False, capacity=2, timeout_s=0.2)) as served:
            for number in range(3):
                answer = served.post(note(number))
                assert answer.status_code == 503
                assert int(answer.headers["Retry-After"]) >= 0
            assert served.source.lag() == 2, "no more than it may hold"
        assert handled(parts, "m-0", "m-1", "m-2") == set()

    def test_a_whole_batch_shares_one_deadline(self, parts: Parts) -> None:
        with serve(parts, Plan(consuming=False, timeout_s=0.3)) as served:
            before = REAL.monotonic()
            assert served.post(*(note(number) for number in range(50))).status_code == 503
            assert REAL.monotonic() - before < 3

    def test_while_everybody_waits_health_still_answers(self, parts: Parts) -> None:
        closed = Closed()
        with serve(parts, Plan(intake=closed)) as served:
            answers: list[int] = []
            limits = httpx.Limits(max_connections=120)
            with httpx.Client(base_url=served.address, timeout=20, limits=limits) as many:

                def post(number: int) -> None:
                    body = orjson.dumps(note(number))
                    answers.append(many.post("/v1/events", content=body).status_code)

                threads = [threading.Thread(target=post, args=(number,)) for number in range(100)]
                for thread in threads:
                    thread.start()
                until(lambda: len(answers) >= 10, REAL)
                before = REAL.monotonic()
                assert served.http.get("/healthz").status_code == 200
                assert served.http.get("/v1/cases").status_code == 200
                assert REAL.monotonic() - before < 2
                closed.open.set()
                for thread in threads:
                    thread.join(20)
        assert set(answers) == {200, 503}
        assert answers.count(200) == closed.accepted <= 90


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
ALMOST = st.builds(
    lambda base, changes: {**base, **changes},
    st.sampled_from(EXAMPLES),
    st.dictionaries(
        st.sampled_from(sorted({name for example in EXAMPLES for name in example})),
        JSON | st.just("2026-03-05T02:07:00+08:00") | st.text("\x00\ud800\u2028a", max_size=3),
        max_size=3,
    ),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=JSON | ALMOST | st.lists(ALMOST | JSON, max_size=5))
def test_no_json_makes_a_server_error(served: Served, body: object) -> None:
    answer = served.http.post("/v1/events", content=json.dumps(body).encode())
    assert answer.status_code in (200, 422), answer.text
    result = answer.json()
    total = len(body) if isinstance(body, list) else 1
    assert result["accepted"] + len(result["rejected"]) == total or not result["accepted"]
    assert (answer.status_code == 422) == bool(result["rejected"])


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200))
def test_no_bytes_make_a_server_error(served: Served, body: bytes) -> None:
    assert served.http.post("/v1/events", content=body).status_code in (200, 422)
