"""Grounding scripts: the listener's next sentence."""

from grounding_scripts.library import CardLibrary
from grounding_scripts.lint import LintReport, lint_cards

__all__ = ["CardLibrary", "LintReport", "lint_cards"]
