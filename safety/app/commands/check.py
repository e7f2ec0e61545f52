"""`jiezhu check`: is this configuration fit for the first night?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from zoneinfo import ZoneInfo

import click

from classifiers import NO_MODEL, LexiconClassifier
from escalation import DEFAULT_POLICY_PATH, DEMO_ROSTER_PATH, load_policy, load_roster
from escalation.coverage import roster_findings
from grounding_scripts import CardLibrary, lint_cards
from safety.app.settings import Settings, read_settings
from safety.app.wiring import open_classifier, open_notifiers, open_vault
from safety.core.cases import EscalationPolicy
from safety.core.clock import SystemClock
from safety.core.errors import SafetyError
from safety.core.ports import Clock
from safety.core.rules import TriageRules

DAYS = 14


@click.command()
def check() -> None:
    """Validate settings, key, roster coverage, policy, cards and lexicon.

    Prints one plain sentence for each finding. Exit code 1 when something would keep a client
    waiting; warnings alone leave it 0.
    """
    settings = read_settings()
    errors, warnings = findings(settings, SystemClock())
    for sentence in errors:
        click.echo(f"error    {sentence}")
    for sentence in warnings:
        click.echo(f"warning  {sentence}")
    click.echo(f"{len(errors)} errors, {len(warnings)} warnings")
    sys.exit(1 if errors else 0)


def findings(settings: Settings, clock: Clock) -> tuple[list[str], list[str]]:
    """What is wrong and what asks for care, as plain sentences."""
    errors: list[str] = []
    warnings: list[str] = []
    checks: list[Callable[[Settings, Clock], tuple[Iterable[str], Iterable[str]]]] = [
        _exposure,
        _keys,
        _people,
        _cards,
        _lexicon,
        _model,
    ]
    for one in checks:
        try:
            wrong, careful = one(settings, clock)
        except SafetyError as error:
            wrong, careful = [str(error)], []
        errors.extend(wrong)
        warnings.extend(careful)
    return errors, warnings


def _exposure(settings: Settings, _clock: Clock) -> tuple[list[str], list[str]]:
    settings.check_exposure()
    warnings = []
    if settings.database.startswith("sqlite"):
        warnings.append("The database is a SQLite file: one process on one machine, no more.")
    if settings.embedded:
        warnings.append("No Kafka is configured: events come in over HTTP alone.")
    return [], warnings


def _keys(settings: Settings, _clock: Clock) -> tuple[list[str], list[str]]:
    if settings.master_key is None and settings.master_key_file is None:
        path = settings.data_dir / "master.key"
        return [], [
            (
                f"The master key is the file {path}, beside what it protects:"
                " set JIEZHU_MASTER_KEY or JIEZHU_MASTER_KEY_FILE in production."
            )
        ]
    open_vault(settings)
    return [], []


def _people(settings: Settings, clock: Clock) -> tuple[list[str], list[str]]:
    notifiers = open_notifiers(settings, clock)
    policy = load_policy(settings.policy_file or DEFAULT_POLICY_PATH)
    roster = load_roster(settings.roster_file or DEMO_ROSTER_PATH)
    now = clock.now().astimezone(ZoneInfo(settings.timezone))
    errors = list(roster_findings(roster, now, DAYS, frozenset(notifiers)))
    warnings = []
    if settings.roster_file is None:
        errors.append("The roster is the practice one: set JIEZHU_ROSTER_FILE to your own people.")
    if set(notifiers) == {"console"}:
        errors.append("Nobody is paged but on this terminal: configure a channel that rings.")
    missing = sorted(_channels(policy) - set(notifiers) - {"console"})
    if missing:
        warnings.append(
            f"The policy names channels that are not configured: {', '.join(missing)}."
            " People are paged over what they have instead."
        )
    # the entry rules refuse what the ceilings forbid
    TriageRules(timezone=settings.timezone)
    return errors, warnings


def _channels(policy: EscalationPolicy) -> set[str]:
    return {
        channel
        for rules in policy.levels.values()
        for step in rules.steps
        for target in step.targets
        for channel in target.channels
    }


def _cards(settings: Settings, clock: Clock) -> tuple[Iterable[str], Iterable[str]]:
    report = lint_cards(CardLibrary.load(settings.cards_dir).entries, clock.now().date())
    return report.errors, report.warnings


def _lexicon(settings: Settings, clock: Clock) -> tuple[Iterable[str], Iterable[str]]:
    lexicon = LexiconClassifier.load(settings.glossary_dir)
    return [], lexicon.lint(clock.now().date())


def _model(settings: Settings, _clock: Clock) -> tuple[Iterable[str], Iterable[str]]:
    open_classifier(settings)
    if settings.model == NO_MODEL:
        return [], ["No model reads the messages, on purpose: what nobody wrote down is missed."]
    return [], []
