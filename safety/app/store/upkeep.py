"""Dead letters kept in the database, signs of life, and forgetting on schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, func, select, update

from safety.app.store.bulk import insert_new, upsert
from safety.app.store.engine import transaction
from safety.app.store.tables import (
    cards,
    cases,
    conversations,
    dead_letters,
    evidence,
    heartbeats,
    markers,
    readings,
    verdicts,
)
from safety.app.vault import Vault
from safety.core.cases import CaseStatus
from safety.core.ports import Clock, DeadLetter

PURPOSE = "dead-letter"


class SqlDeadLetters:
    """Implements the `DeadLetters` port for streams without a topic of their own for them."""

    def __init__(self, engine: Engine, vault: Vault, clock: Clock) -> None:
        self._engine = engine
        self._vault = vault
        self._clock = clock

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """See the port."""
        now = self._clock.now()
        rows = []
        for letter in letters:
            record = letter.record
            owner = f"{record.topic}:{record.partition}:{record.offset}".encode()
            rows.append(
                {
                    "topic": record.topic,
                    "partition": record.partition,
                    "position": record.offset,
                    "reason": letter.reason,
                    "field": letter.field,
                    "recorded_at": now,
                    "key_id": self._vault.current,
                    "sealed": self._vault.seal(record.value or b"", PURPOSE, owner),
                }
            )
        with transaction(self._engine) as connection:
            insert_new(connection, dead_letters, rows)

    def count(self) -> int:
        """How many are kept."""
        with transaction(self._engine) as connection:
            return connection.execute(select(func.count()).select_from(dead_letters)).scalar_one()


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life: which process, of what kind, when, and how far behind it was.

    `lag` counts records waiting; `oldest_s` is the age in seconds of the last record handled;
    `degraded` says that its last messages were read without one of the classifier's parts.
    """

    process: str
    kind: str
    at: datetime
    lag: int
    oldest_s: float
    degraded: bool = False


class Heartbeats:
    """Every process's last sign of life."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def beat(self, beat: Beat) -> None:
        """Write one; the newest of a process and kind replaces the one before."""
        row = {
            "process": beat.process,
            "kind": beat.kind,
            "at": beat.at,
            "lag": beat.lag,
            "oldest_s": beat.oldest_s,
            "degraded": beat.degraded,
        }
        with transaction(self._engine) as connection:
            upsert(connection, heartbeats, [row])

    def forget(self, process: str) -> None:
        """A process that leaves on purpose is not missed."""
        with transaction(self._engine) as connection:
            connection.execute(delete(heartbeats).where(heartbeats.c.process == process))

    def all(self) -> list[Beat]:
        """The last sign of life of each process."""
        with transaction(self._engine) as connection:
            rows = connection.execute(select(heartbeats).order_by(heartbeats.c.process)).all()
        return [Beat(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept (R-PRIV-03); `evidence` counts from the closing of the case."""

    unalerted: timedelta = timedelta(days=30)
    evidence: timedelta = timedelta(days=180)
    heartbeats: timedelta = timedelta(days=1)


def purge(engine: Engine, now: datetime, retention: Retention) -> int:
    """Forget what is past its time; returns how many rows went.

    A case stays as a record, and so do the verdicts in it; its texts, and the reasons of those
    verdicts, are deleted and its key destroyed.
    """
    old = now - retention.unalerted
    with transaction(engine) as connection:
        gone = 0
        for statement in (
            delete(conversations).where(conversations.c.expires_at < now),
            delete(markers).where(markers.c.recorded_at < old),
            delete(readings).where(readings.c.recorded_at < old, readings.c.level.is_(None)),
            delete(cards).where(cards.c.recorded_at < old),
            delete(dead_letters).where(dead_letters.c.recorded_at < old),
            delete(heartbeats).where(heartbeats.c.at < now - retention.heartbeats),
        ):
            gone += connection.execute(statement).rowcount
        expired = select(cases.c.id).where(
            cases.c.status == CaseStatus.CLOSED, cases.c.closed_at < now - retention.evidence
        )
        gone += connection.execute(delete(evidence).where(evidence.c.case_id.in_(expired))).rowcount
        connection.execute(
            update(verdicts)
            .where(verdicts.c.case_id.in_(expired), verdicts.c.sealed.is_not(None))
            .values(sealed=None)
        )
        connection.execute(
            update(cases)
            .where(cases.c.id.in_(expired), cases.c.case_key.is_not(None))
            .values(case_key=None)
        )
    return gone
