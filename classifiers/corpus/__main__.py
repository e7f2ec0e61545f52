"""`python -m classifiers.corpus FILE …`: what breaks the format, and what is written so far."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

from classifiers.corpus.dialogues import Dialogue, Malformed, parse
from classifiers.corpus.likeness import alike
from safety.core.types import Label


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def main(files: tuple[Path, ...]) -> None:
    """Check corpus FILES and count their conversations, labels and minimal-pair negatives."""
    dialogues: list[Dialogue] = []
    broken = False
    for path in files:
        try:
            dialogues += parse(path.read_text(encoding="utf-8"), path.stem)
        except Malformed as error:
            broken = True
            click.echo(str(error), err=True)
    for one, other, share in alike(dialogues):
        click.echo(f"alike: {one} {other} {share:.2f}")
    kinds = Counter(dialogue.kind for dialogue in dialogues)
    click.echo(f"{len(dialogues)} conversations: {dict(kinds)}")
    lines = [line for dialogue in dialogues for line in dialogue.lines]
    for label in Label:
        has = sum(label in line.labels for line in lines)
        near = sum(label in line.near for line in lines)
        click.echo(f"{label.value:22} {has:5} ~{near}")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
