"""How a conversation's memory changes with each event, and what each event calls for. Pure.

Silence runs on event time. It is looked at whenever a later event arrives and whenever the clock
passes its due time; both ways run the same function, so a scan of a finished log and the live
stream come to the same levels.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from safety.core.conversation import Conversation, Decision, SeenCue
from safety.core.events import PLACE_CHIPS, Chip, Event, EventType, ListenerHelp, Message
from safety.core.rules import IDEATION, TriageRules
from safety.core.triage import Verdict, is_night, triage
from safety.core.types import (
    Assessment,
    Cue,
    EventId,
    Label,
    Level,
    Role,
    Strength,
    Turn,
    most_urgent,
)

TEXT_KEPT = 1_000
"""Code points of one turn that the window keeps: its beginning and its end, half each."""

_LASTING_CUES = frozenset({Cue.FAREWELL, Cue.DISAPPEARANCE, Cue.SETTLING, Cue.HOPELESS})
_SEEN_TIMES = 4
"""How often each is remembered: one that is said again and again must not push out another."""


def turn_of(message: Message) -> Turn:
    """The message as context; of a very long one, its beginning and its end."""
    text = message.text
    if len(text) > TEXT_KEPT:
        text = text[: TEXT_KEPT // 2] + "…" + text[-TEXT_KEPT // 2 :]
    return Turn(message.event_id, message.role, text, message.sent_at)


def with_turn(window: tuple[Turn, ...], turn: Turn, limit: int) -> tuple[Turn, ...]:
    """The window with `turn` at its place in event time, cut to the last `limit` turns."""
    place = len(window)
    while place > 0 and window[place - 1].sent_at > turn.sent_at:
        place -= 1
    return (*window[:place], turn, *window[place:])[-limit:]


def observe(
    before: Conversation,
    event: Event,
    assessment: Assessment | None,
    rules: TriageRules,
) -> tuple[Conversation, list[Decision]]:
    """The conversation after `event`, and what was decided on the way, in event-time order.

    `assessment` belongs to messages; it was made with the turns before them in the window.
    """
    grace = timedelta(seconds=rules.silence_grace_s)
    now, decisions = let_silence_pass(before, event.sent_at - grace, rules)
    stood_at = now.open_level
    now = _people(now, event)
    verdict, urgent = Verdict(None, ()), False
    if isinstance(event, Message):
        if assessment is not None:
            verdict = triage(assessment, event.role, now, event.sent_at, rules)
        now = _after_message(now, event, assessment, verdict, rules)
    else:
        verdict, urgent = _verdict_of(now, event, rules)
        now = _after_other(now, event)
    if verdict.reasons:
        decisions.append(
            Decision(event.event_id, verdict.level, verdict.reasons, event.sent_at, urgent)
        )
    now = _raised(now, verdict.level)
    return _silence_set(now, event, stood_at, rules), decisions


def reread(
    before: Conversation, turn: Turn, assessment: Assessment, rules: TriageRules
) -> tuple[Conversation, list[Decision]]:
    """Decide again on a turn whose context changed because an earlier message came late."""
    without_it = before._replace(
        cues=tuple(seen for seen in before.cues if seen.at != turn.sent_at)
    )
    verdict = triage(assessment, turn.role, without_it, turn.sent_at, rules)
    if verdict.level is None or (before.level is not None and before.level <= verdict.level):
        return before, []
    decision = Decision(turn.event_id, verdict.level, verdict.reasons, turn.sent_at)
    return _silence_due(_raised(before, verdict.level), turn.sent_at, rules), [decision]


def let_silence_pass(
    before: Conversation, until: datetime, rules: TriageRules
) -> tuple[Conversation, list[Decision]]:
    """Apply every silence that was due by `until` (event time)."""
    now, decisions = before, []
    while now.silence_due_at is not None and now.silence_due_at <= until:
        level, due = now.open_level, now.silence_due_at
        rule = rules.silence.get(level) if level is not None else None
        now = now._replace(silence_due_at=None)
        if rule is None:
            break
        due_id = EventId(f"silence:{due.timestamp():.3f}")
        decisions.append(Decision(due_id, rule.to, (f"{rule.to.name.lower()}.silence",), due))
        now = _raised(now, rule.to)
        following = rules.silence.get(rule.to)
        if following is not None:
            now = now._replace(silence_due_at=due + timedelta(seconds=following.after_s))
    return now, decisions


def _people(now: Conversation, event: Event) -> Conversation:
    client, listener = event.client_id, event.listener_id
    if event.role is Role.CLIENT:
        client = client or event.sender_id
    elif event.role is Role.LISTENER:
        listener = listener or event.sender_id
    return now._replace(client_id=client or now.client_id, listener_id=listener or now.listener_id)


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None or other > one else one


def _after_message(
    now: Conversation,
    message: Message,
    assessment: Assessment | None,
    verdict: Verdict,
    rules: TriageRules,
) -> Conversation:
    window = with_turn(now.window, turn_of(message), rules.window_turns)
    if message.role is Role.COUNSELLOR:
        here = now.open_level is not None
        due = None if here else now.silence_due_at
        return now._replace(window=window, with_professional=here, silence_due_at=due)
    if message.role is not Role.CLIENT or assessment is None:
        return now._replace(window=window)
    return _after_client(now._replace(window=window), message.sent_at, assessment, verdict, rules)


def _after_client(
    now: Conversation,
    at: datetime,
    assessment: Assessment,
    verdict: Verdict,
    rules: TriageRules,
) -> Conversation:
    """What the client's words leave behind: cues, a place, a wish, a risk."""
    kept = [seen for seen in now.cues if at - seen.at <= rules.cue_memory]
    for cue in sorted(_LASTING_CUES & _plain_cues(assessment)):
        others = [seen for seen in kept if seen.cue is not cue]
        same = sorted((*(seen for seen in kept if seen.cue is cue), SeenCue(cue, at)))
        kept = [*others, *same[-_SEEN_TIMES:]]
    now = now._replace(cues=tuple(kept), last_client_at=_later(now.last_client_at, at))
    if verdict.level is None:
        return now
    heard = {label for label, score in assessment.scores.items() if score >= 0.5}
    if Label.DANGEROUS_PLACE in heard:
        now = now._replace(place_at=_later(now.place_at, at))
    if heard & {Label.ACTIVE_IDEATION, Label.PASSIVE_IDEATION}:
        now = now._replace(wish_at=_later(now.wish_at, at))
    if verdict.level <= Level.P2 and heard & IDEATION:
        now = now._replace(prior_risk_at=_later(now.prior_risk_at, at))
    return now


