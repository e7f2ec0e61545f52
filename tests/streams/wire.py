"""Records as a platform writes them, for tests: one harmless example of every event type."""

from __future__ import annotations

import json
from typing import Any

COMMON: dict[str, Any] = {
    "tenant": "default",
    "conversation_id": "c-7",
    "session_id": "s-1",
    "sender_id": "u-3",
    "role": "client",
    "client_id": "u-3",
    "listener_id": "l-9",
    "sent_at": "2026-03-05T02:07:00+08:00",
}


def wire(type_: str, **fields: Any) -> dict[str, Any]:
    """One record as parsed JSON; a field given as `...` is left out."""
    id_field = "message_id" if type_ == "message" else "event_id"
    record = {"type": type_, id_field: f"{type_}-1", **COMMON, **fields}
    return {name: value for name, value in record.items() if value is not ...}


def message(number: int, conversation: str = "c-7", **fields: Any) -> bytes:
    """One readable message as bytes."""
    record = wire("message", message_id=f"m-{number}", text="今天下雨", **fields)
    return json.dumps({**record, "conversation_id": conversation}, ensure_ascii=False).encode()


EXAMPLES: list[dict[str, Any]] = [
    wire("message", text="今天好累，想找人说说话"),
    wire("message", text="还行吧", modality="transcript", asr_confidence=0.83, tenant=...),
    wire("call_start"),
    wire("call_end"),
    wire("call_drop", role="system", sender_id="platform"),
    wire("session_start", session_id=..., client_id=..., listener_id=...),
    wire("session_end"),
    wire("session_extend"),
    wire("typing", role="listener", sender_id="l-9"),
    wire("read"),
    wire("payment", amount_minor=0, currency="CNY"),
    wire("gift", amount_minor=52000),
    wire("location_share", place="公园东门"),
    wire("location_share"),
    wire("listener_online", role="listener", sender_id="l-9"),
    wire("listener_offline", role="listener", sender_id="l-9"),
    wire("card_event", card="breath-1", action="dismissed", role="listener"),
    wire("listener_help", role="listener", sender_id="l-9"),
    wire("listener_help", role="listener", sender_id="l-9", chip="天台"),
]
