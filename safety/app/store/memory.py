"""A conversation's memory as bytes, sealed under a key of its day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from safety.app.vault import Vault
from safety.core.conversation import Conversation, SeenCue
from safety.core.events import Chip
from safety.core.types import (
    ConversationId,
    Cue,
    EventId,
    Level,
    PersonId,
    Role,
    TenantId,
    Turn,
)

SHARDS = 64

_ROLES = tuple(Role)
_ROLE_NUMBER = {role: number for number, role in enumerate(_ROLES)}
_MOMENTS = (
    "prior_risk_at",
    "wish_at",
    "place_at",
    "call_since",
    "last_client_at",
    "silence_due_at",
)


def seal(conversation: Conversation, key: bytes, vault: Vault, sealed_on: str) -> bytes:
    """The memory without its names and version, which stand beside it in the row."""
    return vault.seal(_packed(conversation), _purpose(sealed_on, key), key)


def unseal(row: Any, vault: Vault) -> Conversation:
    """The conversation of a row of `conversations`."""
    packed = vault.open(row.memory, row.key_id, _purpose(row.sealed_on, row.key), row.key)
    return _unpacked(packed, TenantId(row.tenant), ConversationId(row.conversation_id), row.version)


def _purpose(sealed_on: str, key: bytes) -> str:
    return f"window:{sealed_on}:{key[0] % SHARDS}"


def _packed(item: Conversation) -> bytes:
    window = [
        (turn.event_id, _ROLE_NUMBER[turn.role], turn.text, turn.sent_at.timestamp())
        for turn in item.window
    ]
    moments = [None if (at := getattr(item, name)) is None else at.timestamp() for name in _MOMENTS]
    cues = [(seen.cue.value, seen.at.timestamp()) for seen in item.cues]
    body = (
        window,
        moments,
        cues,
        item.client_id,
        item.listener_id,
        item.subject,
        item.level,
        item.open_level,
        item.with_professional,
        [chip.value for chip in item.chips],
        item.shown,
        item.card_seq,
    )
    return orjson.dumps(body)


def _unpacked(
    packed: bytes, tenant: TenantId, conversation_id: ConversationId, version: int
) -> Conversation:
    (
        window,
        moments,
        cues,
        client_id,
        listener_id,
        subject,
        level,
        open_level,
        with_professional,
        chips,
        shown,
        card_seq,
    ) = orjson.loads(packed)
    return Conversation(
        tenant=tenant,
        conversation_id=conversation_id,
        version=version,
        window=tuple(
            Turn(EventId(event_id), _ROLES[role], text, _moment(at))
            for event_id, role, text, at in window
        ),
        cues=tuple(SeenCue(Cue(cue), _moment(at)) for cue, at in cues),
        client_id=None if client_id is None else PersonId(client_id),
        listener_id=None if listener_id is None else PersonId(listener_id),
        subject=None if subject is None else PersonId(subject),
        level=None if level is None else Level(level),
        open_level=None if open_level is None else Level(open_level),
        with_professional=with_professional,
        chips=tuple(Chip(chip) for chip in chips),
        shown=tuple(shown),
        card_seq=card_seq,
        **{
            name: None if at is None else _moment(at)
            for name, at in zip(_MOMENTS, moments, strict=True)
        },
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
