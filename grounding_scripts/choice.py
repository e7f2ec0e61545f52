"""Which card answers a wish. The order of the rules is written down at `CardLibrary.pick`."""

from __future__ import annotations

from collections.abc import Sequence

from grounding_scripts.schema import Entry, Tier
from safety.core.cards import Card, CardWish
from safety.core.errors import Misconfigured
from safety.core.types import LISTENER_LABELS, Cue, Label, Level

SUICIDAL = frozenset(
    {
        Label.SUICIDE_ATTEMPT,
        Label.SUICIDE_PREPARATION,
        Label.SUICIDE_PLAN,
        Label.ACTIVE_IDEATION,
        Label.PASSIVE_IDEATION,
        Label.SUICIDE_EXPLORATION,
    }
)
SELF_HARM = SUICIDAL | {Label.SELF_INJURY, Label.SELF_INJURY_URGE}
# Somebody else's plan is reported often, an own one hardly ever together with a worry for others.
CONCRETE = frozenset({Label.SUICIDE_ATTEMPT, Label.SUICIDE_PREPARATION, Label.SUICIDE_PLAN})
# Words in the first person that speak of dying although no label may have fired.
OWN_DANGER = frozenset(
    {
        Cue.ACT_NOW,
        Cue.FAREWELL,
        Cue.DISAPPEARANCE,
        Cue.SETTLING,
        Cue.MEANS,
        Cue.PACT,
        Cue.PAINLESS,
        Cue.RECENT_ATTEMPT,
        Cue.AFFIRMED,
    }
)
# A listener's words can carry these as well, so alone they do not make a matter of the client's.
EITHER_SIDE = frozenset({Cue.MONEY, Cue.LSTN_2})

ROOF_DISTANCE = ("roof.inward", "roof.seated")
ROOF_ASK = "roof.ask"
DIRECT_QUESTION = "direct_question"
HOLD = "hold"
STOP_ASKING = "stop_asking"
COACH_STOP = "coach.stop"
PANIC_STEPS = ("panic.breathe", "panic.red_flags")
AMBULANCE = "panic.ambulance"
DEPENDENCY = "dependency"
THIRD_PARTY = "third_party"

REQUIRED_CARDS = (
    *ROOF_DISTANCE,
    ROOF_ASK,
    DIRECT_QUESTION,
    HOLD,
    STOP_ASKING,
    COACH_STOP,
    *PANIC_STEPS,
    AMBULANCE,
    DEPENDENCY,
    THIRD_PARTY,
)
REQUIRED_FLOWS = ("orient", "boundary", "coach")
FLOWS_BY_CONDITION = ("boundary", "coach")
KEEPS_CONTACT = frozenset({"roof", "hold"})


