"""`jiezhu scan`: the shape of its lines, and the same levels as the live stream."""

from __future__ import annotations

import io
import json
import lzma
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import orjson
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifiers import LexiconClassifier
from grounding_scripts import CardLibrary
from safety.app.cli import cli
from safety.app.commands import scan as scanning
from safety.app.commands.scan import Scanner, run
from safety.core.reader import Reader
from safety.core.rules import TriageRules
from safety.core.types import Label, Level
from streams.codec import decode
from tests.app.makers import CALM, WORDS
from tests.fakes import NOON, DictionaryClassifier
from tests.streams.wire import wire
from tests.world import World, sqlite_url

LABELS = [label.value for label in Label]


def scanner(**bounds: int) -> Scanner:
    reader = Reader(DictionaryClassifier(WORDS), CardLibrary.load(None).pick, TriageRules())
    return Scanner(reader, **bounds)


def said(
    number: int, text: str, after_s: float = 0.0, conversation: str = "c-1", **fields: Any
) -> dict[str, Any]:
    at = (NOON + timedelta(seconds=after_s)).isoformat()
    return wire("message", message_id=f"m-{number}", text=text, sent_at=at,
                **{"conversation_id": conversation, **fields})  # fmt: skip


def lines_of(*events: dict[str, Any]) -> bytes:
    return b"".join(orjson.dumps(event) + b"\n" for event in events)


def scanned(data: bytes, by: Scanner | None = None) -> tuple[list[dict[str, Any]], int]:
    out = io.BytesIO()
    unreadable = run(by or scanner(), io.BytesIO(data), out)
    return [orjson.loads(line) for line in out.getvalue().splitlines()], unreadable


