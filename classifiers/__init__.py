"""Classifiers: reading Chinese chat."""
