from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation.signature import HEADER, sign, verify

from .builders import NOW

OLD, NEW = b"old-secret-0123456789", b"new-secret-0123456789"
BODY = '{"text":"【接住】"}'.encode()


def test_the_scheme_is_as_documented() -> None:
    stamp = int(NOW.timestamp())
    digest = hmac.new(OLD, f"{stamp}.".encode() + BODY, hashlib.sha256).hexdigest()
    assert sign(BODY, [OLD], NOW) == f"t={stamp},v1={digest}"


def test_during_a_rotation_either_secret_suffices() -> None:
    headers = {HEADER: sign(BODY, [OLD, NEW], NOW)}
    assert headers[HEADER].count("v1=") == 2
    assert verify(headers, BODY, [OLD], NOW)
    assert verify(headers, BODY, [NEW], NOW)
    assert verify({HEADER.lower(): sign(BODY, [NEW], NOW)}, BODY, [OLD, NEW], NOW)
    assert not verify(headers, BODY, [b"another-secret-01234"], NOW)
    assert not verify(headers, BODY, [], NOW)


@pytest.mark.parametrize(
    ("shift", "fits"), [(300, True), (301, False), (-300, True), (-301, False)]
)
def test_old_and_future_signatures_fail(shift: int, fits: bool) -> None:
    headers = {HEADER: sign(BODY, [OLD], NOW)}
    assert verify(headers, BODY, [OLD], NOW + timedelta(seconds=shift)) is fits


def test_another_body_or_time_fails() -> None:
    signed = sign(BODY, [OLD], NOW)
    assert not verify({HEADER: signed}, BODY + b" ", [OLD], NOW)
    later = signed.replace(f"t={int(NOW.timestamp())}", f"t={int(NOW.timestamp()) + 1}")
    assert not verify({HEADER: later}, BODY, [OLD], NOW)
    assert not verify({HEADER: f"t=1,{signed}"}, BODY, [OLD], NOW)
    assert not verify({HEADER: f"{signed},t=1"}, BODY, [OLD], NOW)
    assert not verify({}, BODY, [OLD], NOW)
    assert verify({HEADER: f"{signed},v2=later"}, BODY, [OLD], NOW)


def test_an_empty_secret_signs_nothing() -> None:
    assert not verify({HEADER: sign(BODY, [b""], NOW)}, BODY, [b""], NOW)


@given(st.text(max_size=200))
def test_nonsense_is_false_and_never_an_error(header: str) -> None:
    assert verify({HEADER: header}, BODY, [OLD], NOW) is False
    stamp = int(NOW.timestamp())
    assert verify({HEADER: f"t={stamp},v1={header}"}, BODY, [OLD], NOW) is False
