"""Errors, each named after what the caller must do.

SafetyError
├── UnreadableRecord       the bytes are not an event               → dead letter
├── InvalidRequest         the caller of an endpoint erred           → tell them which field
├── Unavailable            try again later                          → back off, commit nothing
│   ├── SourceUnavailable · StoreUnavailable · ClassifierUnavailable · NotifierUnavailable
│   └── Conflict           somebody else wrote first                → read again, at once
├── Undeliverable          the provider will never accept this      → next target now
└── Misconfigured          stop at start-up with a plain sentence

No message of any of these carries chat text.
"""


class SafetyError(Exception):
    """Root of every error this project raises on purpose."""


class UnreadableRecord(SafetyError):
    """The bytes are not an event: `reason` is a short code, `field` the place to blame, if any."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason if field is None else f"{field}: {reason}")
        self.reason = reason
        self.field = field


class InvalidRequest(SafetyError):
    """The caller asked for something that cannot be done; the sentence says what to change."""


class Unavailable(SafetyError):
    """Something outside is away for now: back off, commit nothing, try again."""


class SourceUnavailable(Unavailable):
    """The stream cannot be read or its position cannot be committed."""


class StoreUnavailable(Unavailable):
    """The database did not take the transaction; nothing of it was kept."""


class ClassifierUnavailable(Unavailable):
    """No classifier could read the message: this is never "nothing found"."""


class NotifierUnavailable(Unavailable):
    """The channel may or may not have taken the page: send it again, marked as a repeat."""


class Conflict(Unavailable):
    """Another worker changed the same conversation or case first: read again and redo."""


class Undeliverable(SafetyError):
    """The provider will never deliver this page to this person: go to the next target now."""


class Misconfigured(SafetyError):
    """The configuration cannot be served; the sentence is for the person who wrote it."""
