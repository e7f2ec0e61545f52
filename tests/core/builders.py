"""Small hands for the tests of the floor: readings, events, a memory and a store without a disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from safety.core.cards import Card, CardPush, CardWish
from safety.core.cases import Climb, EscalationPolicy, Ladder
from safety.core.conversation import CaseUpdate, Conversation, Decision
from safety.core.errors import Conflict
from safety.core.events import Chip, Event, EventType, ListenerHelp, Message
from safety.core.monitor import Monitor
from safety.core.ports import Checkpoint, ConversationKey, EventKey, Reading, Recall, nowhere
from safety.core.reader import Reader
from safety.core.rules import TriageRules
from safety.core.types import (
    Assessment,
    ConversationId,
    Cue,
    EventId,
    Evidence,
    Label,
    Level,
    PersonId,
    Role,
    Strength,
    TenantId,
)
from safety.core.watch import let_silence_pass, observe
from tests.fakes import NOON, DictionaryClassifier, FakeClock, Says

RULES = TriageRules()
TENANT = TenantId("default")
TALK = ConversationId("c-1")

WORDS: dict[str, Says] = {
    "今天吃了面": Says(),
    "真的不想活了": Says({Label.ACTIVE_IDEATION: 0.95}),
    "有过那种念头": Says({Label.ACTIVE_IDEATION: 0.6}),
    "活着没意思": Says({Label.PASSIVE_IDEATION: 0.9}),
    "没有希望了": Says(cues=(Cue.HOPELESS,)),
    "谢谢你，再见了": Says(cues=(Cue.FAREWELL,)),
    "别找我了": Says(cues=(Cue.DISAPPEARANCE,)),
    "喘不上气": Says({Label.PANIC: 0.9}),
    "我在天台": Says({Label.DANGEROUS_PLACE: 0.9}),
    "那你跳啊": Says({Label.LISTENER_GOADING: 0.9}),
    "加我微信": Says({Label.OFF_PLATFORM: 0.9}),
    "想开点": Says({Label.LISTENER_UNSAFE: 0.9}),
    "别问了": Says(cues=(Cue.STOP_ASKING,)),
}
CLIENT_WORDS = tuple(text for text in WORDS if text not in ("那你跳啊", "加我微信", "想开点"))
LISTENER_WORDS = ("今天吃了面", "那你跳啊", "加我微信", "想开点")


def after(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def memory(**fields: Any) -> Conversation:
    return Conversation(tenant=TENANT, conversation_id=TALK, **fields)


def assessed(
    scores: Mapping[Label, float] | None = None,
    *cues: Cue,
    how: Strength = Strength.PLAIN,
    also: Sequence[Evidence] = (),
) -> Assessment:
    """A reading in which everything fired with the strength `how`."""
    found = [Evidence("lexicon", 0, 1, "t", label=label, strength=how) for label in scores or {}]
    found += [Evidence("lexicon", 0, 1, "t", cue=cue, strength=how) for cue in cues]
    return Assessment(EventId("e"), dict(scores or {}), (*found, *also))


def said(text: str) -> Assessment:
    """What the dictionary makes of one of the words above."""
    words = WORDS[text]
    return assessed(words.labels, *words.cues)


def message(
    text: str,
    at: float = 0.0,
    role: Role = Role.CLIENT,
    talk: str = "c-1",
    name: str | None = None,
    **fields: Any,
) -> Message:
    sender = {Role.CLIENT: f"u-{talk}", Role.LISTENER: "l-1"}.get(role, f"{role}-1")
    return Message(
        type=EventType.MESSAGE,
        event_id=EventId(name or f"{talk}@{at:g}"),
        tenant=TENANT,
        conversation_id=ConversationId(talk),
        sender_id=PersonId(sender),
        role=role,
        sent_at=after(at),
        text=text,
        **fields,
    )


def event(
    kind: EventType, at: float = 0.0, role: Role = Role.CLIENT, talk: str = "c-1", **fields: Any
) -> Event:
    return Event(
        type=kind,
        event_id=EventId(f"{talk}@{at:g}"),
        tenant=TENANT,
        conversation_id=ConversationId(talk),
        sender_id=PersonId(f"u-{talk}" if role is Role.CLIENT else f"{role}-1"),
        role=role,
        sent_at=after(at),
        **fields,
    )


def help_(chip: Chip | None = None, at: float = 0.0) -> ListenerHelp:
    return ListenerHelp(
        type=EventType.LISTENER_HELP,
        event_id=EventId(f"c-1@{at:g}"),
        tenant=TENANT,
        conversation_id=TALK,
        sender_id=PersonId("l-1"),
        role=Role.LISTENER,
        sent_at=after(at),
        chip=chip,
    )


def fold(
    events: Sequence[Event], before: Conversation | None = None, until: float | None = None
) -> tuple[Conversation, list[Decision]]:
    """The conversation after these events, each observed in turn; then silence up to `until`."""
    now, decisions = before or memory(), list[Decision]()
    for item in events:
        reading = said(item.text) if isinstance(item, Message) else None
        now, more = observe(now, item, reading, RULES)
        decisions += more
    if until is not None:
        now, more = let_silence_pass(now, after(until), RULES)
        decisions += more
    return now, decisions


def reasons(decisions: Sequence[Decision]) -> list[str]:
    return [reason for decision in decisions for reason in decision.reasons]


class Calls:
    """An escalation that is never asked: the store below keeps updates as they are."""

    @property
    def policy(self) -> EscalationPolicy:
        raise AssertionError("nobody should ask")

    def start(
        self, policy: EscalationPolicy, level: Level, now: datetime, before: Ladder | None
    ) -> Climb:
        raise AssertionError("nobody should ask")


@dataclass
class DeskStore:
    """A store in memory: everything or nothing, with versions. `conflicts` fail as many commits."""

    seen: dict[EventKey, Level | None] = field(default_factory=dict)
    conversations: dict[ConversationKey, Conversation] = field(default_factory=dict)
    readings: list[Reading] = field(default_factory=list)
    updates: list[CaseUpdate] = field(default_factory=list)
    pushes: list[CardPush] = field(default_factory=list)
    conflicts: int = 0
    commits: int = 0
    recalls: int = 0

    def recall(
        self, events: Sequence[EventKey], conversations: Sequence[ConversationKey]
    ) -> Recall:
        self.recalls += 1
        known = {key: self.conversations[key] for key in conversations if key in self.conversations}
        return Recall(frozenset(key for key in events if key in self.seen), known)

    @contextmanager
    def transaction(self) -> Iterator[Draft]:
        draft = Draft(self)
        yield draft
        if self.conflicts:
            self.conflicts -= 1
            raise Conflict("somebody else was first")
        draft.keep()
        self.commits += 1


@dataclass
class Draft:
    """What one transaction would write."""

    store: DeskStore
    seen: dict[EventKey, Level | None] = field(default_factory=dict)
    conversations: list[Conversation] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    updates: list[CaseUpdate] = field(default_factory=list)
    pushes: list[CardPush] = field(default_factory=list)

    def remember(self, events: Sequence[tuple[Event, Level | None]]) -> None:
        for item, level in events:
            key = (item.tenant, item.event_id)
            assert key not in self.store.seen, "an event counted twice"
            assert key not in self.seen, "an event counted twice in one batch"
            self.seen[key] = level

    def save_conversations(self, conversations: Sequence[Conversation]) -> None:
        for item in conversations:
            stored = self.store.conversations.get(item.key)
            assert item.version == (stored.version if stored is not None else 0)
        self.conversations += conversations

    def save_readings(self, readings: Sequence[Reading]) -> None:
        self.readings += readings

    def update_cases(self, updates: Sequence[CaseUpdate], escalation: object) -> None:
        self.updates += updates

    def push_cards(self, pushes: Sequence[CardPush]) -> None:
        self.pushes += pushes

    def due_conversations(self, now: datetime, limit: int) -> list[Conversation]:
        due = [
            item
            for item in self.store.conversations.values()
            if item.silence_due_at is not None and item.silence_due_at <= now
        ]
        return due[:limit]

    def keep(self) -> None:
        self.store.seen |= self.seen
        for item in self.conversations:
            self.store.conversations[item.key] = item._replace(version=item.version + 1)
        self.store.readings += self.readings
        self.store.updates += self.updates
        self.store.pushes += self.pushes


def card_of(wish: CardWish) -> Card:
    """A card that tells what was wished for."""
    return Card(f"{wish.level.name}.{len(wish.shown)}", "flow", "1", "我在。", "w", "a")


@dataclass
class Bench:
    """A monitor over a store in memory and the dictionary."""

    store: DeskStore = field(default_factory=DeskStore)
    clock: FakeClock = field(default_factory=FakeClock)
    classifier: DictionaryClassifier = field(default_factory=lambda: DictionaryClassifier(WORDS))
    checkpoint: Checkpoint = nowhere

    @property
    def monitor(self) -> Monitor:
        return Monitor(self.store, self.reader, Calls(), self.clock, self.checkpoint)

    @property
    def reader(self) -> Reader:
        return Reader(self.classifier, card_of, RULES, self.checkpoint)

    @property
    def memories(self) -> dict[ConversationKey, Conversation]:
        """What is remembered, but for how often it was written."""
        return {key: item._replace(version=0) for key, item in self.store.conversations.items()}
