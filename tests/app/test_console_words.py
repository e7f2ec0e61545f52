"""The console has a plain Chinese sentence for every reason a level can have."""

from __future__ import annotations

import re
from pathlib import Path

from safety.app.api.application import CONSOLE
from safety.core.rules import ENTRY_RULES
from safety.core.watch import __file__ as watch_file


def test_every_reason_has_words() -> None:
    script = (CONSOLE / "words.js").read_text()
    known = set(re.findall(r'^  "([a-z0-9]+\.[a-z_]+)":', script, re.MULTILINE))
    decided = {rule.id for rule in ENTRY_RULES}
    decided |= set(re.findall(r'"(p\d\.[a-z_]+)"', Path(watch_file).read_text()))
    assert decided <= known, f"without words: {sorted(decided - known)}"
