"""Small things that the tests of this room are made of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from escalation import load_policy, start
from escalation.reading import Node, parse_yaml
from escalation.roster import Member, Roster
from safety.core.cases import (
    Case,
    CaseStatus,
    Duty,
    EscalationPolicy,
    Ladder,
    Page,
    Person,
)
from safety.core.types import CaseId, ConversationId, Level, PageId, PersonId, TenantId

NOW = datetime(2026, 3, 5, 18, 7, tzinfo=UTC)
CONSOLE = frozenset({"console"})
DEFAULT = load_policy()


class FakeClock:
    """Time that moves when it is told to."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def node(text: str) -> Node:
    return parse_yaml(text, "test.yaml")


def default_policy_text() -> str:
    path = Path(__file__).parents[2] / "escalation" / "policies" / "default.yaml"
    return path.read_text(encoding="utf-8")


def person(
    name: str,
    *duties: Duty,
    contacts: Mapping[str, str] | None = None,
    levels: frozenset[Level] = frozenset(Level),
) -> Person:
    addresses = {"console": name} if contacts is None else contacts
    return Person(PersonId(name), name, frozenset(duties), addresses, levels)


def counsellor(name: str, contacts: Mapping[str, str] | None = None) -> Person:
    return person(name, Duty.COUNSELLOR, contacts=contacts)


def roster_of(*people: Person) -> Roster:
    return Roster(Member(each) for each in people)


def full_roster(counsellors: int = 6) -> Roster:
    return roster_of(
        *(counsellor(f"c{i}") for i in range(1, counsellors + 1)),
        person("s1", Duty.SUPERVISOR),
        person("m1", Duty.DUTY_MANAGER),
        person("l1", Duty.LEAD),
    )


def case_with(
    ladder: Ladder,
    *,
    status: CaseStatus = CaseStatus.OPEN,
    level: Level | None = None,
    owner: str | None = None,
    policy: EscalationPolicy = DEFAULT,
) -> Case:
    return Case(
        id=CaseId("case-1"),
        tenant=TenantId("default"),
        client_id=PersonId("client-1"),
        conversation_id=ConversationId("c-1"),
        level=ladder.level if level is None else level,
        status=status,
        opened_at=NOW,
        owner=None if owner is None else PersonId(owner),
        policy=policy,
        ladder=ladder,
        version=1,
    )


def opened(level: Level, roster: Roster) -> Case:
    return case_with(start(DEFAULT, roster, CONSOLE, level, NOW, None).ladder)


def page_for(
    who: str = "c1",
    *,
    channel: str = "console",
    level: Level = Level.P0,
    step: int = 0,
    attempt: int = 1,
    is_repeat: bool = False,
    page_id: str = "page-1",
    case_id: str = "case-1",
) -> Page:
    return Page(
        id=PageId(page_id),
        tenant=TenantId("default"),
        case_id=CaseId(case_id),
        person_id=PersonId(who),
        channel=channel,
        level=level,
        step=step,
        attempt=attempt,
        is_repeat=is_repeat,
        due_at=NOW,
    )
