"""Which classifier a deployment gets: the cascade over a model folder, or the lexicon alone."""

from __future__ import annotations

import sys
from pathlib import Path

from classifiers.cascade import Cascade
from classifiers.lexicon import LexiconClassifier
from safety.core.errors import Misconfigured

NO_MODEL = "none"
"""In place of a folder: read by the lexicon alone, on purpose."""

_MANIFEST = "model.json"
_PLACES = (Path(__file__).parents[1] / "models", Path(sys.prefix) / "share" / "jiezhu" / "models")


def shipped_model() -> Path | None:
    """The folder of the model that came with the program; None if none did."""
    return next((place for place in _PLACES if (place / _MANIFEST).is_file()), None)


def load_classifier(
    model: str = "", glossary: Path | None = None, threads: int = 1
) -> Cascade | LexiconClassifier:
    """The classifier over a model folder, by default the shipped one, and a glossary folder.

    Raises Misconfigured if a part is broken or missing: a deployment that was meant to have a
    model does not start without it.
    """
    lexicon = LexiconClassifier.load(glossary)
    if model == NO_MODEL:
        return lexicon
    folder = Path(model) if model else shipped_model()
    if folder is None or not (folder / _MANIFEST).is_file():
        raise Misconfigured(
            f"there is no model in {folder or _PLACES[0]}: set JIEZHU_MODEL to the folder of one,"
            f" or to {NO_MODEL} to read by the lexicon alone"
        )
    return Cascade.load(folder, lexicon, threads)
