from __future__ import annotations

import pytest

from escalation.channels import address_problem


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/hook",
        "http://127.0.0.1:8080/x",
        "http://localhost/x",
        "http://[::1]:9/x",
    ],
)
def test_addresses_that_may_be_used(url: str) -> None:
    assert address_problem("webhook", url) is None


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://example.org/hook", "insecure_url"),
        ("http://127.0.0.1.example.org/", "insecure_url"),
        ("http://localhost.example.org/", "insecure_url"),
        ("ftp://localhost/", "insecure_url"),
        ("https://", "bad_url"),
        ("example.org/hook", "bad_url"),
        ("https://[::1", "bad_url"),
        ("https://example.org:port/", "bad_url"),
    ],
)
def test_addresses_that_may_not(url: str, problem: str) -> None:
    assert address_problem("webhook", url) == problem


def test_other_channels_take_any_address() -> None:
    assert address_problem("console", "anything") is None
