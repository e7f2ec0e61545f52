"""Bytes to events: every type, every way to be unreadable, and never another exception."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety.core.errors import UnreadableRecord
from safety.core.events import (
    CardAction,
    CardEvent,
    Chip,
    EventType,
    ListenerHelp,
    LocationShare,
    Message,
    Spending,
)
from safety.core.types import Modality, Role
from streams.codec import decode, decode_object, encode
from tests.streams.wire import EXAMPLES, wire


def refusal(value: bytes) -> tuple[str, str | None]:
    with pytest.raises(UnreadableRecord) as caught:
        decode(value)
    return caught.value.reason, caught.value.field


def as_bytes(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()


def text_of(value: bytes) -> str:
    event = decode(value).event
    assert isinstance(event, Message)
    return event.text


class TestEveryType:
    def test_the_examples_cover_all_types(self) -> None:
        assert {record["type"] for record in EXAMPLES} == {type_.value for type_ in EventType}

    @pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: record["type"])
    def test_round_trip(self, record: dict[str, Any]) -> None:
        decoded = decode(as_bytes(record))
        assert decoded.unknown_fields == 0
        assert decode(encode(decoded.event)) == decoded
        assert decode_object(record) == decoded

    @pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: record["type"])
    def test_every_field_arrives(self, record: dict[str, Any]) -> None:
        event = decode(as_bytes(record)).event
        id_field = "message_id" if record["type"] == "message" else "event_id"
        for name, value in record.items():
            if name == "sent_at":
                assert event.sent_at == datetime(2026, 3, 4, 18, 7, tzinfo=UTC)
                assert event.sent_at.tzinfo is UTC
            else:
                assert getattr(event, "event_id" if name == id_field else name) == value

    @pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: record["type"])
    @pytest.mark.parametrize("name", ["role", "sent_at", "sender_id", "conversation_id"])
    def test_no_type_does_without_person_role_place_and_time(
        self, record: dict[str, Any], name: str
    ) -> None:
        without = {key: value for key, value in record.items() if key != name}
        assert refusal(as_bytes(without)) == ("missing", name)

    def test_plain_types_are_enums_and_subclasses(self) -> None:
        spoken = decode_object(wire("message", text="嗯", modality="transcript")).event
        assert isinstance(spoken, Message)
        assert spoken.modality is Modality.TRANSCRIPT
        assert spoken.role is Role.CLIENT
        assert spoken.type is EventType.MESSAGE
        acted = decode_object(wire("card_event", card="a", action="sent")).event
        assert isinstance(acted, CardEvent)
        assert acted.action is CardAction.SENT
        tapped = decode_object(wire("listener_help", chip="桥")).event
        assert isinstance(tapped, ListenerHelp)
        assert tapped.chip is Chip.BRIDGE
        assert isinstance(decode_object(wire("gift", amount_minor=1)).event, Spending)
        assert isinstance(decode_object(wire("location_share")).event, LocationShare)


class TestDefaultsAndExtras:
    def test_tenant_and_modality_have_defaults(self) -> None:
        event = decode(as_bytes(wire("message", text="在吗", tenant=...))).event
        assert isinstance(event, Message)
        assert (event.tenant, event.modality, event.asr_confidence) == ("default", "text", None)

    def test_unknown_fields_are_left_out_and_counted(self) -> None:
        record = wire("message", text="在吗", emotion="sad", device={"os": ["x"]}, event_id="e")
        decoded = decode(as_bytes(record))
        assert decoded.unknown_fields == 3
        assert not hasattr(decoded.event, "emotion")

    def test_null_stands_for_an_absent_optional_field(self) -> None:
        record = wire("message", text="", session_id=None, asr_confidence=None)
        assert decode(as_bytes(record)).event.session_id is None


class TestTextThatDatabasesRefuse:
    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ("a\x00b", "a�b"),
            ("a\ud800b", "a�b"),
            ("\udc00\x00我", "��我"),
            ("😀", "😀"),
            ("a\nb\tc", "a\nb\tc"),
        ],
    )
    def test_is_mended_one_code_point_for_one(self, sent: str, kept: str) -> None:
        record = wire("message", text=sent)
        assert text_of(as_bytes(record)) == kept
        assert text_of(encode(decode_object(record).event)) == kept
        place = decode_object(wire("location_share", place=sent)).event
        assert isinstance(place, LocationShare)
        assert place.place == kept

    def test_the_longest_text_is_taken_and_one_more_is_not(self) -> None:
        longest = "好" * 1_048_576
        assert text_of(as_bytes(wire("message", text=longest))) == longest
        assert refusal(as_bytes(wire("message", text=longest + "好"))) == ("too_long", "text")


GOOD = wire("message", text="在吗")

BAD_FIELDS: list[tuple[dict[str, Any], str, str | None]] = [
    ({"type": ...}, "missing", "type"),
    ({"type": "image"}, "unknown_type", "type"),
    ({"type": 7}, "unknown_type", "type"),
    ({"type": None}, "unknown_type", "type"),
    ({"type": []}, "unknown_type", "type"),
    ({"message_id": ...}, "missing", "message_id"),
    ({"message_id": ""}, "empty", "message_id"),
    ({"message_id": 81}, "wrong_type", "message_id"),
    ({"message_id": "m" * 201}, "too_long", "message_id"),
    ({"message_id": "m\n1"}, "bad_value", "message_id"),
    ({"message_id": "m\n"}, "bad_value", "message_id"),
    ({"message_id": "m\x7f"}, "bad_value", "message_id"),
    ({"message_id": "m\x85"}, "bad_value", "message_id"),
    ({"message_id": "m\u2028"}, "bad_value", "message_id"),
    ({"message_id": "\ud800"}, "bad_value", "message_id"),
    ({"message_id": ..., "event_id": "e"}, "missing", "message_id"),
    ({"conversation_id": "\x00"}, "bad_value", "conversation_id"),
    ({"sender_id": None}, "wrong_type", "sender_id"),
    ({"tenant": None}, "wrong_type", "tenant"),
    ({"tenant": ""}, "empty", "tenant"),
    ({"session_id": 5}, "wrong_type", "session_id"),
    ({"role": "boss"}, "bad_value", "role"),
    ({"role": 1}, "bad_value", "role"),
    ({"text": ...}, "missing", "text"),
    ({"text": None}, "wrong_type", "text"),
    ({"text": ["a"]}, "wrong_type", "text"),
    ({"modality": "voice"}, "bad_value", "modality"),
    ({"asr_confidence": 1.01}, "bad_value", "asr_confidence"),
    ({"asr_confidence": -0.01}, "bad_value", "asr_confidence"),
    ({"asr_confidence": "0.5"}, "wrong_type", "asr_confidence"),
    ({"asr_confidence": True}, "wrong_type", "asr_confidence"),
    ({"asr_confidence": float("nan")}, "not_json", None),
    ({"asr_confidence": float("inf")}, "not_json", None),
    ({"type": "read"}, "missing", "event_id"),
    ({"type": "gift", "event_id": "e"}, "missing", "amount_minor"),
    ({"type": "gift", "event_id": "e", "amount_minor": -1}, "bad_value", "amount_minor"),
    ({"type": "gift", "event_id": "e", "amount_minor": 2**53}, "bad_value", "amount_minor"),
    ({"type": "gift", "event_id": "e", "amount_minor": "1"}, "wrong_type", "amount_minor"),
    ({"type": "gift", "event_id": "e", "amount_minor": 1.0}, "wrong_type", "amount_minor"),
    ({"type": "gift", "event_id": "e", "amount_minor": True}, "wrong_type", "amount_minor"),
    (
        {"type": "payment", "event_id": "e", "amount_minor": 1, "currency": "元"},
        "bad_value",
        "currency",
    ),
    ({"type": "card_event", "event_id": "e", "action": "sent"}, "missing", "card"),
    ({"type": "card_event", "event_id": "e", "card": "a", "action": "x"}, "bad_value", "action"),
    ({"type": "listener_help", "event_id": "e", "chip": "吵"}, "bad_value", "chip"),
    ({"type": "location_share", "event_id": "e", "place": 3}, "wrong_type", "place"),
]

BAD_TIMES = [
    "2026-03-05T02:07:00",
    "2026-03-05",
    "2026-03-05T02:07:00+0800",
    "20260305T020700+08:00",
    "2026-W10-4T02:07:00+08:00",
    "2026-02-30T02:07:00+08:00",
    "2026-03-05T25:07:00+08:00",
    "2026-03-05T02:07:00+24:00",
    "2026-03-05T02:07:00+08:00 ",
    "２０26-03-05T02:07:00+08:00",
    "1999-12-31T23:59:59Z",
    "2100-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "1772647620",
    "",
]


class TestUnreadable:
    @pytest.mark.parametrize(("fields", "reason", "field"), BAD_FIELDS)
    def test_a_bad_field(self, fields: dict[str, Any], reason: str, field: str | None) -> None:
        record = {key: value for key, value in {**GOOD, **fields}.items() if value is not ...}
        assert refusal(as_bytes(record)) == (reason, field)

    @pytest.mark.parametrize("sent_at", BAD_TIMES)
    def test_a_bad_time(self, sent_at: str) -> None:
        assert refusal(as_bytes({**GOOD, "sent_at": sent_at})) == ("bad_time", "sent_at")

    def test_a_time_that_is_no_string(self) -> None:
        assert refusal(as_bytes({**GOOD, "sent_at": 1772647620})) == ("wrong_type", "sent_at")

    @pytest.mark.parametrize(
        ("sent_at", "expected"),
        [
            ("2026-03-04T18:07:00Z", datetime(2026, 3, 4, 18, 7, tzinfo=UTC)),
            ("2026-03-04t18:07:00z", datetime(2026, 3, 4, 18, 7, tzinfo=UTC)),
            ("2026-03-04 18:07:00-00:00", datetime(2026, 3, 4, 18, 7, tzinfo=UTC)),
            ("2026-03-04T18:07:00.1Z", datetime(2026, 3, 4, 18, 7, 0, 100_000, tzinfo=UTC)),
            (
                "2026-03-04T18:07:00.123456789Z",
                datetime(2026, 3, 4, 18, 7, 0, 123_456, tzinfo=UTC),
            ),
        ],
    )
    def test_good_times(self, sent_at: str, expected: datetime) -> None:
        assert decode(as_bytes({**GOOD, "sent_at": sent_at})).event.sent_at == expected

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            (None, "no_value"),
            (b"", "not_json"),
            (b"{", "not_json"),
            (b"{} {}", "not_json"),
            (b'{"a":1,}', "not_json"),
            (b"\xef\xbb\xbf{}", "not_json"),
            (b'{"a":NaN}', "not_json"),
            (b'{"a":' + b"1" * 5000 + b"}", "not_json"),
            (b"\xff\xfe", "not_utf8"),
            (b'{"text":"\xed\xa0\x80"}', "not_utf8"),
            (b"null", "not_an_object"),
            (b"[]", "not_an_object"),
            (b'"hello"', "not_an_object"),
            (b"7", "not_an_object"),
            (b"[" * 100_000, "too_deep"),
            (b'{"a":' * 100_000, "too_deep"),
            (b'{"a":1,"a":2}', "duplicate_key"),
            (b'{"b":{"a":1,"a":2}}', "duplicate_key"),
            (b'{"text":"\\\\","text":"\\\\"}', "duplicate_key"),
            (
                b'{"a":"\\\\","b":"\\\\","c":"\\\\","d":"\\\\","text":"x","text":"y"}',
                "duplicate_key",
            ),
            (b'{"a":"\\"","a":"\\""}', "duplicate_key"),
            (b'{"a":1,"\\u0061":2}', "duplicate_key"),
        ],
    )
    def test_bytes_that_are_no_object(self, value: bytes | None, reason: str) -> None:
        with pytest.raises(UnreadableRecord) as caught:
            decode(value)
        assert (caught.value.reason, caught.value.field) == (reason, None)

    def test_an_integer_beyond_all_bounds(self) -> None:
        record = wire("gift", amount_minor=10**30)
        assert refusal(as_bytes(record)) == ("wrong_type", "amount_minor")

    def test_quotes_and_backslashes_are_no_twins(self) -> None:
        for text in ['"', '\\"', "\\", '","text":"', "\\\\", '\\u0022"']:
            assert text_of(as_bytes(wire("message", text=text))) == text

    def test_no_word_of_the_input_gets_into_the_error(self) -> None:
        for name in ("type", "role", "modality", "message_id", "sent_at"):
            with pytest.raises(UnreadableRecord) as caught:
                decode(as_bytes({**GOOD, name: "不想活了\n"}))
            error = caught.value
            assert "不想活" not in f"{error!r}{error.__cause__!r}{error.field}{error.reason}"
            assert error.__suppress_context__


ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None, exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def only_unreadable(value: bytes) -> None:
    with contextlib.suppress(UnreadableRecord):
        event = decode(value).event
        assert decode(encode(event)).event == event


class TestFuzz:
    @given(st.binary())
    def test_any_bytes(self, value: bytes) -> None:
        only_unreadable(value)

    @given(ANY_JSON)
    def test_any_json(self, value: object) -> None:
        only_unreadable(json.dumps(value).encode())

    @given(
        st.sampled_from(EXAMPLES),
        st.dictionaries(
            st.sampled_from(sorted({name for record in EXAMPLES for name in record})), ANY_JSON
        ),
    )
    def test_any_field_holding_anything(
        self, record: dict[str, Any], fields: dict[str, Any]
    ) -> None:
        only_unreadable(json.dumps({**record, **fields}).encode())

    @given(st.sampled_from(EXAMPLES), st.data())
    def test_any_damaged_byte(self, record: dict[str, Any], data: st.DataObject) -> None:
        value = bytearray(as_bytes(record))
        place = data.draw(st.integers(0, len(value) - 1))
        value[place] = data.draw(st.integers(0, 255))
        only_unreadable(bytes(value))

    @given(st.text(st.characters(codec=None, exclude_categories=())))
    def test_any_text_arrives_storable_and_as_long(self, text: str) -> None:
        kept = text_of(as_bytes(wire("message", text=text)))
        kept.encode()
        assert "\x00" not in kept
        # Two surrogate escapes that happen to make a pair are one character in JSON.
        assert len(kept) <= len(text)
