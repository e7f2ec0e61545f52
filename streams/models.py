"""The wire form of every event, as pydantic models: strict types, unknown fields left out.

The union `WireEvent` is what an HTTP endpoint may publish as its schema. Nothing here reads a
clock, and no error made from these models may carry the input (see `streams.codec`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from safety.core.events import CardAction, Chip
from safety.core.types import Modality, Role

MAX_ID = 200
MAX_TEXT = 1_048_576
# A database's bigint and a JSON reader's double both hold it exactly.
MAX_AMOUNT = 2**53 - 1

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_FIRST_YEAR = 2000
_LAST_YEAR = 2099
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(value: object) -> object:
    """Text as PostgreSQL can keep it: NUL and lone surrogates become U+FFFD, one for one.

    One code point stays one code point, so spans into the text stay true.
    """
    if not isinstance(value, str):
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return _UNSTORABLE.sub("�", value)
    return value.replace("\x00", "�") if "\x00" in value else value


def moment(value: object) -> datetime:
    """RFC 3339 with an offset, from 2000 to 2099, as an aware datetime in UTC."""
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "a time is a string")
    if _RFC3339.fullmatch(value) is None:
        raise PydanticCustomError("bad_time", "not RFC 3339 with an offset")
    try:
        at = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("bad_time", "no such moment") from None
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        raise PydanticCustomError("bad_time", "not a moment of this century")
    return at


# No C0 or C1 control characters, DEL, or Unicode line separators: ids end up in logs and headers.
Id = Annotated[
    str,
    StringConstraints(
        strict=True,
        min_length=1,
        max_length=MAX_ID,
        pattern=r"^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]+$",
    ),
]
Text = Annotated[
    str, BeforeValidator(storable), StringConstraints(strict=True, max_length=MAX_TEXT)
]
Moment = Annotated[
    datetime,
    PlainValidator(moment),
    PlainSerializer(datetime.isoformat),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Currency = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z]{3}$")]


class _Wire(BaseModel):
    """What every event carries."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)

    event_id: Id
    tenant: Id = "default"
    conversation_id: Id
    sender_id: Id
    # Enums are lax because a strict one refuses the wire's plain string.
    role: Annotated[Role, Field(strict=False)]
    sent_at: Moment
    session_id: Id | None = None
    client_id: Id | None = None
    listener_id: Id | None = None


class WireMessage(_Wire):
    """Words."""

    type: Literal["message"]
    event_id: Id = Field(validation_alias=AliasChoices("message_id"))
    text: Text
    modality: Annotated[Modality, Field(strict=False)] = Modality.TEXT
    asr_confidence: Annotated[float, Field(ge=0, le=1)] | None = None


class WirePlain(_Wire):
    """Calls, sessions, presence, typing and reading: who and when is all there is to say."""

    type: Literal[
        "call_start",
        "call_end",
        "call_drop",
        "session_start",
        "session_end",
        "session_extend",
        "typing",
        "read",
        "listener_online",
        "listener_offline",
    ]


class WireSpending(_Wire):
    """A payment or a gift."""

    type: Literal["payment", "gift"]
    amount_minor: Annotated[int, Field(ge=0, le=MAX_AMOUNT)]
    currency: Currency = "CNY"


class WireLocationShare(_Wire):
    """The client shared where they are."""

    type: Literal["location_share"]
    place: Text | None = None


class WireCardEvent(_Wire):
    """A listener acted on a card."""

    type: Literal["card_event"]
    card: Id
    action: Annotated[CardAction, Field(strict=False)]


class WireListenerHelp(_Wire):
    """The help button, or a one-tap observation."""

    type: Literal["listener_help"]
    chip: Annotated[Chip, Field(strict=False)] | None = None


WireEvent = Annotated[
    WireMessage | WirePlain | WireSpending | WireLocationShare | WireCardEvent | WireListenerHelp,
    Field(discriminator="type"),
]
