"""From a batch of events and what is remembered to everything that must be written. Pure but for
the classifier it asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from safety.core.cards import Card, CardPush, CardWish
from safety.core.conversation import CaseUpdate, Conversation, Decision
from safety.core.events import Event, EventType, Message
from safety.core.ports import Checkpoint, Classifier, ConversationKey, PickCard, Reading, nowhere
from safety.core.rules import TriageRules
from safety.core.types import (
    Assessment,
    Cue,
    Label,
    Level,
    PersonId,
    Role,
    Turn,
    Utterance,
    most_urgent,
)
from safety.core.watch import let_silence_pass, observe, reread, turn_of, with_turn


@dataclass(frozen=True, slots=True)
class Told:
    """What one event came to. `standing` is its conversation's highest level from then on."""

    event: Event
    assessment: Assessment | None
    level: Level | None
    reasons: tuple[str, ...]
    standing: Level | None
    card: Card | None


@dataclass(slots=True)
class Effects:
    """Everything that one transaction will write."""

    told: list[Told] = field(default_factory=list)
    conversations: dict[ConversationKey, Conversation] = field(default_factory=dict)
    updates: list[CaseUpdate] = field(default_factory=list)
    pushes: list[CardPush] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    reread: list[Reading] = field(default_factory=list)

    @property
    def readings(self) -> list[Reading]:
        """The assessments in which something fired, and those that a late message changed."""
        first = [
            Reading(item.event, item.assessment, item.level, item.reasons)
            for item in self.told
            if item.assessment is not None
            and (item.assessment.scores or item.assessment.evidence or item.assessment.degraded)
        ]
        return [*first, *self.reread]

    @property
    def degraded(self) -> int:
        """How many assessments were made without every part."""
        return sum(item.assessment is not None and item.assessment.degraded for item in self.told)


@dataclass(frozen=True, slots=True)
class Step:
    """An event with what must be read for it: itself, and later turns that it puts in new light."""

    event: Event
    reading: int | None = None
    rereads: tuple[tuple[Turn, int], ...] = ()


