"""Escalation: bringing a person in."""

from escalation.console import ConsoleNotifier
from escalation.coverage import Gap, coverage_gaps, roster_findings
from escalation.dispatcher import Dispatcher
from escalation.ladder import advance, after_acknowledge, after_undeliverable, start
from escalation.policy import (
    DEFAULT_POLICY_PATH,
    load_policy,
    policy_from_json,
    policy_to_json,
)
from escalation.render import case_number, page_text
from escalation.roster import DEMO_ROSTER_PATH, Member, Roster, Shift, load_roster
from escalation.signature import verify
from escalation.webhook import WebhookNotifier

__all__ = [
    "DEFAULT_POLICY_PATH",
    "DEMO_ROSTER_PATH",
    "ConsoleNotifier",
    "Dispatcher",
    "Gap",
    "Member",
    "Roster",
    "Shift",
    "WebhookNotifier",
    "advance",
    "after_acknowledge",
    "after_undeliverable",
    "case_number",
    "coverage_gaps",
    "load_policy",
    "load_roster",
    "page_text",
    "policy_from_json",
    "policy_to_json",
    "roster_findings",
    "start",
    "verify",
]
