"""`jiezhu feedback`: what counsellors said of the readings, as training rows and as a table."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import click
import orjson

from safety.app.settings import Settings, read_settings
from safety.app.store.sql import SqlStore
from safety.app.store.training import Export, training_rows
from safety.app.store.verdicts import Verdicts
from safety.app.wiring import open_database, open_vault, term_classes
from safety.core.clock import SystemClock
from safety.core.errors import Misconfigured
from safety.core.feedback import Judged, Precision, Share, precision, standing


@click.group()
def feedback() -> None:
    """What counsellors said of the readings: as training rows, and as a table."""


@feedback.command()
@click.argument("file", type=click.Path(path_type=Path))
def export(file: Path) -> None:
    """Write training rows to FILE, a new one, readable by its owner alone.

    One JSON object a line for each verdict that still stands, only where the client's consent is
    `given` and was not refused later. Ids are replaced by keyed hashes. What was left out is
    counted on the standard error. The rows hold chat text: keep the file as you keep the database.
    """
    came_to = Export()
    with _store(read_settings()) as store:
        export_to(file, store, came_to)
    click.echo(
        f"{came_to.rows} rows written; left out: {came_to.without_consent} without consent,"
        f" {came_to.shredded} whose text was destroyed",
        err=True,
    )


def export_to(file: Path, store: SqlStore, came_to: Export) -> None:
    """The rows into a new file of mode 0600; what went wrong leaves none behind.

    Raises Misconfigured when the file is there already or cannot be made.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Misconfigured(f"{file} is there already: name a new file") from None
    except OSError as error:
        raise Misconfigured(f"{file} cannot be made: {error.strerror}") from None
    whole = False
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.writelines(orjson.dumps(row) + b"\n" for row in training_rows(store, came_to))
        whole = True
    finally:
        if not whole:
            file.unlink()


@feedback.command("precision")
@click.option(
    "--days", type=click.IntRange(1, 3650), default=90, show_default=True, help="How far back."
)
def precision_table(days: int) -> None:
    """Print how often each label and each term was right, by the counsellors' verdicts.

    Precision is true / (true + false). Recall is true / (true + missed), of the messages that were
    judged. A term of which fewer than 20 % of at least 10 verdicts are true is marked: review it.
    """
    settings = read_settings()
    with _store(settings) as store:
        since = store.clock.now() - timedelta(days=days)
        found = precision(standing(Verdicts(store).since(since)), term_classes(settings))
    click.echo("\n".join(table(found, days)))


def table(found: Precision, days: int) -> Iterator[str]:
    """The lines of the table."""
    told = ", ".join(
        f"{found.given.get(judged, 0)} {judged.value}"
        for judged in (Judged.TRUE, Judged.FALSE, Judged.MISSED)
    )
    yield f"verdicts of the last {days} days: {told}"
    yield f"\n{'label':<24}{'true':>6}{'false':>7}{'missed':>8}{'precision':>11}{'recall':>8}"
    for share in found.labels:
        yield (
            f"{share.name:<24}{share.true:>6}{share.false:>7}{share.missed:>8}"
            f"{_part(share.precision):>11}{_part(share.recall):>8}"
        )
    yield f"\n{'term':<32}{'class':<10}{'true':>6}{'false':>7}{'precision':>11}  advice"
    for share in found.terms:
        yield (
            f"{share.name:<32}{share.kind or '-':<10}{share.true:>6}{share.false:>7}"
            f"{_part(share.precision):>11}  {_advice(share)}".rstrip()
        )


def _advice(share: Share) -> str:
    if not share.review:
        return ""
    return "review" if share.may_be_dropped else "review, never drop"


def _part(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


@contextmanager
def _store(settings: Settings) -> Iterator[SqlStore]:
    """The database and the keys, without anything that reads messages or calls people."""
    vault = open_vault(settings)
    engine = open_database(settings)
    try:
        yield SqlStore(engine, vault, SystemClock(), lambda: uuid.uuid4().hex)
    finally:
        engine.dispose()
