"""`jiezhu replay`, `check`, and what each command says of itself."""

from __future__ import annotations

import lzma
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from click.testing import CliRunner

from safety.app.cli import cli, main
from safety.app.commands.check import findings
from safety.app.commands.replay import (
    RETRIES_S,
    HttpWire,
    _interleaved,
    rounds_at_rate,
    rounds_at_speed,
    send_all,
)
from safety.app.load import load
from safety.app.player import Timed, events_of, open_lines, play_samples, stamped
from safety.app.settings import Settings
from safety.core.errors import InvalidRequest, SafetyError, SourceUnavailable
from safety.core.events import Event
from streams.codec import decode_object
from tests.app.makers import CALM, SECRET
from tests.fakes import NOON, FakeClock
from tests.streams.wire import wire


def dialogue(name: str, *texts: str) -> bytes:
    turns = [{"role": ("client", "listener")[n % 2], "text": text} for n, text in enumerate(texts)]
    return orjson.dumps({"id": name, "turns": turns})


class TestPlaying:
    def test_dialogues_become_messages_and_events_keep_their_times(self) -> None:
        later = (NOON + timedelta(seconds=90)).isoformat()
        first = wire("message", text=CALM, message_id="m-1", sent_at=NOON.isoformat())
        second = wire("message", text=CALM, message_id="m-2", sent_at=later)
        lines = [dialogue("7", "在吗", "在的"), b"", orjson.dumps(first), orjson.dumps(second)]
        timed = list(events_of(lines))
        assert [item.at_s for item in timed] == [0.0, 8.0, 0.0, 90.0]
        assert [item.event["message_id"] for item in timed] == ["7-0", "7-1", "m-1", "m-2"]
        for item in timed:
            assert decode_object(stamped(item.event, NOON)).event.sent_at == NOON
        assert len(list(events_of(lines, limit=1))) == 2, "the limit counts lines"

    @pytest.mark.parametrize(
        "line",
        [b"{not json", b"[]", b"{}", b'{"turns":[7]}', b'{"turns":[{"role":"client"}]}',
         orjson.dumps(wire("message"))],
    )  # fmt: skip
    def test_a_bad_line_is_named_by_number_alone(self, line: bytes) -> None:
        with pytest.raises(InvalidRequest, match=r"^line 2: ") as caught:
            list(events_of([dialogue("1", SECRET), line]))
        assert SECRET not in str(caught.value)

    def test_reads_packed_files(self, tmp_path: Path) -> None:
        path = tmp_path / "talks.jsonl.xz"
        path.write_bytes(lzma.compress(dialogue("1", CALM)))
        with path.open("rb") as unused, open_lines(path, unused) as lines:
            assert len(list(events_of(lines))) == 1

    def test_the_built_in_samples_are_events_each_run_with_names_of_its_own(self) -> None:
        accepted: list[Event] = []

        class Keep:
            def accept(self, events: Sequence[Event]) -> None:
                accepted.extend(events)

        clock = FakeClock()
        play_samples(Keep(), clock)
        clock.advance(1)
        first = len(accepted)
        play_samples(Keep(), clock)
        assert len(accepted) == 2 * first
        assert len({event.event_id for event in accepted}) == len(accepted)
        assert [event.sent_at for event in accepted] == sorted(event.sent_at for event in accepted)


class TestPacing:
    def talks(self, count: int, turns: int = 4) -> Iterator[Any]:
        return events_of([dialogue(str(n), *[CALM] * turns) for n in range(count)])

    def test_at_a_rate(self) -> None:
        sent = list(rounds_at_rate(self.talks(50), 100))
        assert sum(len(events) for _, events in sent) == 200
        assert sent[-1][0] == pytest.approx(2.0, abs=0.06)
        slow = list(rounds_at_rate(self.talks(1), 0.5))
        assert [due for due, _ in slow] == [0.0, 2.0, 4.0, 6.0]

    def test_at_their_own_pace(self) -> None:
        sent = list(rounds_at_speed(self.talks(3), 8.0))
        assert [len(events) for _, events in sent] == [3, 3, 3, 3]
        assert [due for due, _ in sent] == pytest.approx([0.0, 1.0, 2.0, 3.0], abs=0.06)

    def test_interleaved_talks_keep_their_own_order(self) -> None:
        names = [item.event["message_id"] for item in _interleaved(self.talks(5), 2)]
        assert sorted(names) == sorted(item.event["message_id"] for item in self.talks(5))
        assert names[:4] == ["0-0", "1-0", "0-1", "1-1"]
        for talk in range(5):
            own = [name for name in names if name.startswith(f"{talk}-")]
            assert own == sorted(own)


