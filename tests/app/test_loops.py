"""Loops, logs, settings, key rings, and a flood from one sender."""

from __future__ import annotations

import io
import itertools
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
import structlog

from safety.app.intake import MemoryIntake
from safety.app.logs import configure_logs, describe
from safety.app.loops import BACKOFF_S, Crew, Loop
from safety.app.metrics import Metrics
from safety.app.processes import Purge, consume_loop
from safety.app.settings import Settings, read_settings
from safety.app.vault import Vault, parse_ring, ring_from_file
from safety.app.wiring import Parts, open_vault
from safety.core.clock import SystemClock
from safety.core.errors import Misconfigured, SourceUnavailable, StoreUnavailable
from safety.core.types import ConversationId, EventId
from streams.codec import decode
from streams.memory import MemoryStream
from tests.app.makers import RING, SECRET, TENANT, counts, key_entry, message, until
from tests.app.serving import REAL
from tests.fakes import FakeClock
from tests.streams.wire import message as wire_message


def loop(step: Callable[[], int], clock: FakeClock | None = None, rest_s: float = 0.0) -> Loop:
    return Loop("work", step, rest_s, clock or FakeClock(), Metrics(), stale_after_s=10)


class TestLoop:
    def test_goes_on_after_a_failure_and_waits_longer_each_time(self) -> None:
        moments: list[float] = []

        def step() -> int:
            moments.append(REAL.monotonic())
            if len(moments) < 4:
                raise KeyError(SECRET)
            return 0

        running = loop(step, rest_s=30)
        running.start()
        until(lambda: len(moments) == 4, REAL)
        running.stop(5)
        pauses = [after - before for before, after in itertools.pairwise(moments)]
        assert all(pause >= wish for pause, wish in zip(pauses, BACKOFF_S, strict=False))

    def test_counts_failures_by_kind_and_never_by_message(self) -> None:
        metrics, done = Metrics(), threading.Event()

        def step() -> int:
            done.set()
            raise ValueError(SECRET)

        running = Loop("work", step, 0.0, FakeClock(), metrics)
        running.start()
        done.wait(5)
        running.stop(5)
        samples = [s for metric in metrics.failures.collect() for s in metric.samples]
        assert {"loop": "work", "kind": "ValueError"} in [s.labels for s in samples]
        assert SECRET not in str(samples)

    def test_stops_in_the_middle_of_a_rest(self) -> None:
        rested = threading.Event()

        def step() -> int:
            rested.set()
            return 0

        running = loop(step, rest_s=600)
        running.start()
        rested.wait(5)
        before = REAL.monotonic()
        running.stop(5)
        assert REAL.monotonic() - before < 2

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_one_that_dies_is_noticed(self) -> None:
        clock, threw = FakeClock(), threading.Event()

        def step() -> int:
            threw.set()
            raise SystemExit

        running = loop(step, clock)
        running.start()
        assert threw.wait(5)
        running.stop(5)
        assert [running.problem, running.stuck] == [None, None]
        clock.advance(11)
        told = "work has not finished a round for 11 seconds"
        assert [running.problem, running.stuck] == [told, told]

    def test_an_error_of_its_own_is_stuck_and_an_outside_one_is_not(self) -> None:
        for error, stuck in ((KeyError("x"), True), (StoreUnavailable("away"), False)):
            clock, tries = FakeClock(), threading.Semaphore(0)

            def step(error: Exception = error, tries: threading.Semaphore = tries) -> int:
                tries.release()
                raise error

            running = loop(step, clock)
            clock.advance(11)
            running.start()
            assert tries.acquire(timeout=5)
            assert tries.acquire(timeout=5)
            running.stop(5)
            assert running.problem is not None
            assert (running.stuck is not None) == stuck

    def test_a_crew_reports_of_all(self) -> None:
        clock = FakeClock()
        crew = Crew([loop(lambda: 0, clock), loop(lambda: 0, clock)])
        assert (crew.problems(), crew.stuck()) == ([], [])
        clock.advance(11)
        assert len(crew.problems()) == len(crew.stuck()) == 2


