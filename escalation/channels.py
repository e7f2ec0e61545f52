"""The channels a policy or a roster may name, and what an address on them must look like."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

KNOWN_CHANNELS = frozenset(
    {"app", "push", "voice", "sms", "wecom", "dingtalk", "feishu", "email", "webhook", "console"}
)


def address_problem(channel: str, address: str) -> str | None:
    """Why nothing should be sent to this address, as a short code; None when it may be used."""
    return _webhook_problem(address) if channel == "webhook" else None


def _webhook_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "bad_url"
    if not host:
        return "bad_url"
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)):
        return None
    return "insecure_url"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
