"""The command `jiezhu`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from safety import __version__
from safety.app.commands.check import check
from safety.app.commands.feedback import feedback
from safety.app.commands.replay import replay
from safety.app.commands.scan import scan
from safety.app.commands.serve import api, consume, dispatch, serve
from safety.app.commands.stress import stress
from safety.app.commands.train import evaluate, train
from safety.app.logs import configure_logs
from safety.core.errors import SafetyError

EPILOG = """
Every setting is an environment variable that begins with JIEZHU_ and is listed in
docs/operations.md. Without any, jiezhu runs embedded: SQLite and an in-process stream.
"""


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="jiezhu")
def cli() -> None:
    """Jiezhu 接住 watches paid peer-listening chat and brings the right person in.

    Start with `jiezhu serve --demo`: it plays sample conversations, pages a practice counsellor on
    this terminal and shows everything on a page of its own.
    """
    configure_logs()


for command in (
    serve,
    consume,
    dispatch,
    api,
    scan,
    replay,
    stress,
    check,
    train,
    evaluate,
    feedback,
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run; what is wrong with the configuration is said in one plain sentence.

    `arguments` None takes those of the process.
    """
    try:
        cli.main(args=arguments, prog_name="jiezhu")
    except SafetyError as error:
        click.echo(f"jiezhu: {error}", err=True)
        sys.exit(2)
