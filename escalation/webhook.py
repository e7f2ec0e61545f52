"""Pages as signed HTTP requests to a receiver of the customer's own."""

from __future__ import annotations

import json
from collections.abc import Sequence

import httpx

from escalation import signature
from escalation.channels import address_problem
from escalation.render import case_number, page_text
from safety.core.cases import Page, Person, Receipt
from safety.core.errors import Misconfigured, NotifierUnavailable, Undeliverable
from safety.core.ports import Clock

SHORTEST_SECRET = 16
_TRY_AGAIN = frozenset({408, 425, 429})


class WebhookNotifier:
    """Posts one JSON object per page to the person's webhook address.

    `secrets` sign it, all of them, so that a receiver may change its own at leisure. `timeout_s`
    bounds connecting, writing and waiting, each. The answer's body is never read.
    """

    channel = "webhook"

    def __init__(
        self, client: httpx.Client, clock: Clock, secrets: Sequence[bytes], timeout_s: float = 5.0
    ) -> None:
        if not secrets or any(len(secret) < SHORTEST_SECRET for secret in secrets):
            raise Misconfigured(
                f"webhook: needs at least one secret, each of {SHORTEST_SECRET} bytes or more"
            )
        self._client = client
        self._clock = clock
        self._secrets = tuple(secrets)
        self._timeout = httpx.Timeout(timeout_s)

    def send(self, page: Page, person: Person) -> Receipt:
        """Returns once the receiver said 2xx."""
        url = person.contacts.get(self.channel)
        if not url:
            raise Undeliverable("no_contact")
        problem = address_problem(self.channel, url)
        if problem is not None:
            raise Undeliverable(f"webhook_{problem}")
        key = f"{page.id}:{page.attempt}"
        _judge(self._post(url, _body(page), key))
        return Receipt(f"{self.channel}:{key}")

    def _post(self, url: str, body: bytes, key: str) -> int:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Idempotency-Key": key,
            signature.HEADER: signature.sign(body, self._secrets, self._clock.now()),
        }
        try:
            with self._client.stream(
                "POST",
                url,
                content=body,
                headers=headers,
                timeout=self._timeout,
                follow_redirects=False,
            ) as response:
                return response.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise _translated(problem) from problem


def _translated(problem: Exception) -> NotifierUnavailable | Undeliverable:
    """Our error for one of httpx's. Codes only: an address may hold a secret of its own."""
    if isinstance(problem, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return Undeliverable("webhook_bad_url")
    if isinstance(problem, httpx.TimeoutException):
        return NotifierUnavailable("webhook_timeout")
    return NotifierUnavailable("webhook_connection")


def _judge(status: int) -> None:
    if 200 <= status < 300:
        return
    if 300 <= status < 500 and status not in _TRY_AGAIN:
        raise Undeliverable(f"webhook_http_{status}")
    raise NotifierUnavailable(f"webhook_http_{status}")


def _body(page: Page) -> bytes:
    fields = {
        "page_id": page.id,
        "case_id": page.case_id,
        "case_number": case_number(page.case_id),
        "level": page.level.name,
        "channel": page.channel,
        "attempt": page.attempt,
        "is_repeat": page.is_repeat,
        "text": page_text(page),
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