class Wire:
    """Fails as often as told, then takes everything."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.sent: list[list[dict[str, Any]]] = []

    def send(self, events: Sequence[dict[str, Any]]) -> None:
        if self.failures:
            self.failures -= 1
            raise SourceUnavailable("away")
        self.sent.append(list(events))


class TestSending:
    def test_waits_for_each_round_and_writes_the_ledger_afterwards(self, tmp_path: Path) -> None:
        clock, wire_, path = FakeClock(), Wire(failures=2), tmp_path / "ledger"
        plan = rounds_at_speed(events_of([dialogue("1", CALM, CALM)]), 1.0)
        with path.open("w") as book:
            assert send_all(plan, wire_, clock, book) == 2
        (first,), (second,) = wire_.sent
        times = [datetime.fromisoformat(event["sent_at"]) for event in (first, second)]
        assert times[0] == NOON
        assert times[1] - NOON == pytest.approx(timedelta(seconds=8), abs=timedelta(seconds=0.06))
        assert path.read_text().split() == ["1-0", "1-1"]

    def test_gives_up_in_the_end_and_the_ledger_holds_only_what_was_sent(
        self, tmp_path: Path
    ) -> None:
        clock, path = FakeClock(), tmp_path / "ledger"
        plan = iter([(0.0, [{"message_id": "m-1"}])])
        with path.open("w") as book, pytest.raises(SourceUnavailable):
            send_all(plan, Wire(failures=999), clock, book)
        assert path.read_text() == ""
        assert (clock.now() - NOON).total_seconds() == pytest.approx(sum(RETRIES_S))

    @pytest.mark.parametrize(
        ("status", "error"),
        [(401, InvalidRequest), (403, InvalidRequest), (413, InvalidRequest),
         (422, InvalidRequest), (429, SourceUnavailable), (500, SourceUnavailable),
         (503, SourceUnavailable), (302, SourceUnavailable)],
    )  # fmt: skip
    def test_only_what_may_help_is_tried_again(self, status: int, error: type[SafetyError]) -> None:
        transport = httpx.MockTransport(lambda _request: httpx.Response(status))
        with httpx.Client(transport=transport) as client, pytest.raises(error, match=str(status)):
            HttpWire("http://api", client).send([{"message_id": "m-1"}])

    def test_sends_in_parts_with_its_token(self) -> None:
        asked: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return httpx.Response(200)

        with httpx.Client(transport=httpx.MockTransport(answer)) as client:
            HttpWire("http://api/", client, "t").send([{"n": n} for n in range(1_100)])
        assert [len(orjson.loads(request.content)) for request in asked] == [500, 500, 100]
        assert {str(request.url) for request in asked} == {"http://api/v1/events"}
        assert {request.headers["Authorization"] for request in asked} == {"Bearer t"}


class TestLoad:
    def test_is_known_beforehand(self) -> None:
        events = list(load("r", 100, 10, 0.05, 1))
        assert events == list(load("r", 100, 10, 0.05, 1))
        assert len({event["message_id"] for event in events}) == 1_000
        for event in events[:50]:
            decode_object(stamped(event, NOON))
        timed = (Timed(0.0, event) for event in events)
        assert [len(batch) for _, batch in rounds_at_rate(timed, 1_000)] == [50] * 20


NOWHERE = Path("/nowhere/glossary")
"""Reading the real one takes longer than everything else that is checked."""

ROSTER = """
people:
  - {id: a, name: 甲, duties: [counsellor], contacts: {webhook: "http://127.0.0.1/a"}}
  - {id: b, name: 乙, duties: [supervisor, lead, duty_manager], contacts: {webhook: "http://127.0.0.1/b"}}