class Chooser:
    """Answers wishes from a fixed set of cards. Holds nothing that a wish could change."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        # A wish does not say who listens, so only what everybody may see is on offer (R-CARD-06).
        offered = [entry for entry in entries if entry.tier is Tier.BASIC]
        self._cards = {entry.card.id: entry.card for entry in offered}
        self._flows: dict[str, list[Entry]] = {}
        for entry in offered:
            self._flows.setdefault(entry.card.flow, []).append(entry)
        self._complain_of_gaps()

    def choose(self, wish: CardWish) -> Card | None:
        """The answer before the rule against saying the same thing twice."""
        if wish.place_open:
            return self._roof(wish)
        last = wish.shown[-1] if wish.shown else None
        if Label.LISTENER_GOADING in wish.labels and last != COACH_STOP:
            return self._cards[COACH_STOP]
        if Cue.STOP_ASKING in wish.cues:
            return self._quiet(wish)
        grave = wish.level <= Level.P1
        if _only_the_listener(wish):
            coached = self._by_condition("coach", wish)
            if not grave or (coached is not None and coached.id != last):
                return coached
        if Cue.MEDICAL in wish.cues and not _suicidal(wish):
            return self._hold(wish) if grave and last == AMBULANCE else self._cards[AMBULANCE]
        if grave:
            return self._grave(wish)
        if wish.level is Level.P2:
            return self._middle(wish)
        return self._mild(wish)

    def _roof(self, wish: CardWish) -> Card:
        step = self._next("roof", wish, skip=ROOF_ASK if _answered(wish) else None)
        if Cue.STOP_ASKING in wish.cues and (step is None or step.id not in ROOF_DISTANCE):
            return self._quiet(wish) or self._hold(wish)
        return step or self._hold(wish)

    def _grave(self, wish: CardWish) -> Card:
        if Label.PANIC in wish.labels and not _harming(wish):
            step = self._unseen(PANIC_STEPS, wish)
            if step is not None:
                return step
        return self._hold(wish) if _answered(wish) else self._cards[DIRECT_QUESTION]

    def _middle(self, wish: CardWish) -> Card | None:
        if not wish.labels and not wish.cues and not wish.shown:
            # nothing was said yet: wind on a night call asks where somebody is, not what they plan
            return self._next("orient", wish)
        own_danger = bool(wish.cues & OWN_DANGER)
        if Label.THIRD_PARTY in wish.labels and not (own_danger or wish.labels & CONCRETE):
            leading: Card | None = self._unseen((THIRD_PARTY,), wish)
        elif Cue.DEP_3 in wish.cues and not (
            own_danger or wish.labels & (CONCRETE | {Label.ACTIVE_IDEATION})
        ):
            leading = self._unseen((DEPENDENCY,), wish)
        else:
            leading = None
        if leading is not None:
            return leading
        if wish.cues & {Cue.AFFIRMED, Cue.ACT_NOW}:
            return self._hold(wish)
        return None if _answered(wish) else self._cards[DIRECT_QUESTION]

    def _mild(self, wish: CardWish) -> Card | None:
        if Label.PANIC in wish.labels:
            return self._unseen(PANIC_STEPS, wish) or self._next("orient", wish)
        if _suicidal(wish):
            return self._next("orient", wish)
        if Label.TRANSFERENCE in wish.labels or wish.cues & {Cue.TRANS_3, Cue.MONEY}:
            return self._by_condition("boundary", wish)
        if Label.OFF_PLATFORM in wish.labels:
            return self._by_condition("boundary", wish)
        if Label.DEPENDENCY in wish.labels or Cue.DEP_3 in wish.cues:
            return self._cards[DEPENDENCY]
        if Label.THIRD_PARTY in wish.labels:
            return self._cards[THIRD_PARTY]
        return self._next("orient", wish)

    def _quiet(self, wish: CardWish) -> Card | None:
        if not wish.shown or wish.shown[-1] != STOP_ASKING:
            return self._cards[STOP_ASKING]
        if wish.place_open or wish.level <= Level.P1:
            return self._hold(wish, quiet=True)
        return None

    def _hold(self, wish: CardWish, *, quiet: bool = False) -> Card:
        """The hold card that was said longest ago, so that contact does not sound like a machine.

        With `quiet` only those that ask nothing, if there are any.
        """
        cards = [entry.card for entry in self._flows[HOLD]]
        calm = [card for card in cards if "？" not in card.say and "?" not in card.say]
        last_said = {card_id: place for place, card_id in enumerate(wish.shown)}
        pool = calm if quiet and calm else cards
        return min(pool, key=lambda card: last_said.get(card.id, -1))

    def _next(self, flow: str, wish: CardWish, skip: str | None = None) -> Card | None:
        steps = (entry.card.id for entry in self._flows[flow] if entry.card.id != skip)
        return self._unseen(tuple(steps), wish)

    def _unseen(self, steps: tuple[str, ...], wish: CardWish) -> Card | None:
        fresh = (step for step in steps if step not in wish.shown)
        step = next(fresh, None)
        return None if step is None else self._cards[step]

    def _by_condition(self, flow: str, wish: CardWish) -> Card | None:
        fitting = (
            entry.card
            for entry in self._flows[flow]
            if entry.labels <= wish.labels and entry.cues <= wish.cues
        )
        return next(fitting, None)

    def _complain_of_gaps(self) -> None:
        for card_id in REQUIRED_CARDS:
            if card_id not in self._cards:
                raise Misconfigured(f"cards: the basic card {card_id!r} is missing")
        for flow in REQUIRED_FLOWS:
            if flow not in self._flows:
                raise Misconfigured(f"cards: the flow {flow!r} has no basic card")
        for flow in FLOWS_BY_CONDITION:
            if not any(entry.answers_anything for entry in self._flows[flow]):
                raise Misconfigured(f"cards: the flow {flow!r} needs one card without 'when'")


def _suicidal(wish: CardWish) -> bool:
    return bool(wish.labels & SUICIDAL or wish.cues & OWN_DANGER)


def _harming(wish: CardWish) -> bool:
    return bool(wish.labels & SELF_HARM or wish.cues & OWN_DANGER)


def _answered(wish: CardWish) -> bool:
    """Asked already, or clear without asking."""
    asked = DIRECT_QUESTION in wish.shown or ROOF_ASK in wish.shown
    return asked or bool(wish.cues & {Cue.AFFIRMED, Cue.ACT_NOW})


def _only_the_listener(wish: CardWish) -> bool:
    words = wish.labels & LISTENER_LABELS
    return bool(words) and wish.labels == words and wish.cues <= EITHER_SIDE
