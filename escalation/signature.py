"""The signature of our webhooks, for both ends: `sign` for us, `verify` for whoever receives.

The header reads `t=<seconds>,v1=<hex>[,v1=<hex>]`; each v1 is the HMAC-SHA256 of `<seconds>.<body>`
under one secret. While a secret is being changed there are two, and either one suffices.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

HEADER = "X-Jiezhu-Signature"

_TIMESTAMP = re.compile(r"t=([0-9]{1,12})", re.ASCII)
_DIGEST = re.compile(r"v1=([0-9a-f]{64})", re.ASCII)


def sign(body: bytes, secrets: Sequence[bytes], now: datetime) -> str:
    """The header's value for `body` at `now`, with one v1 for each secret."""
    seconds = int(now.timestamp())
    digests = (f"v1={_digest(secret, seconds, body)}" for secret in secrets)
    return ",".join((f"t={seconds}", *digests))


def verify(
    headers: Mapping[str, str],
    body: bytes,
    secrets: Sequence[bytes],
    now: datetime,
    tolerance_s: float = 300.0,
) -> bool:
    """Whether `body` is ours and was signed within `tolerance_s` of `now`.

    Verify the bytes as they came, before parsing them. Within the tolerance a copy passes too:
    tell copies apart by the Idempotency-Key header's value, which the body holds as well.
    """
    header = next((v for k, v in headers.items() if k.lower() == HEADER.lower()), "")
    parts = [part.strip() for part in header.split(",")]
    stamps = [match[1] for part in parts if (match := _TIMESTAMP.fullmatch(part))]
    if len(stamps) != 1 or abs(now.timestamp() - int(stamps[0])) > tolerance_s:
        return False
    given = [match[1] for part in parts if (match := _DIGEST.fullmatch(part))]
    expected = [_digest(secret, int(stamps[0]), body) for secret in secrets if secret]
    # a list first, so that every pair is compared whichever of them fits
    hits = [hmac.compare_digest(left, right) for left in given for right in expected]
    return any(hits)


def _digest(secret: bytes, seconds: int, body: bytes) -> str:
    return hmac.new(secret, f"{seconds}.".encode("ascii") + body, hashlib.sha256).hexdigest()
