"""Pages on a text stream: the channel of the embedded mode."""

from __future__ import annotations

import threading
from typing import TextIO

from escalation.render import page_text
from safety.core.cases import Page, Person, Receipt
from safety.core.errors import NotifierUnavailable, Undeliverable


class ConsoleNotifier:
    """Writes one line per page to `stream`; may be used by several threads."""

    channel = "console"

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, page: Page, person: Person) -> Receipt:
        """Returns once the line is flushed."""
        contact = person.contacts.get(self.channel, "").strip()
        if not contact:
            raise Undeliverable("no_contact")
        self._write_line(f"{' '.join(contact.split())} {page_text(page)}\n")
        return Receipt(f"{self.channel}:{page.id}:{page.attempt}")

    def _write_line(self, line: str) -> None:
        try:
            with self._lock:
                self._stream.write(line)
                self._stream.flush()
        # a closed stream and one that cannot spell Chinese both raise ValueError
        except (OSError, ValueError) as problem:
            raise NotifierUnavailable("console_closed") from problem