class Reader:
    """Reads batches: asks the classifier once for all of them, then decides event by event."""

    def __init__(
        self,
        classifier: Classifier,
        pick_card: PickCard,
        rules: TriageRules,
        checkpoint: Checkpoint = nowhere,
    ) -> None:
        self._classifier = classifier
        self._pick_card = pick_card
        self._checkpoint = checkpoint
        self.rules = rules

    def read(
        self, events: Sequence[Event], known: Mapping[ConversationKey, Conversation]
    ) -> Effects:
        """What these new events come to. Raises ClassifierUnavailable, never guesses."""
        steps, utterances = self._plan(events, known)
        assessments = self._classifier.assess(utterances) if utterances else []
        self._checkpoint("assessed")
        return self._fold(steps, assessments, known)

    def let_silence_pass(self, quiet: Iterable[Conversation], until: datetime) -> Effects:
        """What the silence of these conversations comes to by `until` (event time)."""
        effects = Effects()
        for before in quiet:
            now, decisions = let_silence_pass(before, until, self.rules)
            self._consequences(now, None, None, decisions, effects, before)
        return effects

    def _plan(
        self, events: Iterable[Event], known: Mapping[ConversationKey, Conversation]
    ) -> tuple[list[Step], list[Utterance]]:
        """What to read, each message with the turns before it in event time."""
        limit = self.rules.window_turns
        windows = {key: item.window for key, item in known.items()}
        steps: list[Step] = []
        utterances: list[Utterance] = []
        for event in events:
            if not isinstance(event, Message):
                steps.append(Step(event))
                continue
            key = _place(event)
            turn = turn_of(event)
            window = with_turn(windows.get(key, ()), turn, limit)
            windows[key] = window
            # a message older than the whole window stands alone and changes no other's context
            last = len(window) - 1
            place = last if window[last] is turn else _place_of(turn, window)
            reading = len(utterances)
            before = window[:place] if place <= last else ()
            utterances.append(_utterance(turn, before, event.text))
            rereads = []
            for later in range(place + 1, len(window)):
                rereads.append((window[later], len(utterances)))
                utterances.append(_utterance(window[later], window[:later], window[later].text))
            steps.append(Step(event, reading, tuple(rereads)))
        return steps, utterances

    def _fold(
        self,
        steps: Iterable[Step],
        assessments: Sequence[Assessment],
        known: Mapping[ConversationKey, Conversation],
    ) -> Effects:
        """Every consequence of the batch, decided one event after the other."""
        effects = Effects()
        for step in steps:
            event, key = step.event, _place(step.event)
            before = (
                effects.conversations.get(key)
                or known.get(key)
                or Conversation(tenant=event.tenant, conversation_id=event.conversation_id)
            )
            assessment = None if step.reading is None else assessments[step.reading]
            now, decisions = observe(before, event, assessment, self.rules)
            for turn, reading in step.rereads:
                now, more = reread(now, turn, assessments[reading], self.rules)
                decisions.extend(more)
                effects.reread.extend(
                    Reading(_message(now, turn), assessments[reading], item.level, item.reasons)
                    for item in more
                )
            pushed = len(effects.pushes)
            self._consequences(now, event, assessment, decisions, effects, before)
            own = next((item for item in decisions if item.event_id == event.event_id), None)
            effects.told.append(
                Told(
                    event=event,
                    assessment=assessment,
                    level=own.level if own is not None else None,
                    reasons=own.reasons if own is not None else (),
                    standing=now.level,
                    card=effects.pushes[-1].card if len(effects.pushes) > pushed else None,
                )
            )
        return effects

    def _consequences(
        self,
        now: Conversation,
        event: Event | None,
        assessment: Assessment | None,
        decisions: Sequence[Decision],
        effects: Effects,
        before: Conversation,
    ) -> None:
        """Add the case update, the card and the new memory of one conversation."""
        case_was_open = before.open_level is not None
        if now.open_level is not None and now.subject is None:
            now = now._replace(subject=_subject(now))
        effects.decisions.extend(decisions)
        for decision in decisions:
            if decision.level is not None:
                turns = () if case_was_open else now.window
                effects.updates.append(_update(now, decision, turns))
        if case_was_open and isinstance(event, Message):
            effects.updates.append(_evidence(now, event))
        ended = event is not None and event.type is EventType.SESSION_END
        if decisions and not (ended and decisions[-1].level is Level.P2):
            now = self._with_card(now, event, assessment, decisions, effects)
        effects.conversations[now.key] = now

    def _with_card(
        self,
        now: Conversation,
        event: Event | None,
        assessment: Assessment | None,
        decisions: Sequence[Decision],
        effects: Effects,
    ) -> Conversation:
        scores = assessment.scores if assessment is not None else {}
        labels = frozenset(label for label, score in scores.items() if score >= 0.5)
        cues = assessment.cues if assessment is not None else frozenset[Cue]()
        helped = event is not None and event.type is EventType.LISTENER_HELP
        if helped and decisions[-1].level is Level.P3:
            labels = frozenset({Label.PANIC})
        level = most_urgent(*(item.level for item in decisions))
        if level is None:
            level = now.open_level if now.open_level is not None else Level.P3
        card = self._pick_card(
            CardWish(
                level=level,
                labels=labels,
                cues=cues,
                place_open=now.place_at is not None,
                on_call=now.call_since is not None,
                shown=now.shown,
            )
        )
        if card is None:
            return now
        now = now._replace(shown=(*now.shown, card.id)[-32:], card_seq=now.card_seq + 1)
        effects.pushes.append(
            CardPush(
                seq=now.card_seq,
                tenant=now.tenant,
                conversation_id=now.conversation_id,
                listener_id=now.listener_id or PersonId(""),
                level=level,
                card=card,
                at=decisions[-1].at,
            )
        )
        return now


def _place_of(turn: Turn, window: tuple[Turn, ...]) -> int:
    """Where a late turn stands; past the end when the window has no room for it."""
    return next((place for place, item in enumerate(window) if item is turn), len(window))


def _place(event: Event) -> ConversationKey:
    return (event.tenant, event.conversation_id)


def _message(now: Conversation, turn: Turn) -> Message:
    """A remembered turn as the message it was, as far as it is remembered."""
    return Message(
        type=EventType.MESSAGE,
        event_id=turn.event_id,
        tenant=now.tenant,
        conversation_id=now.conversation_id,
        sender_id=now.client_id or PersonId(""),
        role=turn.role,
        sent_at=turn.sent_at,
        text=turn.text,
    )


def _utterance(turn: Turn, before: tuple[Turn, ...], text: str) -> Utterance:
    return Utterance(turn.event_id, turn.role, text, turn.sent_at, before)


def _update(now: Conversation, decision: Decision, turns: tuple[Turn, ...]) -> CaseUpdate:
    return CaseUpdate(
        tenant=now.tenant,
        conversation_id=now.conversation_id,
        client_id=_subject(now),
        level=decision.level,
        reasons=decision.reasons,
        at=decision.at,
        turns=turns,
        urgent=decision.urgent,
    )


def _evidence(now: Conversation, message: Message) -> CaseUpdate:
    turn = turn_of(message)
    return CaseUpdate(
        tenant=now.tenant,
        conversation_id=now.conversation_id,
        client_id=_subject(now),
        level=None,
        reasons=(),
        at=message.sent_at,
        turns=(turn,),
        taken_by=message.sender_id if message.role is Role.COUNSELLOR else None,
    )


def _subject(now: Conversation) -> PersonId:
    """Whose case it is; while no client is known, the conversation stands for them."""
    return now.subject or now.client_id or PersonId(f"conversation:{now.conversation_id}")
