"""Where the outbox's letters leave to: topics of the platform's Kafka, or a signed webhook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import httpx

from escalation.signature import HEADER, sign
from safety.app.settings import Settings
from safety.app.store.feed import Letter
from safety.app.wiring import kafka_settings, webhook_secrets
from safety.core.errors import Misconfigured, NotifierUnavailable
from safety.core.ports import Clock
from streams.kafka import KafkaPublisher

Publish = Callable[[Sequence[Letter]], None]


class KafkaOutlet:
    """Publishes each letter to the topic of its kind, under its own key."""

    def __init__(self, publisher: KafkaPublisher, topics: Mapping[str, str]) -> None:
        self._publisher = publisher
        self._topics = topics

    def __call__(self, letters: Sequence[Letter]) -> None:
        """Returns once all are durable. Raises SourceUnavailable: all leave again."""
        for letter in letters:
            self._publisher.publish(
                self._topics[letter.topic], letter.key.encode(), letter.payload.encode()
            )
        self._publisher.flush()


class WebhookOutlet:
    """Posts letters to the platform in JSON arrays, signed as pages are; one request a round."""

    def __init__(
        self, url: str, secrets: Sequence[bytes], client: httpx.Client, clock: Clock
    ) -> None:
        self._url = url
        self._secrets = secrets
        self._client = client
        self._clock = clock

    def __call__(self, letters: Sequence[Letter]) -> None:
        """Returns once the receiver said 2xx. Raises NotifierUnavailable: all leave again."""
        body = ("[" + ",".join(letter.payload for letter in letters) + "]").encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            HEADER: sign(body, self._secrets, self._clock.now()),
        }
        try:
            status = self._client.post(self._url, content=body, headers=headers).status_code
        except httpx.HTTPError as error:
            raise NotifierUnavailable(f"the feed webhook: {type(error).__name__}") from None
        if not 200 <= status < 300:
            raise NotifierUnavailable(f"the feed webhook answered {status}")


def open_outlet(settings: Settings, clock: Clock) -> Publish | None:
    """Everything that letters must leave to, or None when nothing is configured."""
    outlets: list[Publish] = []
    if settings.kafka:
        topics = {
            "listener.cards": settings.kafka_cards_topic,
            "safety.cases": settings.kafka_cases_topic,
        }
        outlets.append(KafkaOutlet(KafkaPublisher(kafka_settings(settings)), topics))
    if settings.feed_webhook_url:
        secrets = webhook_secrets(settings)
        if not secrets:
            raise Misconfigured("JIEZHU_FEED_WEBHOOK_URL needs JIEZHU_WEBHOOK_SECRETS to sign with")
        client = httpx.Client(timeout=5.0, follow_redirects=False)
        outlets.append(WebhookOutlet(settings.feed_webhook_url, secrets, client, clock))
    if not outlets:
        return None

    def publish(letters: Sequence[Letter]) -> None:
        for outlet in outlets:
            outlet(letters)

    return publish
