"""All settings, read once, from environment variables that begin with JIEZHU_."""

from __future__ import annotations

import ipaddress
import re
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from safety.core.errors import Misconfigured

Scope = Literal["platform", "professional"]


class Settings(BaseSettings):
    """What a deployment may choose; the defaults are the embedded mode on one machine."""

    model_config = SettingsConfigDict(env_prefix="JIEZHU_", frozen=True, extra="ignore")

    data_dir: Path = Path("var")
    database_url: str = ""
    master_key: SecretStr | None = None
    master_key_file: Path | None = None

    kafka: str = ""
    kafka_topic: str = "chat.events"
    kafka_dead_topic: str = "chat.events.dead"
    kafka_cards_topic: str = "listener.cards"
    kafka_cases_topic: str = "safety.cases"
    kafka_group: str = "jiezhu"
    kafka_instance: str = ""
    kafka_partitions: int = Field(default=12, ge=1, le=1000)
    kafka_options: dict[str, Any] = Field(default_factory=dict)

    batch: int = Field(default=500, ge=1, le=10_000)
    memory_records: int = Field(default=10_000, ge=100)

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    ops_port: int = Field(default=0, ge=0, le=65535)
    api_tokens: dict[str, Scope] = Field(default_factory=dict)
    max_body_bytes: int = Field(default=8_388_608, ge=1024)
    intake_timeout_s: float = Field(default=10.0, gt=0)

    policy_file: Path | None = None
    roster_file: Path | None = None
    glossary_dir: Path | None = None
    model: str = ""
    model_threads: int = Field(default=1, ge=1, le=64)
    cards_dir: Path | None = None
    webhook_secrets: list[SecretStr] = Field(default_factory=list)
    feed_webhook_url: str = ""

    timezone: str = "Asia/Shanghai"
    stale_after_s: float = Field(default=15.0, gt=0)
    lease_s: float = Field(default=30.0, ge=5)

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise ValueError("no such time zone; write it like Asia/Shanghai") from None
        return value

    @field_validator("api_tokens")
    @classmethod
    def _real_tokens(cls, value: dict[str, Scope]) -> dict[str, Scope]:
        if any(not token.strip() for token in value):
            raise ValueError("an empty token would let everybody in")
        return value

    @cached_property
    def database(self) -> str:
        """The database address: the configured one, or a SQLite file in the data folder."""
        return self.database_url or f"sqlite:///{self.data_dir / 'jiezhu.db'}"

    @property
    def embedded(self) -> bool:
        """Whether events come in through this process alone."""
        return not self.kafka

    def check_exposure(self) -> None:
        """Refuse to serve others than this machine without tokens."""
        if not self.api_tokens and not _is_loopback(self.host):
            raise Misconfigured(
                "JIEZHU_HOST opens the API to the network, but JIEZHU_API_TOKENS is empty:"
                ' set it, for example to {"a-long-random-token": "platform"}'
            )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_settings(**overrides: Any) -> Settings:
    """The settings of this process. Raises Misconfigured with the variable named."""
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = "JIEZHU_" + "_".join(str(part) for part in first["loc"][:1]).upper()
        raise Misconfigured(f"{name}: {first['msg']}") from None
    except SettingsError as error:
        found = re.search(r'field "(\w+)"', str(error))
        name = found[1].upper() if found else "variable"
        raise Misconfigured(f"JIEZHU_{name}: not the JSON that is expected there") from None
