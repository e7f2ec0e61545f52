"""Classifiers: reading Chinese chat."""

from classifiers.cascade import Cascade
from classifiers.lexicon import LexiconClassifier
from classifiers.shipped import NO_MODEL, load_classifier, shipped_model

__all__ = ["NO_MODEL", "Cascade", "LexiconClassifier", "load_classifier", "shipped_model"]
