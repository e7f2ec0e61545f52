"""Who may call what, cases over HTTP, feeds, health, and that no chat text is anywhere."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
import structlog

from safety.app.logs import configure_logs
from safety.app.loops import Loop
from safety.app.processes import ConsumerStep
from safety.app.store.upkeep import Beat
from safety.app.wiring import Parts
from safety.core.errors import StoreUnavailable, Unavailable
from safety.core.events import Event
from safety.core.types import Assessment, Level, PersonId, Utterance
from tests.app.makers import SECRET, WORDS, fresh, one, turn, until
from tests.app.serving import REAL, Plan, Served, serve
from tests.fakes import DictionaryClassifier, FakeClock
from tests.services import Postgres
from tests.streams.wire import wire
from tests.world import World, sqlite_url

ME = "counsellor-1"
TOKENS = {"platform-token": "platform", "people-token": "professional"}
ACT = {"person": ME, "reason": "家人陪着"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class TestDoors:
    @pytest.fixture(scope="class")
    @classmethod
    def served(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
        url = sqlite_url(tmp_path_factory.mktemp("doors"))
        with fresh(url, api_tokens=TOKENS) as parts, serve(parts) as found:
            yield found

    PLATFORM = (("POST", "/v1/events"),)
    PEOPLE = (
        ("GET", "/v1/cases"),
        ("GET", "/v1/cases/stream"),
        ("GET", "/v1/cases/x"),
        ("POST", "/v1/cases/x/evidence"),
        ("POST", "/v1/cases/x/acknowledge"),
        ("POST", "/v1/cases/x/take"),
        ("POST", "/v1/cases/x/lower"),
        ("POST", "/v1/cases/x/close"),
        ("POST", "/v1/cases/x/verdicts"),
        ("GET", "/v1/cases/x/verdicts"),
        ("GET", "/v1/feedback/precision"),
    )

    @pytest.mark.parametrize(("method", "path"), PLATFORM + PEOPLE)
    def test_without_the_right_token_nothing(self, served: Served, method: str, path: str) -> None:
        other = "people-token" if (method, path) in self.PLATFORM else "platform-token"
        body: dict[str, Any] = {} if method == "GET" else {"json": {**ACT, "level": "P2"}}
        for headers in ({}, bearer("wrong"), {"Authorization": "Bearer"}, bearer("platform-toke")):
            answer = served.http.request(method, path, headers=headers, **body)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        answer = served.http.request(method, path, headers=bearer(other), **body)
        assert answer.status_code == 403

    def test_with_it_all_is_open(self, served: Served) -> None:
        event = wire("message", text="今天下雨")
        posted = served.http.post("/v1/events", json=event, headers=bearer("platform-token"))
        assert posted.status_code == 200
        listed = served.http.get("/v1/cases", headers=bearer("people-token"))
        assert (listed.status_code, listed.json()) == (200, [])
        place = "/v1/conversations/c-1/cards"
        assert served.http.get(place).status_code == 401
        for token in TOKENS:
            with served.http.stream("GET", place, headers=bearer(token)) as answer:
                assert answer.status_code == 200

    def test_strangers_are_sent_away_before_their_body_is_read(self, served: Served) -> None:
        answer = served.http.post("/v1/events", content=b"x" * 9_000_000)
        assert answer.status_code == 401


class TestCases:
    @pytest.fixture
    def served(self, parts: Parts) -> Iterator[Served]:
        with serve(parts, Plan(consuming=False)) as found:
            yield found

    def test_a_night_with_one_case(self, served: Served) -> None:
        case = one(served.parts, turns=(turn(),))
        (listed,) = served.http.get("/v1/cases").json()
        assert (listed["case_id"], listed["level"], listed["status"]) == (case.id, "P1", "open")
        place = f"/v1/cases/{case.id}"
        assert served.http.post(f"{place}/acknowledge", json={"person": ME}).json()["owner"] == ME
        read = served.http.post(f"{place}/evidence", json={**ACT, "reason": "夜班交接"})
        assert [item["text"] for item in read.json()] == [SECRET]
        assert served.http.post(f"{place}/take", json={"person": ME}).json()["status"] == "taken"
        lowered = served.http.post(f"{place}/lower", json={**ACT, "level": "P3"})
        assert (lowered.status_code, lowered.json()["level"]) == (200, "P3")
        assert served.http.post(f"{place}/close", json=ACT).json()["status"] == "closed"
        kinds = [entry["kind"] for entry in served.http.get(place).json()["timeline"]]
        assert kinds[-5:] == ["acknowledged", "read", "taken", "lowered", "closed"]
        assert served.http.get("/v1/cases").json() == []
        assert SECRET not in served.http.get(place).text

    @pytest.mark.parametrize("name", ["nobody", "%00", "%F0%9F%A6%84", "x" * 3_000])
    def test_an_unknown_case_is_not_found(self, served: Served, name: str) -> None:
        place = f"/v1/cases/{name}"
        answers = [
            served.http.get(place),
            *(
                served.http.post(f"{place}/{act}", json={**ACT, "level": "P3"})
                for act in ("acknowledge", "take", "lower", "close", "evidence")
            ),
        ]
        assert [answer.status_code for answer in answers] == [404] * 6

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"{}",
            b'{"person":7,"reason":"aa"}',
            b'{"person":"","reason":"aa"}',
            b'{"person":"counsellor-1"}',
            b'{"person":"counsellor-1","reason":" "}',
            b'{"person":"counsellor-1","reason":["\\ud800"]}',
            b'{"person":["\\ud800"],"reason":"aa"}',
            b'{"person":"counsellor-1","reason":NaN}',
        ],
    )
    def test_a_malformed_act_names_the_field_and_changes_nothing(
        self, served: Served, body: bytes
    ) -> None:
        case = one(served.parts)
        headers = {"Content-Type": "application/json"}
        answer = served.http.post(f"/v1/cases/{case.id}/close", content=body, headers=headers)
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"][0] == "body"
        assert served.parts.casework.case(case.id) == case

    def test_odd_characters_in_a_reason_are_no_reason_to_fail(self, served: Served) -> None:
        case = one(served.parts)
        body = b'{"person":"counsellor-1","reason":"a\\u0000b\\ud800c"}'
        headers = {"Content-Type": "application/json"}
        answer = served.http.post(f"/v1/cases/{case.id}/close", content=body, headers=headers)
        assert answer.status_code == 200
        assert served.parts.casework.story(case.id)[-1].detail == "a�b�c"

    def test_only_people_of_the_roster_act(self, served: Served) -> None:
        case = one(served.parts, Level.P0)
        for person in ("nobody", "u-1", "a\x00"):
            answer = served.http.post(f"/v1/cases/{case.id}/take", json={"person": person})
            assert answer.status_code == 403
        assert served.parts.casework.case(case.id) == case

    def test_what_the_rules_forbid_is_a_conflict(self, served: Served) -> None:
        case = one(served.parts)
        place = f"/v1/cases/{case.id}"
        assert served.http.post(f"{place}/lower", json={**ACT, "level": "P1"}).status_code == 409
        served.http.post(f"{place}/take", json={"person": ME})
        other = served.http.post(f"{place}/take", json={"person": "counsellor-2"})
        assert other.status_code == 409
        assert "somebody else" in other.json()["detail"]

    def test_case_stream_tells_how_it_stands_and_what_changes(self, served: Served) -> None:
        case = one(served.parts)
        lines: list[str] = []
        with served.http.stream("GET", "/v1/cases/stream") as answer:
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    lines.append(line)
                    if len(lines) == 1:
                        served.parts.casework.close(case.id, PersonId(ME), "已经安全")
                if len(lines) == 2:
                    break
        assert lines == [f"id: {case.id}:1", f"id: {case.id}:2"]


class TestAway:
    def test_a_stopped_database_is_said_so(self, own_postgres: Postgres) -> None:
        with fresh(own_postgres.url) as parts, serve(parts, Plan(timeout_s=0.3)) as served:
            until(lambda: bool(parts.heartbeats.all()), REAL)
            own_postgres.kill()
            answers = [
                served.http.get("/v1/cases"),
                served.http.post("/v1/cases/x/take", json={"person": ME}),
                served.post(wire("message", text=SECRET)),
            ]
            for answer in answers:
                assert answer.status_code == 503
                assert int(answer.headers["Retry-After"]) >= 0
                assert SECRET not in answer.text
            ready = served.http.get("/readyz")
            assert ready.status_code == 503
            assert any(item.startswith("database:") for item in ready.json()["findings"])
            assert isinstance(parts.clock, FakeClock)
            parts.clock.advance(20)
            until(lambda: served.http.get("/healthz").status_code == 200, REAL)


class TestHealth:
    def served_with(self, parts: Parts, *loops: Loop) -> Any:
        return serve(parts, Plan(consuming=False, loops=list(loops)))

    def beat(self, parts: Parts, kind: str, ago_s: float = 0.0, oldest_s: float = 0.0,
             name: str = "", *, degraded: bool = False) -> None:  # fmt: skip
        at = parts.clock.now() - timedelta(seconds=ago_s)
        parts.heartbeats.beat(Beat(name or f"{kind}-1", kind, at, 1, oldest_s, degraded))

    def findings(self, served: Served) -> list[str]:
        answer = served.http.get("/readyz")
        body = answer.json()
        assert answer.status_code == (200 if body["ready"] else 503)
        assert body["ready"] == (not body["findings"])
        found: list[str] = body["findings"]
        return found

    def test_ready_only_when_somebody_consumes_and_somebody_dispatches(self, parts: Parts) -> None:
        with self.served_with(parts) as served:
            assert [item.split(":")[0] for item in self.findings(served)] == [
                "consume",
                "dispatch",
            ]
            self.beat(parts, "consume")
            assert [item.split(":")[0] for item in self.findings(served)] == ["dispatch"]
            self.beat(parts, "dispatch")
            assert self.findings(served) == []
            self.beat(parts, "consume", ago_s=16)
            assert self.findings(served) == ["consume: silent for 16 seconds"]
            self.beat(parts, "consume", oldest_s=90)
            assert self.findings(served) == ["stream: 90 seconds behind"]
            assert served.http.get("/healthz").status_code == 200

    def test_a_model_that_cannot_run_is_said_until_it_can(self, parts: Parts) -> None:
        with self.served_with(parts) as served:
            self.beat(parts, "dispatch")
            self.beat(parts, "consume", degraded=True)
            assert self.findings(served) == ["model: cannot run, the lexicon reads without it"]
            self.beat(parts, "consume")
            assert self.findings(served) == []

    def test_who_took_over_from_a_dead_one_is_believed(self, parts: Parts) -> None:
        with self.served_with(parts) as served:
            self.beat(parts, "dispatch")
            self.beat(parts, "consume", ago_s=300, oldest_s=90, name="dead")
            self.beat(parts, "consume", name="alive")
            assert self.findings(served) == []

    def test_a_stuck_loop_asks_for_a_restart(self, parts: Parts) -> None:
        hang = threading.Event()
        loop = Loop("work", lambda: int(hang.wait(30)), 0.0, parts.clock, parts.metrics, 10)
        with self.served_with(parts, loop) as served:
            assert served.http.get("/healthz").status_code == 200
            assert isinstance(parts.clock, FakeClock)
            parts.clock.advance(11)
            until(lambda: served.crew.loops[0].stuck is None, REAL)
            answer = served.http.get("/healthz")
            assert answer.status_code == 503
            assert answer.json()["problems"] == ["work has not finished a round for 11 seconds"]
            assert answer.json()["problems"][0] in self.findings(served)
            hang.set()

    def test_what_is_away_is_no_reason_for_a_restart_and_not_ready(self, parts: Parts) -> None:
        def away() -> int:
            raise StoreUnavailable("away")

        loop = Loop("work", away, 0.0, parts.clock, parts.metrics, 10)
        with self.served_with(parts, loop) as served:
            assert isinstance(parts.clock, FakeClock)
            parts.clock.advance(11)
            until(lambda: served.http.get("/healthz").status_code == 200, REAL)
            assert "work has not finished a round for 11 seconds" in self.findings(served)


class Talkative:
    """A classifier that fails and says what it read."""

    versions: Mapping[str, str] = MappingProxyType({"lexicon": "talkative"})

    def assess(self, utterances: Sequence[Utterance]) -> list[Assessment]:
        for item in utterances:
            if SECRET in item.text:
                raise ValueError(item.text)
        return [Assessment(item.event_id) for item in utterances]


class Leaky:
    """An intake that fails and says what it was given."""

    def accept(self, events: Sequence[Event]) -> None:
        raise RuntimeError(str(events[0]))


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything the process would write to its log."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    configure_logs(written)
    yield written
    structlog.reset_defaults()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)


class TestSilence:
    def test_no_word_in_logs_metrics_health_or_pages(self, url: str, log: io.StringIO) -> None:
        world = World(url, Talkative(), stale_after_s=600.0)
        parts = world.parts
        with serve(parts, Plan(dispatching=True, timeout_s=10)) as served:
            accepted = served.post(
                wire("message", message_id="m-1", text=SECRET),
                wire("listener_help", event_id="h-1", role="listener", sender_id="l-9"),
                wire("message", message_id="m-2", text=SECRET, type="nothing"),
                wire("message", message_id="m-3", text="还行"),
            )
            assert accepted.json()["accepted"] == 3
            served.stream.append(b"c", f"{{{SECRET}".encode())
            until(lambda: parts.dead_letters.count() == 2, REAL)
            until(lambda: len(world.phone.pages) >= 2, REAL)
            seen = [
                accepted.text,
                served.http.get("/metrics").text,
                served.http.get("/readyz").text,
                served.http.get("/v1/cases").text,
                str(world.phone.pages),
            ]
        with serve(parts, Plan(consuming=False, intake=Leaky())) as served:
            assert served.post(wire("message", text=SECRET)).status_code == 500
        seen.append(log.getvalue())
        parts.store.engine.dispose()
        assert "handling_failed" in seen[-1]
        assert "event_unhandled" in seen[-1], "that nobody read it is said aloud"
        assert "RuntimeError" in seen[-1], "what broke is said"
        for text in seen:
            assert SECRET not in text
            assert SECRET[:5] not in text
            assert "\\u6d77\\u68e0" not in text
        assert 'jiezhu_dead_letters_total{reason="unhandled"} 1.0' in seen[1]
        assert 'jiezhu_dead_letters_total{reason="not_json"} 1.0' in seen[1]

    def test_a_bad_one_is_set_aside_and_the_next_is_read_at_once(self, url: str) -> None:
        world = World(url, Talkative())
        world.sends("message", "c-1", "client", None, text=SECRET)
        world.sends("message", "c-1", "client", None, text="还行")
        world.consume()
        assert world.parts.dead_letters.count() == 1
        assert world.parts.metrics.events._value.get() == 1
        world.parts.store.engine.dispose()

    def test_when_nothing_can_be_handled_nothing_is_set_aside_for_good(self, url: str) -> None:
        world = World(url, Talkative(), batch=10)
        for number in range(40):
            world.sends("message", f"c-{number}", "client", None, text=SECRET)
        source = world.stream.source("jiezhu")
        step = ConsumerStep(world.parts, source, world.parts.dead_letters)
        with pytest.raises(Unavailable) as caught:
            for _ in range(20):
                step()
        assert SECRET not in str(caught.value)
        source.rewind()
        left = source.lag()
        assert 0 < left <= 40
        repaired = World(url, DictionaryClassifier(WORDS))
        repaired.stream = world.stream
        source.close()
        repaired.consume()
        assert repaired.parts.metrics.events._value.get() == left
        for one_world in (world, repaired):
            one_world.parts.store.engine.dispose()
