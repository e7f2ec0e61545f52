"""What every Notifier promises (safety.core.ports.Notifier), over each implementation."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from escalation import ConsoleNotifier, WebhookNotifier
from safety.core.cases import Duty, Page, PageState, Person
from safety.core.errors import NotifierUnavailable, Undeliverable
from safety.core.ports import Notifier
from safety.core.types import CaseId, Level, PageId, PersonId, TenantId

NOW = datetime(2026, 3, 5, 18, 7, tzinfo=UTC)
ADDRESS = {"console": "c1", "webhook": "https://hooks.example.org/c1"}
TEXT = re.compile(
    r"【接住】(\(再次提醒\))?P[0-3] #[0-9A-F]{4} 请[0-9]*(秒|分钟|今天)内在应用内(接单|查看)"
)


class StoppedClock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError("a notifier does not sleep")


@dataclass
class Receiver:
    """Answers with the next scripted status or error; 200 when the script is over."""

    script: list[int | Exception] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        answer = self.script.pop(0) if self.script else 200
        if isinstance(answer, Exception):
            raise answer
        self.bodies.append(request.content.decode("utf-8"))
        return httpx.Response(answer, headers={"Location": "https://elsewhere.example.org/"})


@dataclass
class Bench:
    """A notifier with hands on its far end."""

    notifier: Notifier
    sent: Callable[[], list[str]]
    take_away: Callable[[], None]

    @property
    def person(self) -> Person:
        contacts = {self.notifier.channel: ADDRESS[self.notifier.channel]}
        return Person(PersonId("c1"), "王老师", frozenset({Duty.COUNSELLOR}), contacts)

    def page(self, **changes: object) -> Page:
        page = Page(
            id=PageId("page-1"),
            tenant=TenantId("default"),
            case_id=CaseId("case-1"),
            person_id=PersonId("c1"),
            channel=self.notifier.channel,
            level=Level.P0,
            step=0,
            attempt=1,
            is_repeat=False,
            due_at=NOW - timedelta(seconds=1),
        )
        return replace(page, **changes)  # type: ignore[arg-type]


def console_bench() -> Bench:
    stream = io.StringIO()
    return Bench(
        ConsoleNotifier(stream),
        sent=lambda: stream.getvalue().splitlines(),
        take_away=stream.close,
    )


def webhook_bench(receiver: Receiver) -> Bench:
    client = httpx.Client(transport=httpx.MockTransport(receiver))
    notifier = WebhookNotifier(client, StoppedClock(), [b"a-secret-of-some-length"])
    return Bench(
        notifier,
        sent=lambda: receiver.bodies,
        take_away=lambda: receiver.script.append(httpx.ConnectError("gone")),
    )


@pytest.fixture(params=["console", "webhook"])
def bench(request: pytest.FixtureRequest) -> Bench:
    return console_bench() if request.param == "console" else webhook_bench(Receiver())


def test_a_page_taken_has_a_receipt(bench: Bench) -> None:
    receipt = bench.notifier.send(bench.page(), bench.person)
    assert receipt.reference
    assert receipt.state in (PageState.SENT, PageState.DELIVERED)
    assert len(bench.sent()) == 1


def test_a_person_without_a_contact_is_undeliverable(bench: Bench) -> None:
    with pytest.raises(Undeliverable):
        bench.notifier.send(bench.page(), replace(bench.person, contacts={}))
    assert bench.sent() == []


def test_a_channel_that_is_away_is_unavailable(bench: Bench) -> None:
    bench.take_away()
    with pytest.raises(NotifierUnavailable):
        bench.notifier.send(bench.page(), bench.person)


def test_a_repeat_is_sent_and_says_so(bench: Bench) -> None:
    first = bench.notifier.send(bench.page(), bench.person)
    second = bench.notifier.send(bench.page(attempt=2, is_repeat=True), bench.person)
    assert first.reference != second.reference
    assert ["再次提醒" in line for line in bench.sent()] == [False, True]


@pytest.mark.parametrize("level", list(Level))
def test_the_text_is_case_number_and_level(bench: Bench, level: Level) -> None:
    bench.notifier.send(bench.page(level=level), bench.person)
    (line,) = bench.sent()
    assert TEXT.search(line)
    assert "王老师" not in line


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (500, NotifierUnavailable),
        (429, NotifierUnavailable),
        (httpx.ReadTimeout("slow"), NotifierUnavailable),
        (httpx.ConnectError("gone"), NotifierUnavailable),
        (404, Undeliverable),
        (302, Undeliverable),
    ],
)
def test_a_receiver_that_fails_and_then_recovers(
    answer: int | Exception, error: type[Exception]
) -> None:
    bench = webhook_bench(Receiver([answer]))
    with pytest.raises(error):
        bench.notifier.send(bench.page(), bench.person)
    assert bench.notifier.send(bench.page(attempt=2), bench.person).reference
