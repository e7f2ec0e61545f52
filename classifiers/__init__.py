"""Classifiers: reading Chinese chat."""

from classifiers.lexicon import LexiconClassifier

__all__ = ["LexiconClassifier"]
