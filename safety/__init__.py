"""Jiezhu 接住: a safety monitor for Chinese paid peer-listening chat."""

__version__ = "0.1.0"