class TestLogs:
    @pytest.mark.parametrize("error", [ValueError(SECRET), KeyError(SECRET), OSError(SECRET)])
    def test_foreign_messages_stay_out(self, error: Exception) -> None:
        try:
            raise error
        except (ValueError, KeyError, OSError) as caught:
            fields = describe(caught)
        assert SECRET not in str(fields)
        assert fields["error"] == type(error).__name__
        assert fields["at"]

    def test_our_own_are_told(self) -> None:
        assert describe(StoreUnavailable("the database is away"))["message"]

    def test_libraries_are_quoted_by_place_alone(self) -> None:
        root = logging.getLogger()
        handlers, level, written = root.handlers[:], root.level, io.StringIO()
        configure_logs(written)
        try:
            try:
                int(SECRET)
            except ValueError:
                logging.getLogger("uvicorn.error").exception("failed on %s", SECRET)
            structlog.get_logger().info("hello", number=1)
        finally:
            structlog.reset_defaults()
            root.handlers[:] = handlers
            root.setLevel(level)
        lines = [orjson.loads(line) for line in written.getvalue().splitlines()]
        assert (lines[0]["logger"], lines[0]["error"]) == ("uvicorn.error", "ValueError")
        assert (lines[1]["event"], lines[1]["number"]) == ("hello", 1)
        assert SECRET not in written.getvalue()


class TestSettings:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("PORT", "http"),
            ("PORT", "70000"),
            ("BATCH", "0"),
            ("API_TOKENS", "{not json"),
            ("API_TOKENS", '{"t": "god"}'),
            ("API_TOKENS", '{" ": "platform"}'),
            ("WEBHOOK_SECRETS", "plain"),
            ("KAFKA_OPTIONS", "7"),
            ("TIMEZONE", "Mars/Base"),
            ("TIMEZONE", "../../etc/passwd"),
            ("LEASE_S", "1"),
        ],
    )
    def test_what_is_wrong_names_its_variable_and_no_value(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(f"JIEZHU_{name}", value)
        with pytest.raises(Misconfigured, match=f"JIEZHU_{name}") as caught:
            read_settings()
        assert "god" not in str(caught.value)
        assert "plain" not in str(caught.value)

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "jiezhu.example", ""])  # noqa: S104
    def test_others_are_not_served_without_tokens(self, host: str) -> None:
        with pytest.raises(Misconfigured, match="JIEZHU_API_TOKENS"):
            Settings(host=host).check_exposure()
        Settings(host=host, api_tokens={"long": "platform"}).check_exposure()

    @pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
    def test_this_machine_is(self, host: str) -> None:
        Settings(host=host).check_exposure()


