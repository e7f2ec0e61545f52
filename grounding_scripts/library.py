"""The shelf of cards: read once at start-up, asked for the next sentence ever after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path

from grounding_scripts.choice import KEEPS_CONTACT, Chooser
from grounding_scripts.schema import Entry, parse_flow
from safety.core.cards import Card, CardWish
from safety.core.errors import Misconfigured


class CardLibrary:
    """All cards of one folder. Immutable; `pick` fits `safety.core.ports.PickCard`."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = tuple(entries)
        self._by_id: dict[str, Card] = {}
        for entry in self.entries:
            if entry.card.id in self._by_id:
                raise Misconfigured(f"{entry.file}: card {entry.card.id}: the id is taken already")
            self._by_id[entry.card.id] = entry.card
        self._chooser = Chooser(self.entries)

    @classmethod
    def load(cls, folder: Path | None = None) -> CardLibrary:
        """The cards of `folder`, or the shipped ones. Raises Misconfigured.

        The message names file and card and is meant for the person who wrote them.
        """
        files = _shipped() if folder is None else _in_folder(folder)
        return cls([entry for name, content in files for entry in parse_flow(name, content)])

    def get(self, card_id: str) -> Card | None:
        """The card of that id, whatever its tier."""
        return self._by_id.get(card_id)

    def pick(self, wish: CardWish) -> Card | None:
        """The next card, or None when silence is better. Pure; never raises.

        The first rule that applies decides:

        == ============================================= =====================================
        No When                                          Then
        == ============================================= =====================================
        1  a place cue is open, at any level             next roof card; after the last: hold
        2  the listener goads                            coach.stop
        3  the client asks for no more questions         stop_asking; again: hold (P0, P1)
        4  nothing but the listener's words fired        the coach card of those words
        5  a medical red flag, nothing suicidal          panic.ambulance; again: hold (P0, P1)
        6  P0, P1: panic, no harm to self                panic.breathe, panic.red_flags
        7  P0, P1: not asked, no yes, no act in progress direct_question
        8  P0, P1: otherwise                             hold
        8b P2: no word fired, no card yet (wind heard)   the first orient card
        9  P2: a third party leads                       third_party, then as 11
        10 P2: dependency 3 leads                        dependency, then as 11
        11 P2: otherwise                                 direct_question once; hold after a yes
        12 P3: panic                                     as 6, then orient
        13 P3: a suicidal label                          next orient card
        14 P3: transference, money, off-platform         the boundary card of those words
        15 P3: dependency; third party                   dependency; third_party
        16 P3: otherwise                                 next orient card; after the last: None
        == ============================================= =====================================

        Within 1, moving inward and sitting down are asked of everybody; a client who wants no more
        questions is spared the others (rule 3), and one who has answered is not asked again.
        In 9 and 10 "leads" means: no first-person danger beside it. In 6 and 12 each card is shown
        once a conversation. "Hold" turns through its cards. Outside roof and hold a card that was
        shown last is not shown again: None instead.
        """
        card = self._chooser.choose(wish)
        if card is None or card.flow in KEEPS_CONTACT:
            return card
        return None if wish.shown[-1:] == (card.id,) else card


def _shipped() -> list[tuple[str, bytes]]:
    folder = resources.files("grounding_scripts") / "cards"
    return _in_order(
        (item.name, item.read_bytes()) for item in folder.iterdir() if item.name.endswith(".yaml")
    )


def _in_folder(folder: Path) -> list[tuple[str, bytes]]:
    try:
        files = _in_order((item.name, item.read_bytes()) for item in folder.glob("*.yaml"))
    except OSError as error:
        raise Misconfigured(f"cards: {folder} cannot be read: {error.strerror}") from error
    if not files:
        raise Misconfigured(f"cards: {folder} holds no .yaml file")
    return files


def _in_order(files: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return sorted(files)