def _plain_cues(assessment: Assessment) -> frozenset[Cue]:
    return frozenset(
        item.cue
        for item in assessment.evidence
        if item.cue is not None and item.strength is Strength.PLAIN
    )


def _verdict_of(now: Conversation, event: Event, rules: TriageRules) -> tuple[Verdict, bool]:
    """What an event without words calls for, and whether the ladder must climb at once."""
    kind, risk = event.type, now.open_level
    if isinstance(event, ListenerHelp):
        return _help_verdict(now, event, rules), False
    left = event.role is Role.CLIENT or now.place_at is not None
    if kind is EventType.CALL_DROP or (kind is EventType.CALL_END and left):
        if risk is not None and risk <= Level.P1:
            return Verdict(Level.P0, ("p0.call_lost",)), True
    elif kind is EventType.SESSION_END and risk is not None:
        if risk <= Level.P1:
            return Verdict(Level.P0, ("p0.session_lost",)), True
        if risk is Level.P2:
            return Verdict(Level.P2, ("p2.session_ended_unreviewed",)), True
    return Verdict(None, ()), False


def _help_verdict(now: Conversation, event: ListenerHelp, rules: TriageRules) -> Verdict:
    """The listener's button and chips (R-DET-01, R-IN-04): a human alone can raise P0."""
    night_call = now.call_since is not None and is_night(event.sent_at, rules)
    if event.chip is None:
        return Verdict(Level.P0, ("p0.listener_button",))
    if event.chip in PLACE_CHIPS:
        if night_call or now.open_level is not None:
            return Verdict(Level.P0, ("p0.place_chip",))
        return Verdict(Level.P1, ("p1.place_chip",))
    if event.chip in (Chip.WIND, Chip.TRAFFIC):
        if now.place_at is not None:
            return Verdict(Level.P0, ("p0.place_chip",))
        if night_call:
            return Verdict(Level.P2, ("p2.outside_at_night",))
    if event.chip is Chip.GASPING:
        return Verdict(Level.P3, ("p3.gasping_chip",))
    return Verdict(None, ())


def _after_other(now: Conversation, event: Event) -> Conversation:
    match event.type:
        case EventType.CALL_START:
            return now._replace(call_since=event.sent_at)
        case EventType.CALL_END | EventType.CALL_DROP:
            newer = now.call_since is not None and now.call_since > event.sent_at
            return now if newer else now._replace(call_since=None)
        case EventType.SESSION_END:
            return now._replace(call_since=None, silence_due_at=None)
        case EventType.TYPING if event.role is Role.CLIENT:
            return now._replace(last_client_at=_later(now.last_client_at, event.sent_at))
        case EventType.LISTENER_HELP:
            return _after_help(now, event)
        case _:
            return now


def _after_help(now: Conversation, event: Event) -> Conversation:
    chip = event.chip if isinstance(event, ListenerHelp) else None
    if chip is None:
        return now
    place_at = event.sent_at if chip in PLACE_CHIPS else now.place_at
    return now._replace(chips=(*now.chips, chip)[-8:], place_at=place_at)


def _raised(now: Conversation, level: Level | None) -> Conversation:
    open_level = most_urgent(now.open_level, level)
    return now._replace(
        level=most_urgent(now.level, level),
        open_level=open_level,
        with_professional=now.with_professional and open_level is now.open_level,
    )


def _silence_set(
    now: Conversation, event: Event, stood_at: Level | None, rules: TriageRules
) -> Conversation:
    """Silence counts anew when the client moves, when a call ends, and from another level on."""
    moved = event.role is Role.CLIENT and event.type in (EventType.MESSAGE, EventType.TYPING)
    call_over = event.type in (EventType.CALL_END, EventType.CALL_DROP)
    if moved or call_over or now.open_level is not stood_at or now.call_since is not None:
        return _silence_due(now, event.sent_at, rules)
    return now


def _silence_due(now: Conversation, since: datetime, rules: TriageRules) -> Conversation:
    """When silence next raises this conversation; never while somebody is with the client."""
    rule = rules.silence.get(now.open_level) if now.open_level is not None else None
    if rule is None or now.call_since is not None or now.with_professional:
        return now._replace(silence_due_at=None)
    due = max(since, now.last_client_at or since) + timedelta(seconds=rule.after_s)
    return now._replace(silence_due_at=due)
