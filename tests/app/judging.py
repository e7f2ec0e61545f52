"""A case with things that fired on its messages, to give verdicts on."""

from __future__ import annotations

from datetime import timedelta

from safety.app.store.verdicts import Saying
from safety.app.wiring import Parts
from safety.core.cases import Case
from safety.core.feedback import Consent, CounsellorVerdict, Judged
from safety.core.ports import Reading
from safety.core.types import (
    Assessment,
    Cue,
    EventId,
    Evidence,
    Label,
    Level,
    PersonId,
    Role,
    Turn,
)
from tests.app.makers import CALM, SECRET, message, opened, update
from tests.fakes import NOON

A, B = PersonId("counsellor-1"), PersonId("counsellor-2")
LEXICON = "2026-11-23+abcd1234"

WISH = Evidence("lexicon", 0, 2, "g002", Label.ACTIVE_IDEATION)
SOON = Evidence("lexicon", 4, 6, "g002", None, Cue.TIME_NOW)
ROOF = Evidence("lexicon", 2, 4, "g082", Label.DANGEROUS_PLACE)
GAME = Evidence("lexicon", 0, 2, "g035", Label.PASSIVE_IDEATION)


def said(event_id: str, text: str = SECRET, role: Role = Role.CLIENT, after_s: int = 0) -> Turn:
    """One turn, `after_s` seconds after noon."""
    return Turn(EventId(event_id), role, text, NOON + timedelta(seconds=after_s))


TURNS = (
    said("m-0", "你好", Role.LISTENER),
    said("m-1", SECRET, after_s=1),
    said("m-2", CALM, after_s=2),
    said("m-3", "老师来了", Role.COUNSELLOR, 3),
)


def read(
    parts: Parts,
    event_id: str,
    *evidence: Evidence,
    level: Level | None = Level.P1,
    reasons: tuple[str, ...] = ("p1.intent",),
) -> None:
    """The stored reading of a message."""
    assessment = Assessment(EventId(event_id), {}, evidence, {"lexicon": LEXICON})
    with parts.store.transaction() as tx:
        tx.save_readings([Reading(message(event_id), assessment, level, reasons)])


def judged_case(parts: Parts, turns: tuple[Turn, ...] = TURNS, client: str = "u-1") -> Case:
    """A case of these turns; on m-1 a wish and a roof fired, on m-2 nothing did."""
    before = {case.id for case in parts.casework.open_cases()}
    cases = opened(
        parts, update(client=client, conversation=f"c-{client}", turns=turns, at=turns[0].sent_at)
    )
    read(parts, "m-1", WISH, SOON, ROOF)
    return next(case for case in cases if case.id not in before)


def give(
    parts: Parts,
    case: Case,
    judged: Judged,
    event_id: str = "m-1",
    term: str | None = None,
    person: PersonId = A,
    consent: Consent = Consent.UNKNOWN,
    labels: tuple[Label, ...] = (),
    reason: str | None = None,
) -> CounsellorVerdict:
    """What the store keeps of one verdict."""
    saying = Saying(EventId(event_id), judged, term, labels, consent, reason)
    return parts.verdicts.give(case.id, person, saying)[0]
