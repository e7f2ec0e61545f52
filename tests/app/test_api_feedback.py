"""Verdicts over HTTP: what is kept, what is refused, and what they come to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from safety.app.wiring import Parts
from safety.core.feedback import Judged
from safety.core.types import Level
from tests.app.judging import ROOF, WISH, A, B, give, judged_case, read, said
from tests.app.makers import SECRET, fresh
from tests.app.serving import Plan, Served, serve
from tests.fakes import FakeClock
from tests.streams.wire import wire

QUOTED = "他说的是真的，海棠树那句就是告别"


@pytest.fixture
def served(parts: Parts) -> Iterator[Served]:
    with serve(parts, Plan(consuming=False)) as found:
        yield found


def verdict(**more: Any) -> dict[str, Any]:
    return {"person": A, "event_id": "m-1", "verdict": "true", **more}


class TestGiving:
    def test_a_verdict_is_kept_and_told(self, served: Served) -> None:
        case = judged_case(served.parts)
        place = f"/v1/cases/{case.id}/verdicts"
        body = verdict(term="g002", labels=["suicide_plan"], reason=QUOTED, consent="given")
        answer = served.http.post(place, json=body)
        assert answer.status_code == 200
        told = answer.json()
        assert told["verdict_id"]
        assert {name: told[name] for name in ("event_id", "person", "verdict", "term")} == {
            "event_id": "m-1", "person": A, "verdict": "true", "term": "g002",
        }  # fmt: skip
        assert (told["labels"], told["consent"], told["level"]) == (["suicide_plan"], "given", "P1")
        assert [item["term"] for item in told["fired"]] == ["g002", "g082"]
        assert told["fired"][0]["labels"] == ["active_ideation"]
        assert told["fired"][0]["cues"] == ["time_now"]
        assert (told["stands"], told["terms"], told["has_reason"]) == (True, ["g002"], True)
        assert served.http.get(place).json() == [told]

    def test_consent_is_unknown_unless_it_is_said(self, served: Served) -> None:
        case = judged_case(served.parts)
        answer = served.http.post(f"/v1/cases/{case.id}/verdicts", json=verdict())
        assert answer.json()["consent"] == "unknown"

    def test_a_changed_verdict_stands_and_the_one_before_is_history(self, served: Served) -> None:
        case = judged_case(served.parts)
        place = f"/v1/cases/{case.id}/verdicts"
        for word in ("true", "false"):
            assert served.http.post(place, json=verdict(verdict=word)).status_code == 200
        first, second = served.http.get(place).json()
        assert (first["verdict"], first["stands"], first["terms"]) == ("true", False, [])
        assert (second["verdict"], second["stands"]) == ("false", True)
        assert second["terms"] == ["g002", "g082"]

    def test_reasons_are_told_only_to_who_says_why_they_read(self, served: Served) -> None:
        case = judged_case(served.parts)
        place = f"/v1/cases/{case.id}"
        answer = served.http.post(f"{place}/verdicts", json=verdict(reason=QUOTED))
        for open_text in (
            answer.text,
            served.http.get(f"{place}/verdicts").text,
            served.http.get(place).text,
            served.http.get("/v1/feedback/precision").text,
            served.http.get("/metrics").text,
        ):
            assert QUOTED[:6] not in open_text
            assert SECRET[:6] not in open_text
        act = {"person": B, "reason": "复盘"}
        turns = served.http.post(f"{place}/evidence", json=act).json()
        by_id = {item["event_id"]: item for item in turns}
        assert by_id["m-1"]["verdicts"][0]["reason"] == QUOTED
        assert by_id["m-1"]["level"] == "P1"
        assert [item["term"] for item in by_id["m-1"]["fired"]] == ["g002", "g082"]
        assert (by_id["m-2"]["fired"], by_id["m-2"]["verdicts"]) == ([], [])
        assert by_id["m-2"]["level"] is None
        assert served.parts.casework.story(case.id)[-1].kind == "read"

    def test_verdicts_are_counted_once(self, served: Served) -> None:
        case = judged_case(served.parts)
        place = f"/v1/cases/{case.id}/verdicts"
        for body in (
            verdict(),
            verdict(),
            verdict(verdict="missed", event_id="m-2"),
            verdict(verdict="missed"),
        ):
            served.http.post(place, json=body)
        text = served.http.get("/metrics").text
        assert 'jiezhu_verdicts_total{verdict="true"} 1.0' in text
        assert 'jiezhu_verdicts_total{verdict="missed"} 1.0' in text


def test_what_fires_on_a_message_that_came_in_can_be_judged(parts: Parts) -> None:
    with serve(parts) as served:
        sent_at = parts.clock.now().isoformat()
        words = wire("message", message_id="m-1", text="不想活", role="client", sent_at=sent_at)
        assert served.post(words).status_code == 200
        (case,) = served.http.get("/v1/cases").json()
        place = f"/v1/cases/{case['case_id']}"
        (turn,) = served.http.post(f"{place}/evidence", json={"person": A, "reason": "接单"}).json()
        (piece,) = turn["fired"]
        assert (turn["text"], turn["level"]) == ("不想活", case["level"])
        assert (piece["term"], piece["labels"]) == ("t1", ["active_ideation"])
        body = verdict(term=piece["term"], event_id=turn["event_id"])
        told = served.http.post(f"{place}/verdicts", json=body).json()
        assert told["versions"] == {"lexicon": "dictionary"}
        (share,) = served.http.get("/v1/feedback/precision").json()["terms"]
        assert (share["name"], share["true"], share["class"]) == ("t1", 1, None)


class TestRefusing:
    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"person": A, "event_id": "m-1"},
            {"person": A, "verdict": "true"},
            {"event_id": "m-1", "verdict": "true"},
            verdict(verdict="maybe"),
            verdict(verdict=True),
            verdict(event_id=""),
            verdict(event_id="x" * 201),
            verdict(term=""),
            verdict(labels=["nothing"]),
            verdict(labels="panic"),
            verdict(labels=["panic"] * 20),
            verdict(consent="yes"),
            verdict(consent=None),
            verdict(Consent="given"),
            verdict(reason=" "),
            verdict(reason="长" * 501),
        ],
    )
    def test_a_malformed_verdict_names_the_field_and_nothing_is_lost(
        self, served: Served, body: dict[str, Any]
    ) -> None:
        case = judged_case(served.parts)
        before = give(served.parts, case, Judged.FALSE)
        answer = served.http.post(f"/v1/cases/{case.id}/verdicts", json=body)
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"][0] == "body"
        assert served.parts.verdicts.of_case(case.id) == [before]

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b'{"\\ud800":1}', b'{"person":"counsellor-1","event_id":["\\ud800"]}'],
    )
    def test_no_body_breaks_it(self, served: Served, body: bytes) -> None:
        case = judged_case(served.parts)
        headers = {"Content-Type": "application/json"}
        place = f"/v1/cases/{case.id}/verdicts"
        answer = served.http.post(place, content=body, headers=headers)
        assert answer.status_code == 422

    def test_odd_characters_in_a_reason_are_no_reason_to_fail(self, served: Served) -> None:
        case = judged_case(served.parts)
        head = '{"person":"counsellor-1","event_id":"m-1","verdict":"true"'
        body = f'{head},"reason":"a\\u0000\\ud800"}}'.encode()
        headers = {"Content-Type": "application/json"}
        place = f"/v1/cases/{case.id}/verdicts"
        assert served.http.post(place, content=body, headers=headers).status_code == 200
        (kept,) = served.parts.verdicts.of_case(case.id, reasons=True)
        assert kept.reason == "a��"

    def test_only_people_of_the_roster_who_may_take_this_level(self, served: Served) -> None:
        case = judged_case(served.parts)
        place = f"/v1/cases/{case.id}/verdicts"
        for person in ("nobody", "u-1", "a\x00"):
            assert served.http.post(place, json=verdict(person=person)).status_code == 403
        assert served.parts.verdicts.of_case(case.id) == []

    @pytest.mark.parametrize(
        ("body", "status", "words"),
        [
            (verdict(event_id="m-404"), 404, "no such message"),
            (verdict(event_id="a\x00b"), 404, "no such message"),
            (verdict(event_id="m-2"), 409, "only be missed"),
            (verdict(verdict="missed"), 409, "was raised"),
            (verdict(term="g999"), 409, "did not fire"),
            (verdict(verdict="missed", event_id="m-2", term="g002"), 409, "no term"),
            (verdict(verdict="withdrawn"), 409, "said nothing"),
            (verdict(verdict="missed", event_id="m-3"), 409, "client or a listener"),
            (verdict(labels=["listener_goading"]), 409, "no label of"),
        ],
    )
    def test_what_says_nothing_is_told_so(
        self, served: Served, body: dict[str, Any], status: int, words: str
    ) -> None:
        case = judged_case(served.parts)
        answer = served.http.post(f"/v1/cases/{case.id}/verdicts", json=body)
        assert (answer.status_code, words in answer.json()["detail"]) == (status, True)
        assert served.parts.verdicts.of_case(case.id) == []

    @pytest.mark.parametrize("name", ["nobody", "%00", "x" * 3_000])
    def test_an_unknown_case_is_not_found(self, served: Served, name: str) -> None:
        place = f"/v1/cases/{name}/verdicts"
        assert served.http.get(place).status_code == 404
        assert served.http.post(place, json=verdict()).status_code == 404


class TestPrecision:
    def shares(self, served: Served, **query: Any) -> dict[str, Any]:
        answer = served.http.get("/v1/feedback/precision", params=query)
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    def test_nothing_was_said_yet(self, served: Served) -> None:
        assert self.shares(served) == {
            "days": 90,
            "verdicts": {"true": 0, "false": 0, "missed": 0},
            "labels": [],
            "terms": [],
        }

    def test_counts_by_term_and_by_label(self, served: Served) -> None:
        case = judged_case(served.parts)
        give(served.parts, case, Judged.TRUE, term="g002")
        give(served.parts, case, Judged.FALSE, term="g082")
        give(served.parts, case, Judged.FALSE, term="g002", person=B)
        found = self.shares(served)
        assert found["verdicts"] == {"true": 1, "false": 2, "missed": 0}
        by_name = {term["name"]: term for term in found["terms"]}
        assert by_name["g002"] == {
            "name": "g002",
            "true": 1,
            "false": 1,
            "precision": 0.5,
            "class": "SI-A",
            "labels": ["active_ideation"],
            "review": False,
            "may_be_dropped": False,
        }
        label = next(item for item in found["labels"] if item["name"] == "dangerous_place")
        assert label == {
            "name": "dangerous_place",
            "true": 0,
            "false": 1,
            "missed": 0,
            "precision": 0.0,
            "recall": None,
        }

    def test_a_term_that_is_mostly_wrong_is_marked_and_ideation_is_never_let_go(
        self, served: Served
    ) -> None:
        turns = tuple(said(f"m-{n}", after_s=n) for n in range(10))
        case = judged_case(served.parts, turns)
        for n in range(10):
            read(served.parts, f"m-{n}", WISH, ROOF)
            give(served.parts, case, Judged.TRUE if n == 0 else Judged.FALSE, f"m-{n}")
        by_name = {term["name"]: term for term in self.shares(served)["terms"]}
        assert by_name["g082"]["precision"] == by_name["g002"]["precision"] == 0.1
        assert (by_name["g082"]["review"], by_name["g082"]["may_be_dropped"]) == (True, True)
        assert (by_name["g002"]["review"], by_name["g002"]["may_be_dropped"]) == (True, False)

    def test_looks_back_as_far_as_it_is_told(self, served: Served) -> None:
        case = judged_case(served.parts)
        give(served.parts, case, Judged.TRUE)
        clock = served.parts.clock
        assert isinstance(clock, FakeClock)
        clock.advance(timedelta(days=91).total_seconds())
        assert self.shares(served)["terms"] == []
        found = self.shares(served, days=92)
        assert (found["days"], len(found["terms"])) == (92, 2)

    @pytest.mark.parametrize("days", ["0", "-1", "3651", "x", "1.5", "9" * 40])
    def test_senseless_days_are_refused(self, served: Served, days: str) -> None:
        answer = served.http.get("/v1/feedback/precision", params={"days": days})
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["query", "days"]


ROSTER = """
people:
  - {id: new, name: 新来的, duties: [counsellor], levels: [P2, P3], contacts: {console: new}}
"""


def test_who_may_not_take_the_level_may_not_judge_it(url: str, tmp_path: Path) -> None:
    roster = tmp_path / "roster.yaml"
    roster.write_text(ROSTER)
    with fresh(url, roster_file=roster) as parts, serve(parts, Plan(consuming=False)) as served:
        case = judged_case(parts)
        place = f"/v1/cases/{case.id}/verdicts"
        assert case.level is Level.P1
        assert served.http.post(place, json=verdict(person="new")).status_code == 403
        parts.casework.lower(case.id, A, Level.P2, "家人陪着")
        assert served.http.post(place, json=verdict(person="new")).status_code == 200
