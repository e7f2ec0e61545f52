"""`Verdicts`: what counsellors say of the readings of a case (R-DET-15). Nothing is ever replaced:
the last word of a person counts, and the ones before stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, insert, select

from safety.app.store.casework import case_key, case_row
from safety.app.store.engine import transaction
from safety.app.store.sql import SqlStore
from safety.app.store.tables import digest, evidence, readings, verdicts
from safety.app.vault import CaseKey
from safety.core.errors import InvalidRequest
from safety.core.feedback import Consent, CounsellorVerdict, Fired, Judged
from safety.core.types import (
    LISTENER_LABELS,
    CaseId,
    ConversationId,
    EventId,
    Label,
    Level,
    PersonId,
    Role,
    TenantId,
)

LEVEL_BY_MODEL = ".model"
"""How the reason ends that says a trained reader raised a message by itself."""


class NoSuchMessage(InvalidRequest):
    """The case keeps no message of this id."""


@dataclass(frozen=True, slots=True)
class Saying:
    """A verdict as somebody gives it; see `CounsellorVerdict` for the fields."""

    event_id: EventId
    judged: Judged
    term: str | None = None
    labels: tuple[Label, ...] = ()
    consent: Consent = Consent.UNKNOWN
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """What the monitor made of one message: the level it called for, and what fired."""

    level: Level | None = None
    fired: tuple[Fired, ...] = ()
    versions: Mapping[str, str] | None = None


UNREAD = Read()
"""Of a message of which nothing was stored, because nothing was found in it."""


class Verdicts:
    """Who may give one is the caller's to check."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def give(
        self, case_id: CaseId, person: PersonId, saying: Saying
    ) -> tuple[CounsellorVerdict, bool]:
        """Keep `person`'s verdict on a message of this case.

        The flag says whether it is new: the same once more, at once, changes nothing, unless it
        speaks of consent. Raises NoSuchCase, NoSuchMessage, and InvalidRequest with what to say
        instead.
        """
        with transaction(self._store.engine) as connection:
            case = case_row(connection, case_id)
            opener = case_key(case, self._store.vault)
            key = digest(case.tenant, saying.event_id)
            kept = _kept(connection, case_id, key)
            found = _read(connection, key)
            own = (verdicts.c.case_id == case_id, verdicts.c.key == key,
                   verdicts.c.person_id == person)  # fmt: skip
            before = [_verdict(row, opener) for row in _rows(connection, *own)]
            _refuse(saying, Role(kept.role), found, before)
            if before and _same(before[-1], saying):
                return before[-1], False
            row = _row(case, kept, key, person, saying, found)
            row["at"] = self._store.clock.now()
            row["sealed"] = _sealed(opener, key, saying.reason)
            new = connection.execute(insert(verdicts).values(**row).returning(verdicts))
            return _verdict(new.one(), opener), True

    def of_case(self, case_id: CaseId, *, reasons: bool = False) -> list[CounsellorVerdict]:
        """Every verdict in this case, oldest first; with `reasons` those that can still be read.

        Reasons may quote the client: who asks for them must have written down why.
        """
        with transaction(self._store.engine) as connection:
            case = case_row(connection, case_id)
            readable = reasons and case.case_key is not None
            key = case_key(case, self._store.vault) if readable else None
            return [_verdict(row, key) for row in _rows(connection, verdicts.c.case_id == case_id)]

    def since(self, moment: datetime | None = None) -> list[CounsellorVerdict]:
        """Every verdict given from `moment` on, oldest first, without reasons; None: all."""
        when = () if moment is None else (verdicts.c.at >= moment,)
        with transaction(self._store.engine) as connection:
            return [_verdict(row) for row in _rows(connection, *when)]

    def read_of(self, case_id: CaseId) -> Mapping[EventId, Read]:
        """What was made of the messages that this case keeps, where anything was stored of it."""
        query = (
            select(evidence.c.event_id, *_READ)
            .join(readings, readings.c.key == evidence.c.key)
            .where(evidence.c.case_id == case_id)
        )
        with transaction(self._store.engine) as connection:
            rows = connection.execute(query).all()
        return {EventId(row.event_id): _as_read(row) for row in rows}


_READ = (readings.c.level, readings.c.reasons, readings.c.evidence, readings.c.versions)


def _kept(connection: Connection, case_id: CaseId, key: bytes) -> Any:
    query = select(evidence).where(evidence.c.case_id == case_id, evidence.c.key == key)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NoSuchMessage("this case keeps no such message")
    return row


def _read(connection: Connection, key: bytes) -> Read:
    row = connection.execute(select(*_READ).where(readings.c.key == key)).one_or_none()
    return UNREAD if row is None else _as_read(row)


def _rows(connection: Connection, *conditions: ColumnElement[bool]) -> Sequence[Any]:
    query = select(verdicts).where(*conditions).order_by(verdicts.c.id)
    return connection.execute(query).all()


