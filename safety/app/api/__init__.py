"""The HTTP side: events in, cards and cases out, and the truth about this process's health."""

from safety.app.api.application import create_app

__all__ = ["create_app"]
