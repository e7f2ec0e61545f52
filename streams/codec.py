"""Bytes to events and back.

Every way in which bytes can fail to be an event ends in one `UnreadableRecord` with a short
stable code and at most the name of one of our own fields: never a word of the input.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any, NamedTuple

import orjson
from pydantic import TypeAdapter, ValidationError

from safety.core.errors import UnreadableRecord
from safety.core.events import (
    CardEvent,
    Event,
    EventType,
    ListenerHelp,
    LocationShare,
    Message,
    Spending,
)
from streams.models import WireEvent, storable

_WIRE: TypeAdapter[Any] = TypeAdapter(WireEvent)

_PLAIN: dict[EventType, type[Event]] = {
    **dict.fromkeys(EventType, Event),
    EventType.MESSAGE: Message,
    EventType.PAYMENT: Spending,
    EventType.GIFT: Spending,
    EventType.LOCATION_SHARE: LocationShare,
    EventType.CARD_EVENT: CardEvent,
    EventType.LISTENER_HELP: ListenerHelp,
}


def _wire_names(type_: EventType, plain: type[Event]) -> frozenset[str]:
    id_name = "message_id" if type_ is EventType.MESSAGE else "event_id"
    return frozenset(plain.__dataclass_fields__) - {"event_id"} | {id_name}


_TARGET: Mapping[str, tuple[EventType, type[Event], frozenset[str]]] = {
    type_.value: (type_, plain, _wire_names(type_, plain)) for type_, plain in _PLAIN.items()
}
_ENCODED: Mapping[EventType, tuple[str, ...]] = {
    type_: tuple(
        name for name in plain.__dataclass_fields__ if name not in {"type", "event_id", "sent_at"}
    )
    for type_, plain in _PLAIN.items()
}
_REASON_OF = {
    "missing": "missing",
    "union_tag_not_found": "missing",
    "union_tag_invalid": "unknown_type",
    "string_type": "wrong_type",
    "int_type": "wrong_type",
    "float_type": "wrong_type",
    "model_attributes_type": "not_an_object",
    "too_long": "too_long",
    "string_too_long": "too_long",
    "string_too_short": "empty",
    "bad_time": "bad_time",
}


class Decoded(NamedTuple):
    """An event, and how many fields of its record we do not know and have left out."""

    event: Event
    unknown_fields: int


def decode(value: bytes | None) -> Decoded:
    """The event that these bytes hold. Raises UnreadableRecord, and nothing else ever."""
    if value is None:
        raise UnreadableRecord("no_value")
    return decode_object(_parse(value))


def decode_object(obj: object) -> Decoded:
    """The event that this parsed JSON value holds. Raises UnreadableRecord, and nothing else."""
    if not isinstance(obj, dict):
        raise UnreadableRecord("not_an_object")
    try:
        fields = _WIRE.validate_python(obj).__dict__
    except ValidationError as error:
        raise _unreadable(error) from None
    type_, plain, known = _TARGET[fields["type"]]
    fields["type"] = type_
    unknown = 0 if obj.keys() <= known else len(obj.keys() - known)
    return Decoded(plain(**fields), unknown)


def encode(event: Event) -> bytes:
    """The bytes that `decode` reads as `event`. Fields that are not set are left out."""
    id_name = "message_id" if event.type is EventType.MESSAGE else "event_id"
    fields: dict[str, object] = {"type": event.type.value, id_name: event.event_id}
    for name in _ENCODED[event.type]:
        value = getattr(event, name)
        if value is not None:
            fields[name] = storable(value)
    # An offset with seconds is legal in Python and not on the wire; UTC never has one.
    at = event.sent_at if event.sent_at.tzinfo is None else event.sent_at.astimezone(UTC)
    fields["sent_at"] = at.isoformat()
    return orjson.dumps(fields)


def _parse(value: bytes) -> object:
    try:
        obj: object = orjson.loads(value)
    except orjson.JSONDecodeError:
        # A lone surrogate escape is no reason to leave somebody's message unread.
        return _parse_slowly(value)
    if not _has_no_twin_keys(value, obj):
        return _parse_slowly(value)
    return obj


def _has_no_twin_keys(value: bytes, obj: object) -> bool:
    """True when the quotes add up to exactly the parsed keys and strings; False when unsure.

    A second "text" would hide the first from us, so twins are errors, and orjson is silent about
    them. Counting is exact for flat objects without two backslashes in a row; others are re-read.
    """
    if not isinstance(obj, dict) or b"\\\\" in value:
        return False
    kinds = [*map(type, obj.values())]
    if dict in kinds or list in kinds:
        return False
    strings = len(kinds) + kinds.count(str)
    return value.count(b'"') - value.count(b'\\"') == 2 * strings


def _parse_slowly(value: bytes) -> object:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise UnreadableRecord("not_utf8") from None
    try:
        return json.loads(text, object_pairs_hook=_no_twins, parse_constant=_no_constant)
    except RecursionError:
        raise UnreadableRecord("too_deep") from None
    except ValueError:
        raise UnreadableRecord("not_json") from None


def _no_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    obj = dict(pairs)
    if len(obj) != len(pairs):
        raise UnreadableRecord("duplicate_key")
    return obj


def _no_constant(_name: str) -> object:
    raise UnreadableRecord("not_json")


def _unreadable(error: ValidationError) -> UnreadableRecord:
    """The first complaint, as code and place. The place is one of our names, never the input."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    reason = _REASON_OF.get(first["type"], "bad_value")
    names = [str(part) for part in first["loc"][1:]]
    return UnreadableRecord(reason, names[0] if names else "type")
