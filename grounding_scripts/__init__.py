"""Grounding scripts: the listener's next sentence."""
