"""What stands beside a message's words when the trained reader reads it: who, when, what fired.

Training and serving build their inputs here, so that they cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt

from safety.core.rules import TriageRules
from safety.core.triage import is_night
from safety.core.types import Assessment, Cue, Label, Level, Role, Strength

CONTEXT = 8
"""Turns before a message that are remembered when it is judged (R-DET-02)."""

REACH = 4
"""Turns before a message in whose light its words are encoded: one a layer that looks back."""

EARLIER = CONTEXT + REACH
"""Turns before a message of which something can change what is made of it."""

LABELS = tuple(Label)
LEVELS = (Level.P0, Level.P1, Level.P2, Level.P3)
_CUES = {cue: index for index, cue in enumerate(Cue)}
_PLACE = {label: index for index, label in enumerate(LABELS)}
_ROLES = {Role.CLIENT: 0, Role.LISTENER: 1, Role.COUNSELLOR: 2, Role.SYSTEM: 2}
_ROLE_AT = len(LABELS) + len(_CUES)
_CODED_AT = _ROLE_AT + 3
_NIGHT_AT = _CODED_AT + 1
_GAP_AT = _NIGHT_AT + 1
WIDTH = _GAP_AT + 1
"""Numbers a turn beside its words."""

LEXICON = slice(0, _ROLE_AT)
"""Which of them the lexicon gives; zeroed when the trained reader is asked without it."""

_LONG_S = 600.0
_RULES = TriageRules()


def beside(
    role: Role, at: datetime, before: datetime | None, found: Assessment | None
) -> npt.NDArray[np.float32]:
    """The numbers of one turn: lexicon scores and cues, role, coded, night, time since the last.

    `at` and `before` are event times; `found` is what the lexicon says of the turn.
    """
    gap_s = 0.0 if before is None else max((at - before).total_seconds(), 0.0)
    row = np.zeros(WIDTH, np.float32)
    if found is not None:
        for label, score in found.scores.items():
            row[_PLACE[label]] = score
        for item in found.evidence:
            if item.cue is not None:
                row[len(LABELS) + _CUES[item.cue]] = 1.0
            if item.strength is Strength.CODED:
                row[_CODED_AT] = 1.0
    row[_ROLE_AT + _ROLES[role]] = 1.0
    row[_NIGHT_AT] = float(is_night(at, _RULES))
    row[_GAP_AT] = min(gap_s, _LONG_S) / _LONG_S
    return row


def stacked(rows: Sequence[npt.NDArray[np.float32]], width: int) -> npt.NDArray[np.float32]:
    """The last `CONTEXT` + 1 rows, oldest first, with empty ones in front where there are fewer."""
    window = np.zeros((CONTEXT + 1, width), np.float32)
    kept = rows[-(CONTEXT + 1) :]
    if kept:
        window[-len(kept) :] = kept
    return window