class TestLines:
    def test_have_exactly_the_promised_shape(self) -> None:
        (line,), _ = scanned(lines_of(said(1, "不想活")))
        assert list(line) == [
            "message_id",
            "conversation_id",
            "level",
            "case_level",
            "scores",
            "evidence",
            "card",
            "degraded",
        ]
        assert list(line["scores"]) == LABELS
        assert len(LABELS) == 19
        assert line["scores"].pop("active_ideation") == 0.95
        assert set(line["scores"].values()) == {0.0}
        assert line["evidence"] == [
            {"source": "lexicon", "label": "active_ideation", "start": 0, "end": 3}
        ]
        assert (line["message_id"], line["conversation_id"]) == ("m-1", "c-1")
        assert (line["level"], line["case_level"], line["degraded"]) == ("P1", "P1", False)
        assert isinstance(line["card"], str)

    def test_nothing_is_null_and_the_highest_stays(self) -> None:
        found, _ = scanned(
            lines_of(said(1, CALM), said(2, "不想活", 5), said(3, CALM, 10), said(4, "很难受", 15))
        )
        assert [(line["level"], line["case_level"]) for line in found] == [
            (None, None),
            ("P1", "P1"),
            (None, "P1"),
            ("P3", "P1"),
        ]
        assert found[0]["card"] is None

    def test_come_in_order_for_messages_alone(self) -> None:
        events = [
            said(1, CALM, 0, "c-2"),
            wire("typing", event_id="t-1"),
            said(2, CALM, 1),
            wire("call_start", event_id="s-1"),
            said(3, CALM, 2, "c-2"),
        ]
        found, unreadable = scanned(lines_of(*events))
        assert [line["message_id"] for line in found] == ["m-1", "m-2", "m-3"]
        assert unreadable == 0

    def test_a_repeated_message_gets_the_same_line(self) -> None:
        by = scanner()
        first, _ = scanned(lines_of(said(1, "不想活"), said(2, CALM, 1), said(1, "不想活")), by)
        again, _ = scanned(lines_of(said(1, "不想活")), by)
        assert first[0] == first[2] == again[0]

    def test_a_last_line_without_an_end_counts(self) -> None:
        found, _ = scanned(lines_of(said(1, CALM)).rstrip(b"\n"))
        assert len(found) == 1

    def test_bad_lines_are_named_and_the_rest_is_read(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        data = (
            lines_of(said(1, CALM))
            + b"\n{not json\n"
            + lines_of({**said(2, CALM), "role": "therapist"}, said(3, CALM))
            + b"\xff\n"
        )
        found, unreadable = scanned(data)
        assert [line["message_id"] for line in found] == ["m-1", "m-3"]
        assert unreadable == 3
        assert capsys.readouterr().err.splitlines() == [
            "line 3: not_json",
            "line 4: role: bad_value",
            "line 6: not_utf8",
        ]

    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(junk=st.lists(st.binary(max_size=60), max_size=8))
    def test_no_bytes_stop_it(self, junk: list[bytes]) -> None:
        found, _ = scanned(b"\n".join([*junk, orjson.dumps(said(1, "不想活"))]))
        assert found[-1]["level"] == "P1"


class TestBounds:
    def test_a_million_strangers_take_no_more_room_than_a_few(self) -> None:
        def strangers(count: int) -> Iterator[Sequence[Any]]:
            for start in range(0, count, 500):
                yield [
                    decode(orjson.dumps(said(n, CALM, 0, f"c-{n}"))).event
                    for n in range(start, start + 500)
                ]

        by = scanner(conversations=300, events=600)
        sizes: list[int] = []
        tracemalloc.start()
        for batch in strangers(6_000):
            by._reader._classifier.asked.clear()  # type: ignore[attr-defined]
            assert len(list(by.scan(batch))) == 500
            sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert len(by._known) == 300
        assert len(by._seen) == 600
        assert sizes[-1] < 1.3 * sizes[2]

    def test_those_who_speak_are_remembered_those_who_left_are_not(self) -> None:
        by = scanner(conversations=3, events=1_000)
        scanned(lines_of(said(0, "不想活", 0, "busy"), said(1, "不想活", 0, "gone")), by)
        for number in range(2, 8):
            some = lines_of(said(number, CALM, number, f"c-{number}"),
                            said(100 + number, CALM, number, "busy"))  # fmt: skip
            scanned(some, by)
        found, _ = scanned(lines_of(said(8, CALM, 9, "busy"), said(9, CALM, 9, "gone")), by)
        assert [line["case_level"] for line in found] == ["P1", None]

    def test_a_text_of_a_megabyte_and_one_too_long(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        full = "很" * 1_048_576
        found, unreadable = scanned(lines_of(said(1, full), said(2, full + "很"), said(3, CALM)))
        assert [line["message_id"] for line in found] == ["m-1", "m-3"]
        assert unreadable == 1
        assert capsys.readouterr().err == "line 2: text: too_long\n"

    def test_a_line_without_end_is_not_kept(self) -> None:
        class Endless(io.RawIOBase):
            left = 600

            def read1(self, size: int = -1) -> bytes:
                self.left -= 1
                return b"x" * 65_536 if self.left > 0 else b"\n" if self.left == 0 else b""

        tracemalloc.start()
        found: list[bytes] = []
        source: IO[bytes] = Endless()  # type: ignore[assignment]
        for batch in scanning._batches(source):
            found += batch
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert [len(line) <= scanning.LINE_LIMIT + 65_536 for line in found] == [True]
        assert peak < 3 * scanning.LINE_LIMIT


class TestLive:
    SILENT = (
        [(0, "有点怕"), (400, CALM), (500, CALM)],
        [(0, "不想活"), (30, CALM), (100, CALM), (400, "很难受")],
        [(0, CALM), (10, "有点怕"), (135, CALM), (140, CALM), (330, CALM)],
        [(0, "很难受"), (4_000, CALM)],
    )

    @pytest.mark.parametrize("log", SILENT)
    def test_a_finished_log_gets_the_levels_of_the_live_stream(
        self, tmp_path: Path, log: list[tuple[int, str]]
    ) -> None:
        events = [said(number, text, at) for number, (at, text) in enumerate(log)]
        found, _ = scanned(lines_of(*events))
        world = World(sqlite_url(tmp_path), DictionaryClassifier(WORDS))
        live: list[Level | None] = []
        for event in events:
            at = datetime.fromisoformat(event["sent_at"])
            world.advance((at - world.clock.now()).total_seconds(), step_s=20)
            world.stream.append(b"c-1", orjson.dumps(event))
            world.consume()
            key = ("default", "c-1")
            live.append(world.parts.store.recall([], [key]).conversations[key].level)  # type: ignore[list-item,index]
        assert [line["case_level"] for line in found] == [
            None if level is None else level.name for level in live
        ]
        assert len({line["case_level"] for line in found}) > 1 or log[0][1] == "很难受"
        world.parts.store.engine.dispose()

    def test_batches_of_any_size_say_the_same(self) -> None:
        log = [said(n, ["不想活", CALM, "很难受"][n % 3], 45 * n, f"c-{n % 2}") for n in range(30)]
        whole, _ = scanned(lines_of(*log))
        by = scanner()
        single = [scanned(lines_of(event), by)[0][0] for event in log]
        assert whole == single


class TestCommand:
    def test_reads_a_file_plain_or_packed(self, tmp_path: Path) -> None:
        data = lines_of(said(1, "我真的不想活了"), said(2, CALM, 5))
        plain, packed = tmp_path / "log.jsonl", tmp_path / "log.jsonl.xz"
        plain.write_bytes(data)
        packed.write_bytes(lzma.compress(data))
        results = [CliRunner().invoke(cli, ["scan", str(path)]) for path in (plain, packed)]
        assert [result.exit_code for result in results] == [0, 0]
        assert results[0].stdout == results[1].stdout
        first = json.loads(results[0].stdout.splitlines()[0])
        assert first["level"] in ("P0", "P1")
        assert list(first["scores"]) == LABELS

    def test_bad_lines_make_the_exit_code_one(self) -> None:
        result = CliRunner().invoke(cli, ["scan"], input=b"{not json\n" + lines_of(said(1, CALM)))
        assert result.exit_code == 1
        assert len(result.stdout.splitlines()) == 1
        assert "line 1: not_json" in result.stderr

    def test_no_such_file(self, tmp_path: Path) -> None:
        for path in (tmp_path / "none", tmp_path):
            result = CliRunner().invoke(cli, ["scan", str(path)])
            assert result.exit_code == 2
            assert "there is no file" in result.stderr

    def test_answers_on_a_pipe_before_the_end_comes(self) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "safety", "scan", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(2):
            process.stdin.write(lines_of(said(number, CALM, number)))
            process.stdin.flush()
            assert orjson.loads(process.stdout.readline())["message_id"] == f"m-{number}"
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(20) == 0
        process.stdout.close()

    def test_the_shipped_glossary_reads_a_megabyte_in_time(self) -> None:
        reader = Reader(LexiconClassifier.load(None), CardLibrary.load(None).pick, TriageRules())
        text = "今天下雨,路上有点堵。" * 95_000
        found, _ = scanned(lines_of(said(1, text), said(2, "我真的不想活了", 1)), Scanner(reader))
        assert found[1]["level"] == "P1"
