"""The one use case: a batch of events becomes readings, cases, pages and cards, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from safety.core.conversation import Decision
from safety.core.errors import Conflict
from safety.core.events import Event
from safety.core.ports import Checkpoint, Clock, Escalation, EventKey, Store, Transaction, nowhere
from safety.core.reader import Effects, Reader

SKEW = timedelta(seconds=10)
"""How far ahead of ours a platform's clock may be. An event from later than that counts as sent
then: taken at its word, it would put off every silence until its own time has come."""

TRIES = 8
"""How often a batch is redone because somebody else wrote first, before the caller backs off."""


@dataclass(frozen=True, slots=True)
class Handled:
    """What one batch came to: how many events were new, and what was decided of them."""

    fresh: int = 0
    repeated: int = 0
    degraded: int = 0
    decisions: tuple[Decision, ...] = ()
    cards: int = 0


class Monitor:
    """Handles batches of events and lets silences pass. Holds no state between calls.

    Classification happens outside any transaction; then every consequence of the batch is written
    in one. `handle` returns only once that is committed.
    """

    def __init__(
        self,
        store: Store,
        reader: Reader,
        escalation: Escalation,
        clock: Clock,
        checkpoint: Checkpoint = nowhere,
    ) -> None:
        self._store = store
        self._reader = reader
        self._escalation = escalation
        self._clock = clock
        self._checkpoint = checkpoint

    def handle(self, events: Sequence[Event]) -> Handled:
        """Make the batch's consequences durable, each event's exactly once.

        Raises Unavailable when nothing of it was kept.
        """
        for _ in range(TRIES - 1):
            try:
                return self._handle(events)
            except Conflict:
                continue
        return self._handle(events)

    def tick(self, limit: int = 200, behind_s: float = 0.0) -> Handled:
        """Let the silences pass that are due by now; returns what they came to.

        `behind_s` is how far the stream lags: words that wait to be read are no silence.
        """
        wait_s = self._reader.rules.silence_grace_s + behind_s
        until = self._clock.now() - timedelta(seconds=wait_s)
        with self._store.transaction() as tx:
            effects = self._reader.let_silence_pass(tx.due_conversations(until, limit), until)
            self._write(tx, effects)
            self._checkpoint("silence_written")
        self._checkpoint("silence_committed")
        return Handled(decisions=tuple(effects.decisions), cards=len(effects.pushes))

    def _handle(self, events: Sequence[Event]) -> Handled:
        latest = self._clock.now() + SKEW
        unique: dict[EventKey, Event] = {}
        for event in events:
            unique.setdefault(_key(event), _no_later(event, latest))
        places = {(event.tenant, event.conversation_id) for event in events}
        recall = self._store.recall(list(unique), list(places))
        fresh = [event for key, event in unique.items() if key not in recall.seen]
        self._checkpoint("recalled")
        if not fresh:
            return Handled(repeated=len(events))
        effects = self._reader.read(fresh, recall.conversations)
        with self._store.transaction() as tx:
            tx.remember([(told.event, told.level) for told in effects.told])
            self._write(tx, effects)
            self._checkpoint("effects_written")
        self._checkpoint("effects_committed")
        return Handled(
            fresh=len(fresh),
            repeated=len(events) - len(fresh),
            degraded=effects.degraded,
            decisions=tuple(effects.decisions),
            cards=len(effects.pushes),
        )

    def _write(self, tx: Transaction, effects: Effects) -> None:
        tx.save_conversations(list(effects.conversations.values()))
        tx.save_readings(effects.readings)
        tx.update_cases(effects.updates, self._escalation)
        tx.push_cards(effects.pushes)


def _no_later(event: Event, latest: datetime) -> Event:
    return event if event.sent_at <= latest else replace(event, sent_at=latest)


def _key(event: Event) -> EventKey:
    return (event.tenant, event.event_id)