"""  # fmt: skip


class TestCheck:
    def found(self, **more: Any) -> tuple[list[str], list[str]]:
        return findings(Settings(**more), FakeClock())

    def test_the_default_is_not_fit_for_a_night(self) -> None:
        errors, warnings = self.found(glossary_dir=NOWHERE)
        for words in ("practice one", "Nobody is paged but on this terminal"):
            assert any(words in sentence for sentence in errors)
        for words in ("SQLite file", "No Kafka", "beside what it protects"):
            assert any(words in sentence for sentence in warnings)

    def test_a_real_one_is(self, tmp_path: Path) -> None:
        roster, key = tmp_path / "roster.yaml", tmp_path / "key"
        roster.write_text(ROSTER)
        key.write_text("k1:" + "QUJD" * 10 + "QUI=")
        errors, warnings = self.found(
            roster_file=roster,
            master_key_file=key,
            webhook_secrets=["geheim-geheim-geheim"],
            database_url="postgresql://jiezhu@127.0.0.1/x",
            kafka="127.0.0.1:1",
        )
        assert errors == []
        assert not any("master key" in sentence for sentence in warnings)

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ({"host": "0.0.0.0"}, "JIEZHU_API_TOKENS"),  # noqa: S104
            ({"master_key": "k1:short"}, "master key"),
            ({"master_key_file": Path("/nowhere/key")}, "JIEZHU_MASTER_KEY_FILE"),
            ({"roster_file": Path("/nowhere/roster.yaml")}, "roster.yaml"),
            ({"policy_file": Path("/nowhere/policy.yaml")}, "policy.yaml"),
            ({"cards_dir": Path("/nowhere/cards")}, "cards"),
            ({}, "glossary"),
        ],
    )
    def test_each_mistake_is_a_sentence(self, more: dict[str, Any], words: str) -> None:
        errors, _ = self.found(**{"glossary_dir": NOWHERE, **more})
        assert any(words in sentence for sentence in errors), errors

    def test_nobody_at_night_is_a_finding(self, tmp_path: Path) -> None:
        roster = tmp_path / "roster.yaml"
        roster.write_text(ROSTER.replace("webhook", "console").replace("counsellor", "lead"))
        errors, _ = self.found(roster_file=roster, glossary_dir=NOWHERE)
        assert any("P0" in sentence for sentence in errors)

    def test_prints_and_exits(self) -> None:
        result = CliRunner().invoke(cli, ["check"])
        assert result.exit_code == 1
        assert "error    The roster is the practice one" in result.output
        assert "errors," in result.output.splitlines()[-1]


class TestHelp:
    @pytest.mark.parametrize(
        ("command", "words"),
        [
            ("", ["serve", "scan", "check", "--demo", "JIEZHU_", "docs/operations.md"]),
            ("serve", ["--demo", "--port", "embedded default", "8080"]),
            ("consume", ["Kafka", "any number", "--ops-port", "--instance"]),
            ("dispatch", ["Page people", "any number", "--ops-port"]),
            ("api", ["console", "any number", "--port"]),
            ("scan", ["standard input", ".xz", "exit code", "offline"]),
            ("replay", ["--rate", "--speed", "--to", "dialogues", "--ledger"]),
            ("stress", ["exit code is 1", "--ledger", "--patience", "JIEZHU_DATABASE_URL"]),
            ("check", ["roster", "Exit code 1", "key"]),
            ("train", ["--data", "--base", "--seed", "goes on after"]),
            ("evaluate", ["--cross-validate", "--curve", "curves", "JSON"]),
        ],
    )
    def test_says_what_a_newcomer_needs(self, command: str, words: list[str]) -> None:
        for flag in ("-h", "--help"):
            result = CliRunner().invoke(cli, [*command.split(), flag])
            assert result.exit_code == 0
            told = " ".join(result.output.split())
            assert [word for word in words if word not in told] == []

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["consume"], "JIEZHU_KAFKA"),
            (["api"], "JIEZHU_KAFKA"),
            (["serve", "--host", "0.0.0.0"], "JIEZHU_API_TOKENS"),  # noqa: S104
            (["serve", "--port", "70000"], "JIEZHU_PORT"),
            (["replay", "-", "--to", "kafka"], "JIEZHU_KAFKA"),
        ],
    )
    def test_a_mistake_is_one_plain_sentence(
        self,
        capsys: pytest.CaptureFixture[str],
        arguments: list[str],
        words: str,
    ) -> None:
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        told = capsys.readouterr().err
        assert caught.value.code == 2
        assert words in told
        assert told.startswith("jiezhu: ")
        assert "Traceback" not in told

    @pytest.mark.parametrize(
        "arguments",
        [["--rate", "0"], ["--speed", "-1"], ["--rate", "1", "--speed", "1"], ["nowhere.jsonl"]],
    )
    def test_senseless_options_are_refused(self, arguments: list[str]) -> None:
        result = CliRunner().invoke(cli, ["replay", "--to", "http", *arguments])
        assert result.exit_code == 2
        assert "Traceback" not in result.output
