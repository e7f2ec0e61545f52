"""Our own conversations, labelled turn by turn: GUIDE.md says how, README.md what is there."""

from classifiers.corpus.dialogues import PARTS, Dialogue, Line, Malformed, parse, read_part

__all__ = ["PARTS", "Dialogue", "Line", "Malformed", "parse", "read_part"]