def _as_read(row: Any) -> Read:
    level = None if row.level is None else Level(row.level)
    fired = pieces(orjson.loads(row.evidence), row.reasons.split())
    return Read(level, fired, orjson.loads(row.versions))


def pieces(items: Iterable[Sequence[Any]], reasons: Iterable[str]) -> tuple[Fired, ...]:
    """What fired, one piece for each term, in the order of the reading; a level that a trained
    reader called for without naming a label is a piece, too."""
    labels: dict[tuple[str, str], dict[str, None]] = {}
    cues: dict[tuple[str, str], dict[str, None]] = {}
    for source, term, label, cue, *_ in items:
        named = labels.setdefault((source, term), {})
        heard = cues.setdefault((source, term), {})
        if label is not None:
            named[label] = None
        if cue is not None:
            heard[cue] = None
    found = [Fired(*at, tuple(labels[at]), tuple(cues[at])) for at in labels]
    found += [Fired("model", code) for code in reasons if code.endswith(LEVEL_BY_MODEL)]
    return tuple(found)


def _refuse(saying: Saying, role: Role, found: Read, before: Sequence[CounsellorVerdict]) -> None:
    """Raise InvalidRequest for a verdict that says nothing of this message."""
    _refuse_labels(saying.labels, role)
    if saying.judged is Judged.WITHDRAWN:
        if not before:
            raise InvalidRequest("you have said nothing of this message yet")
        return
    if saying.judged is Judged.MISSED:
        if saying.term is not None:
            raise InvalidRequest("a missed message has no term: leave it out")
        if found.level is not None:
            raise InvalidRequest("this message was raised: say true or false")
        return
    if found.level is None and not found.fired:
        raise InvalidRequest("nothing fired on this message: it can only be missed")
    if saying.term is not None and saying.term not in {piece.term for piece in found.fired}:
        raise InvalidRequest("this term did not fire on this message")


def _refuse_labels(labels: Iterable[Label], role: Role) -> None:
    """Raise InvalidRequest for words that are not read, and for labels of somebody else's words."""
    if role not in (Role.CLIENT, Role.LISTENER):
        raise InvalidRequest("only the words of a client or a listener are read")
    for label in labels:
        listeners = label in LISTENER_LABELS
        # moving off the platform is said by both
        if label is not Label.OFF_PLATFORM and listeners != (role is Role.LISTENER):
            raise InvalidRequest(f"{label.value} is no label of a {role.value}'s words")


def _same(last: CounsellorVerdict, saying: Saying) -> bool:
    # consent is the client's: somebody else may have said another thing of it in between
    return (
        last.consent is saying.consent is Consent.UNKNOWN
        and last.judged is saying.judged
        and last.term == saying.term
        and last.labels == _names(saying.labels)
        and last.reason == saying.reason
    )


def _row(
    case: Any, kept: Any, key: bytes, person: PersonId, saying: Saying, found: Read
) -> dict[str, Any]:
    fired = [(p.source, p.term, p.labels, p.cues) for p in found.fired]
    return {
        "key": key,
        "tenant": case.tenant,
        "case_id": case.id,
        "client_id": case.client_id,
        "conversation_id": kept.conversation_id,
        "event_id": kept.event_id,
        "person_id": person,
        "verdict": saying.judged,
        "term": saying.term,
        "labels": orjson.dumps(_names(saying.labels)).decode(),
        "consent": saying.consent,
        "level": found.level,
        "fired": orjson.dumps(fired).decode(),
        "versions": orjson.dumps(dict(found.versions or {})).decode(),
    }


def _names(labels: Iterable[Label]) -> tuple[str, ...]:
    return tuple(sorted({label.value for label in labels}))


def _sealed(opener: CaseKey, key: bytes, reason: str | None) -> bytes | None:
    return None if reason is None else opener.seal(reason.encode(), _owner(key))


def _owner(key: bytes) -> bytes:
    """Apart from that of the message's own words, under the same key."""
    return b"verdict:" + key


def _verdict(row: Any, opener: CaseKey | None = None) -> CounsellorVerdict:
    reason = None
    if opener is not None and row.sealed is not None:
        reason = opener.open(row.sealed, _owner(row.key)).decode()
    return CounsellorVerdict(
        id=row.id,
        tenant=TenantId(row.tenant),
        case_id=CaseId(row.case_id),
        client_id=PersonId(row.client_id),
        conversation_id=ConversationId(row.conversation_id),
        event_id=EventId(row.event_id),
        person=PersonId(row.person_id),
        at=row.at,
        judged=Judged(row.verdict),
        term=row.term,
        labels=tuple(orjson.loads(row.labels)),
        consent=Consent(row.consent),
        level=None if row.level is None else Level(row.level),
        fired=tuple(
            Fired(source, term, tuple(labels), tuple(cues))
            for source, term, labels, cues in orjson.loads(row.fired)
        ),
        versions=orjson.loads(row.versions),
        has_reason=row.sealed is not None,
        reason=reason,
    )
