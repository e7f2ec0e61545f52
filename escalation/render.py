"""The words of a page. They come from the page alone: a level, a case number, fixed sentences.

Nothing else may leave the house on a channel (R-PRIV-05): no name, no word of a chat.
"""

from __future__ import annotations

import hashlib

from safety.core.cases import Page
from safety.core.types import CaseId, Level

REPEAT = "(再次提醒)"

_ASKS = {
    Level.P0: "请60秒内在应用内接单",
    Level.P1: "请3分钟内在应用内接单",
    Level.P2: "请30分钟内在应用内查看",
    Level.P3: "请今天内在应用内查看",
}


def case_number(case_id: CaseId) -> str:
    """The short number people say to each other: the first four hexadecimal digits, in capitals,
    of the SHA-256 of the case id.

    Hashed rather than cut, so that an id built from something confidential cannot show through.
    Two open cases can share a number; the app lists cases by their full id.
    """
    return hashlib.sha256(case_id.encode("utf-8")).hexdigest()[:4].upper()


def page_text(page: Page) -> str:
    """One line for a person's phone or screen."""
    repeat = REPEAT if page.is_repeat else ""
    return f"【接住】{repeat}{page.level.name} #{case_number(page.case_id)} {_ASKS[page.level]}"
