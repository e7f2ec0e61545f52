"""Encryption of everything confidential: windows, evidence, dead letters.

AES-256-GCM throughout. A master key (from the environment or a file) wraps one random key per
case, so that destroying the wrapped key destroys the case's text. Short-lived windows are sealed
under keys derived from the master key with HKDF, one per day and shard, which keeps each key far
below the 2^32 seals that random nonces allow. Every seal names its master key, for rotation.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from safety.core.errors import Misconfigured

KEY_BYTES = 32
NONCE_BYTES = 12

Randomness = Callable[[int], bytes]


class Vault:
    """Seals and opens bytes under a ring of master keys; `current` names the one that seals."""

    def __init__(
        self, ring: Mapping[str, bytes], current: str, randomness: Randomness = os.urandom
    ) -> None:
        if current not in ring:
            raise Misconfigured(f"the master key {current!r} is not in the key ring")
        for key_id, key in ring.items():
            if len(key) != KEY_BYTES:
                raise Misconfigured(f"the master key {key_id!r} must be {KEY_BYTES} bytes long")
        self._ring = dict(ring)
        self.current = current
        self._randomness = randomness
        self._derive = lru_cache(maxsize=4096)(self._derived)

    def seal(self, plain: bytes, purpose: str, owner: bytes) -> bytes:
        """Seal under a key derived for `purpose`; only the same purpose and owner open it."""
        cipher = self._derive(self.current, purpose)
        nonce = self._randomness(NONCE_BYTES)
        return nonce + cipher.encrypt(nonce, plain, owner)

    def open(self, sealed: bytes, key_id: str, purpose: str, owner: bytes) -> bytes:
        """The bytes given to `seal`. Raises Misconfigured when the key ring cannot open it."""
        if key_id not in self._ring:
            raise Misconfigured(f"the master key {key_id!r} is needed and not in the key ring")
        return _decrypt(self._derive(key_id, purpose), sealed, owner)

    def new_case_key(self, case_id: str) -> tuple[CaseKey, bytes]:
        """A fresh key for one case, and the same wrapped for storage under `current`."""
        key = self._randomness(KEY_BYTES)
        return CaseKey(key, self._randomness), self.seal(key, "case-key", case_id.encode())

    def unwrap(self, wrapped: bytes, key_id: str, case_id: str) -> CaseKey:
        """The case's key. Raises Misconfigured when the key ring cannot open it."""
        return CaseKey(self.open(wrapped, key_id, "case-key", case_id.encode()), self._randomness)

    def pseudonym(self, purpose: str, *parts: str) -> str:
        """32 hex digits that stand for an id and lead back to it only for who holds the key.

        The same parts get the same ones, as long as the same master key seals.
        """
        keyed = hmac.new(self._key(self.current, f"pseudonym:{purpose}"), digestmod=hashlib.sha256)
        for part in parts:
            raw = part.encode()
            keyed.update(len(raw).to_bytes(4, "big"))
            keyed.update(raw)
        return keyed.hexdigest()[:32]

    def _derived(self, key_id: str, purpose: str) -> AESGCM:
        return AESGCM(self._key(key_id, purpose))

    def _key(self, key_id: str, purpose: str) -> bytes:
        hkdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode())
        return hkdf.derive(self._ring[key_id])


class CaseKey:
    """Seals and opens the evidence of one case."""

    def __init__(self, key: bytes, randomness: Randomness) -> None:
        self._cipher = AESGCM(key)
        self._randomness = randomness

    def seal(self, plain: bytes, owner: bytes) -> bytes:
        """Seal; only the same owner opens it."""
        nonce = self._randomness(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, owner)

    def open(self, sealed: bytes, owner: bytes) -> bytes:
        """The bytes given to `seal`."""
        return _decrypt(self._cipher, sealed, owner)


def _decrypt(cipher: AESGCM, sealed: bytes, owner: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], owner)
    except (InvalidTag, ValueError):  # the latter for what is too short to be sealed
        raise Misconfigured("a stored text does not open with the configured key") from None


def parse_ring(text: str) -> tuple[dict[str, bytes], str]:
    """Read `id:base64key` entries, separated by commas or lines; the first one seals.

    Raises Misconfigured without ever quoting a key.
    """
    ring: dict[str, bytes] = {}
    for number, entry in enumerate(text.replace(",", "\n").split("\n"), start=1):
        if not entry.strip():
            continue
        key_id, separator, encoded = entry.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError:  # binascii.Error is one, and so is what characters outside ASCII raise
            key = b""
        if not separator or not key_id or len(key) != KEY_BYTES:
            raise Misconfigured(
                f"master key number {number} must read id:key, the key {KEY_BYTES} bytes in base64"
            )
        if key_id in ring:
            raise Misconfigured(f"master key number {number} has an id that was given before")
        ring[key_id] = key
    if not ring:
        raise Misconfigured("no master key is configured")
    return ring, next(iter(ring))


def ring_from_file(path: Path, randomness: Randomness = os.urandom) -> tuple[dict[str, bytes], str]:
    """The ring in `path`. A first run creates it with one fresh key, for its owner alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        entry = "k1:" + base64.b64encode(randomness(KEY_BYTES)).decode()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(entry + "\n")
    return parse_ring(path.read_text())
