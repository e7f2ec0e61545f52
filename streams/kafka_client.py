"""The way to Kafka: settings, connecting, and the client's exceptions as ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kafka import errors
from kafka.net.compat import KafkaNetClient

from safety.core.errors import Misconfigured, SafetyError, SourceUnavailable

_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_OUR_MISTAKE = (
    errors.KafkaConfigurationError,
    errors.AuthorizationError,
    errors.SaslAuthenticationFailedError,
    errors.UnsupportedSaslMechanismError,
    errors.UnsupportedVersionError,
    errors.UnsupportedCodecError,
    errors.InvalidGroupIdError,
    errors.InvalidSessionTimeoutError,
    errors.InconsistentGroupProtocolError,
    errors.InvalidTopicError,
    errors.FencedInstanceIdError,
    errors.InvalidReplicationFactorError,
    errors.PolicyViolationError,
)


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Where Kafka is and who we are there.

    `instance_id` makes the worker a static member: unique among the group's workers, stable over
    restarts. `extra` holds connection options under kafka-python's names: `security_protocol`,
    `sasl_*`, `ssl_*`.
    """

    bootstrap_servers: str
    topic: str = "chat.events"
    group_id: str = "jiezhu"
    instance_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # kafka-python takes a misspelt protocol for PLAINTEXT and would send chat in the clear.
        if self.extra.get("security_protocol", "PLAINTEXT") not in _PROTOCOLS:
            raise Misconfigured(f"security_protocol must be one of {', '.join(_PROTOCOLS)}")

    @property
    def connection(self) -> dict[str, Any]:
        """What every client needs."""
        return {"bootstrap_servers": self.bootstrap_servers, **self.extra}


class TooLarge(SourceUnavailable):
    """The broker refuses a record of this size."""


def connected(make: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """A client of Kafka. One that cannot connect leaves no thread and no socket behind."""
    networks: list[KafkaNetClient] = []

    def network(**settings: Any) -> KafkaNetClient:
        networks.append(KafkaNetClient(**settings))
        return networks[-1]

    try:
        with translated(setting_up=True):
            return make(*arguments, kafka_client=network, **options)
    except SafetyError:
        for left_behind in networks:
            left_behind.close()
        raise


@contextmanager
def translated(*, setting_up: bool = False) -> Iterator[None]:
    """The one place where the client's exceptions become ours. Only their names are carried."""
    try:
        yield
    except _OUR_MISTAKE as error:
        raise Misconfigured(f"Kafka refuses this configuration: {type(error).__name__}") from None
    except (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError) as error:
        raise TooLarge(f"Kafka: {type(error).__name__}") from None
    except (errors.KafkaError, OSError) as error:
        raise SourceUnavailable(f"Kafka: {type(error).__name__}") from None
    except (AssertionError, TypeError, ValueError) as error:
        # kafka-python checks options with these, and later a partition that has just been lost.
        if setting_up:
            raise Misconfigured(f"Kafka client options: {type(error).__name__}") from None
        raise SourceUnavailable(f"Kafka client: {type(error).__name__}") from None
