"""`jiezhu train` and `jiezhu evaluate`: build the models, and say how good they are."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import click
from tqdm import tqdm

from classifiers import load_classifier
from classifiers.corpus import PARTS, read_part
from safety.core.clock import SystemClock
from safety.core.errors import Misconfigured

BASE = Path("var/encoder")
FOLDS = 5
NEEDED = "this needs the training extras: pip install 'jiezhu[train]'"

_folder = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--data", type=_folder, help="Folder of the public sets; without it, our corpus.")
@click.option("--out", type=_folder, default=Path("models"), help="Where the model is written.")
@click.option("--work", type=_folder, default=Path("var/train"), help="Where checkpoints are kept.")
@click.option(
    "--base", type=_folder, default=BASE, show_default=True, help="BERT encoder to begin with."
)
@click.option("--seed", type=int, default=7, show_default=True, help="Of everything random.")
@click.option("--passes", type=click.IntRange(1, 50), help="Through everything, encoder included.")
@click.option("--share", type=click.FloatRange(0.01, 1.0), default=1.0, help="Of the corpus.")
def train(
    data: Path | None,
    out: Path,
    work: Path,
    base: Path,
    seed: int,
    passes: int | None,
    share: float,
) -> None:
    """Build the model that ships, from the data to the folder.

    Cut short and started again with the same folders, it goes on after its last whole stage.
    """
    try:
        from classifiers.training.fit import Recipe  # noqa: PLC0415 - torch is an extra
        from classifiers.training.run import Plan, build  # noqa: PLC0415
    except ImportError:
        raise Misconfigured(NEEDED) from None
    recipe = Recipe(seed=seed) if passes is None else Recipe(seed=seed, passes=passes)
    today = SystemClock().now().date()
    plan = Plan(out, work, today, base, data, recipe, share)
    with _Bars() as bars:
        about = build(plan, bars.told)
    click.echo(json.dumps(about, ensure_ascii=False, default=str))


class _Bars:
    """A progress bar for each stage of a run, on the standard error."""

    def __init__(self) -> None:
        self._stage = ""
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def told(self, stage: str, step: int, steps: int, loss: float) -> None:
        """One more step of a stage; `loss` 0 where there is none."""
        if self._bar is None or self._stage != stage:
            if self._bar is not None:
                self._bar.close()
            self._stage, self._bar = stage, tqdm(total=steps, desc=stage, file=sys.stderr)
        if loss:
            self._bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        self._bar.update(step - self._bar.n)


@click.command()
@click.option("--model", default="", help="Folder of the model, or none for the lexicon alone.")
@click.option("--part", type=click.Choice(PARTS), default="test", show_default=True)
@click.option("--data", type=_folder, help="Folder of the public sets: everyday talk as well.")
@click.option("--cross-validate", is_flag=True, help="Learn PsySUICIDE's folds too (an hour).")
@click.option("--curve", is_flag=True, help="Learn from growing shares of the corpus too.")
@click.option("--base", type=_folder, default=BASE, help="Encoder that both begin with.")
@click.option("--work", type=_folder, default=Path("var/crossvalidate"), help="For checkpoints.")
@click.option("--out", type=_folder, default=Path("var/report"), help="Where the report goes.")
def evaluate(
    model: str,
    part: str,
    data: Path | None,
    cross_validate: bool,
    curve: bool,
    base: Path,
    work: Path,
    out: Path,
) -> None:
    """Measure a model: a page with curves for people, the same as JSON."""
    try:
        from classifiers.training.crossvalidate import cross_validated  # noqa: PLC0415
        from classifiers.training.curve import learning_curve  # noqa: PLC0415
        from classifiers.training.evaluate import evaluation, write  # noqa: PLC0415
        from classifiers.training.run import Plan  # noqa: PLC0415
    except ImportError:
        raise Misconfigured(NEEDED) from None
    if (cross_validate or curve) and data is None:
        raise click.UsageError("--cross-validate and --curve need --data")
    classifier = load_classifier(model, threads=2)
    dialogues = read_part(part)
    told: Callable[[str], None] = lambda stage: click.echo(f"{stage} …", err=True)  # noqa: E731
    found = evaluation(classifier, dialogues, data, told)
    plan = Plan(out, work, SystemClock().now().date(), base, data)
    if curve:
        found["curve"] = learning_curve(plan, told)
    if cross_validate:
        with _Bars() as bars:
            found["psysuicide"] = cross_validated(plan, FOLDS, bars.told)
    page, numbers = write(found, part, out)
    click.echo(f"{page}\n{numbers}")