class TestKeys:
    @pytest.mark.parametrize(
        "text",
        ["", " ,\n", "k1", "k1:", ":QUJD", "k1:QUJD", "k1:密钥密钥", "k1:%%%", f"{RING},{RING}"],
    )
    def test_a_broken_ring_is_refused_and_not_quoted(self, text: str) -> None:
        with pytest.raises(Misconfigured) as caught:
            parse_ring(text)
        for word in ("QUJD", "密钥", "YWFh"):
            assert word not in str(caught.value)

    def test_the_first_one_seals(self) -> None:
        ring, current = parse_ring(f"{key_entry('k2', b'b')}\n{RING}")
        assert (current, set(ring)) == ("k2", {"k1", "k2"})
        vault = Vault(ring, current)
        sealed = vault.seal(b"word", "window", b"me")
        assert vault.open(sealed, "k2", "window", b"me") == b"word"
        for key_id, purpose, owner in (
            ("k1", "window", b"me"),
            ("k2", "other", b"me"),
            ("k2", "window", b"you"),
            ("k3", "window", b"me"),
        ):
            with pytest.raises(Misconfigured):
                vault.open(sealed, key_id, purpose, owner)
        for broken in (b"", sealed[:-1], sealed[:5], sealed + b"x"):
            with pytest.raises(Misconfigured):
                vault.open(broken, "k2", "window", b"me")

    def test_a_first_run_makes_itself_a_key_for_its_owner_alone(self, tmp_path: Path) -> None:
        settings = Settings(data_dir=tmp_path / "new")
        sealed = open_vault(settings).seal(b"word", "window", b"")
        assert open_vault(settings).open(sealed, "k1", "window", b"") == b"word"
        path = tmp_path / "new" / "master.key"
        assert path.stat().st_mode & 0o777 == 0o600
        assert ring_from_file(path)[1] == "k1"

    def test_a_named_key_file_that_is_not_there_is_not_made(self, tmp_path: Path) -> None:
        path = tmp_path / "mount" / "key"
        with pytest.raises(Misconfigured, match="JIEZHU_MASTER_KEY_FILE"):
            open_vault(Settings(master_key_file=path))
        assert not path.parent.exists()


class TestFlood:
    def test_the_stream_is_bounded_and_says_so(self) -> None:
        stream = MemoryStream(capacity=50)
        source = stream.source()
        with pytest.raises(SourceUnavailable, match="full"):
            for number in range(1_000):
                stream.append(b"c-1", wire_message(number))
        assert source.lag() == 50
        with pytest.raises(SourceUnavailable):
            MemoryIntake(stream, 0.1, SystemClock()).accept([message()])
        assert source.lag() == 50

    def test_one_senders_flood_does_not_stop_the_next_ones_message(self, parts: Parts) -> None:
        stream = MemoryStream(capacity=3_000)
        running = consume_loop(parts, stream.source(), parts.dead_letters)
        stop = threading.Event()
        sent = 0

        def flood() -> None:
            nonlocal sent
            while not stop.is_set():
                sent += 1
                stream.append(b"flood", wire_message(sent, "flood"), timeout_s=5)

        sender = threading.Thread(target=flood)
        sender.start()
        try:
            until(lambda: sent > 2_500, REAL)
            running.start()
            waits = []
            for number in range(5):
                before = REAL.monotonic()
                other = decode(wire_message(90_000 + number, f"calm-{number}")).event
                MemoryIntake(stream, 5.0, SystemClock()).accept([other])
                waits.append(REAL.monotonic() - before)
                key = (TENANT, EventId(f"m-{90_000 + number}"))
                assert parts.store.recall([key], []).seen == {key}
        finally:
            stop.set()
            running.stop()
            sender.join(10)
        assert max(waits) < 5
        assert len(parts.store.recall([], [(TENANT, ConversationId("flood"))]).conversations) == 1

    def test_garbage_is_set_aside_and_the_next_good_one_is_read(self, parts: Parts) -> None:
        stream = MemoryStream(capacity=1_000)
        for number in range(300):
            stream.append(b"c-1", b"\xff\x00{" + str(number).encode())
        stream.append(b"c-1", None)
        running = consume_loop(parts, stream.source(), parts.dead_letters)
        running.start()
        try:
            MemoryIntake(stream, 10, SystemClock()).accept([message("after", "c-1")])
        finally:
            running.stop()
        assert parts.dead_letters.count() == 301

    def test_purging_is_done_once_an_hour(self, parts: Parts) -> None:
        purge = Purge(parts)
        clock = parts.clock
        assert isinstance(clock, FakeClock)
        with parts.store.transaction() as tx:
            tx.remember([(message(), None)])
        assert purge() == 0
        clock.advance(31 * 86_400)
        purge()
        assert counts(parts.store.engine)["markers"] == 0
        with parts.store.transaction() as tx:
            tx.remember([(message(), None)])
        clock.advance(3_599)
        purge()
        assert counts(parts.store.engine)["markers"] == 1
