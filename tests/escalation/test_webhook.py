from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from escalation import signature
from escalation.render import case_number, page_text
from escalation.webhook import WebhookNotifier
from safety.core.cases import Person
from safety.core.errors import Misconfigured, NotifierUnavailable, SafetyError, Undeliverable

from .builders import NOW, FakeClock, counsellor, page_for

URL = "https://hooks.example.org/page?key=s3cret"
SECRETS = (b"first-secret-0123456789", b"second-secret-0123456789")


def send(answer: httpx.Response | Exception, url: str = URL) -> list[httpx.Request]:
    seen: list[httpx.Request] = []

    def receive(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with httpx.Client(transport=httpx.MockTransport(receive), follow_redirects=True) as client:
        notifier = WebhookNotifier(client, FakeClock(), SECRETS)
        page = page_for(channel="webhook", attempt=3, is_repeat=True)
        notifier.send(page, receiver(url))
    return seen


def receiver(url: str = URL) -> Person:
    return counsellor("c1", contacts={"webhook": url})


def test_the_request() -> None:
    (request,) = send(httpx.Response(204))
    page = page_for(channel="webhook", attempt=3, is_repeat=True)
    assert request.method == "POST"
    assert str(request.url) == URL
    assert request.headers["Idempotency-Key"] == "page-1:3"
    assert json.loads(request.content) == {
        "page_id": "page-1",
        "case_id": "case-1",
        "case_number": case_number(page.case_id),
        "level": "P0",
        "channel": "webhook",
        "attempt": 3,
        "is_repeat": True,
        "text": page_text(page),
    }
    assert request.extensions["timeout"] == {"connect": 5, "read": 5, "write": 5, "pool": 5}
    for secret in SECRETS:
        assert signature.verify(request.headers, request.content, [secret], NOW)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_answers_that_mean_try_again(status: int) -> None:
    with pytest.raises(NotifierUnavailable, match=f"webhook_http_{status}"):
        send(httpx.Response(status))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_answers_that_mean_never(status: int) -> None:
    with pytest.raises(Undeliverable, match=f"webhook_http_{status}"):
        send(httpx.Response(status))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    answer = httpx.Response(status, headers={"Location": "https://elsewhere.example.org/"})
    with pytest.raises(Undeliverable, match=f"webhook_http_{status}"):
        send(answer)


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (httpx.ConnectTimeout("x"), "webhook_timeout"),
        (httpx.ReadTimeout("x"), "webhook_timeout"),
        (httpx.WriteTimeout("x"), "webhook_timeout"),
        (httpx.PoolTimeout("x"), "webhook_timeout"),
        (httpx.ConnectError(URL), "webhook_connection"),
        (httpx.ReadError("x"), "webhook_connection"),
        (httpx.RemoteProtocolError("x"), "webhook_connection"),
    ],
)
def test_errors_of_the_way_mean_try_again(problem: Exception, code: str) -> None:
    with pytest.raises(NotifierUnavailable, match=f"^{code}$"):
        send(problem)


@pytest.mark.parametrize("url", ["http://hooks.example.org/", "ftp://localhost/x", "nonsense"])
def test_an_address_that_is_not_safe_is_never_asked(url: str) -> None:
    with pytest.raises(Undeliverable, match=r"webhook_(insecure|bad)_url"):
        send(AssertionError("was asked"), url)


def test_plain_http_is_fine_on_loopback() -> None:
    assert send(httpx.Response(200), "http://127.0.0.1:9000/hook")


@pytest.mark.parametrize("url", ["https://exa mple.org\x00/", "https://[::1]]/"])
def test_an_address_only_httpx_refuses_is_undeliverable(url: str) -> None:
    with pytest.raises(Undeliverable, match="bad_url"):
        send(AssertionError("was asked"), url)


def test_no_error_tells_the_address() -> None:
    for answer in (httpx.Response(404), httpx.Response(500), httpx.ConnectError(URL)):
        with pytest.raises(SafetyError) as caught:
            send(answer)
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("secrets", [(), (b"",), (b"short",), (SECRETS[0], b"short")])
def test_weak_secrets_stop_the_start(secrets: tuple[bytes, ...]) -> None:
    with httpx.Client() as client, pytest.raises(Misconfigured, match="secret"):
        WebhookNotifier(client, FakeClock(), secrets)


class Unread(httpx.SyncByteStream):
    """A body that nobody may read."""

    def __iter__(self) -> Iterator[bytes]:
        raise AssertionError("the body was read")


def test_the_body_of_an_answer_is_not_read() -> None:
    assert send(httpx.Response(200, stream=Unread()))
