"""Building what ships, from the data to the folder, in one go that can be taken up again."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.corpus import Dialogue, read_part
from classifiers.lexicon import LexiconClassifier
from classifiers.linear import LinearReader
from classifiers.text import View
from classifiers.training import sources
from classifiers.training.base import read_base
from classifiers.training.calibrate import calibration
from classifiers.training.examples import Example, of_corpus, of_everyday, of_psysuicide
from classifiers.training.export import export, write_manifest
from classifiers.training.fit import Net, Progress, Recipe, fit_all, fit_reader, logits_of
from classifiers.training.linear import fit_linear
from classifiers.training.vocabulary import widened
from classifiers.words import Words
from safety.core.types import Label

LAST = Recipe(passes=3, encoder_rate=3e-5, all_rate=1e-4)
"""How PsySUICIDE is learned once the conversations are known."""

BESIDE = 400
"""Conversations among its rows."""

_TALK = 10
_AGGRESSION = frozenset({Label.AGGRESSION_BY_CLIENT, Label.AGGRESSION_BY_OTHER})


@dataclass(frozen=True, slots=True)
class Plan:
    """What to build and from what. `base`: folder of the encoder to begin with. `data` None: the
    corpus alone. `corpus_share`: of its training part, for a learning curve."""

    out: Path
    work: Path
    today: date
    base: Path
    data: Path | None = None
    recipe: Recipe = field(default_factory=Recipe)
    corpus_share: float = 1.0
    everyday: int = 6_000


@dataclass
class Lessons:
    """Everything to learn from, and what the thresholds are chosen on."""

    train: list[Example]
    development: list[Example]
    rows: list[Example] = field(default_factory=list)
    """PsySUICIDE's texts, which have labels and no levels."""


def build(plan: Plan, told: Progress) -> dict[str, Any]:
    """Train, calibrate, export. Returns what `model.json` says about the model.

    A run that was cut short and is started again in the same `work` folder goes on after its last
    whole stage. Raises Misconfigured for data or a base that cannot be read.
    """
    lexicon = LexiconClassifier.load()
    return build_from(plan, gather(plan, lexicon), lexicon, told)


def build_from(
    plan: Plan, lessons: Lessons, lexicon: LexiconClassifier, told: Progress
) -> dict[str, Any]:
    """The same from lessons that are at hand."""
    plan.out.mkdir(parents=True, exist_ok=True)
    linear = fit_linear(lessons.train, plan.recipe.seed)
    linear.save(plan.out / "linear.npz")
    return finish(plan, learned(plan, lessons, told), linear, lessons, lexicon)


def learned(plan: Plan, lessons: Lessons, told: Progress) -> Net:
    """A net that has learned everything, or the one that a run before this one left behind."""
    done = plan.work / "last.pt"
    net = start(plan, lessons.train)
    if done.is_file():
        net.load(done)
        return net
    grounded(plan, net, lessons, told)
    if lessons.rows:
        refined(net, lessons, lessons.rows, plan.recipe, told)
    net.save(done)
    return net


def grounded(plan: Plan, net: Net, lessons: Lessons, told: Progress) -> None:
    """Let a net learn the conversations, or load what a run before this one learned of them."""
    done, still = plan.work / "net.pt", plan.work / "reader.pt"
    if done.is_file():
        net.load(done)
        return
    if still.is_file():
        net.load(still)
    else:
        fit_reader(net, lessons.train, plan.recipe, told)
        net.save(still)
    fit_all(net, lessons.train, plan.recipe, told)
    net.save(done)


def refined(
    net: Net, lessons: Lessons, rows: Sequence[Example], recipe: Recipe, told: Progress
) -> None:
    """Let a net that knows the conversations learn rows of PsySUICIDE, with some conversations
    among them so that it does not forget."""
    rng = random.Random(recipe.seed)
    beside = rng.sample(lessons.train, min(BESIDE, len(lessons.train)))
    fit_all(net, [*rows, *beside], replace(LAST, seed=recipe.seed), told)


def finish(
    plan: Plan, net: Net, linear: LinearReader, lessons: Lessons, lexicon: LexiconClassifier
) -> dict[str, Any]:
    """Calibrate on the development part and write the folder."""
    export(net, plan.out)
    development = lessons.development
    trained = calibration(logits_of(net, development), development)
    cheap = calibration(
        [np.stack([linear.logits(View(text)) for text in item.texts]) for item in development],
        development,
    )
    about = {
        "recipe": asdict(plan.recipe),
        "conversations": {
            "train": sum(not item.id.startswith(("psy:", "day:")) for item in lessons.train),
            "development": len(lessons.development),
        },
        "lexicon": lexicon.version,
        "outside": plan.data is not None,
    }
    version = f"{plan.today.isoformat()}+{_digest(plan.out)}"
    write_manifest(plan.out, version, trained, cheap, about)
    return {"version": version, **about}


def _digest(folder: Path) -> str:
    held = hashlib.sha256()
    for name in ("encoder.onnx", "reader.onnx", "linear.npz"):
        held.update((folder / name).read_bytes())
    return held.hexdigest()[:8]


def gather(plan: Plan, lexicon: LexiconClassifier) -> Lessons:
    """The corpus and, where there are any, the public sets."""
    train = of_corpus(share_of(read_part("train"), plan.corpus_share, plan.recipe.seed), lexicon)
    rows: list[Example] = []
    if plan.data is not None:
        rows = of_psysuicide(sources.psysuicide(plan.data), lexicon)
        rng = random.Random(plan.recipe.seed)
        talks = _talks(sources.everyday(plan.data), plan.everyday, rng)
        train += of_everyday("everyday", talks, lexicon, frozenset())
        talks = _talks(sources.posts(plan.data), plan.everyday // 4, rng)
        train += of_everyday("posts", talks, lexicon, _AGGRESSION)
    return Lessons(train, of_corpus(read_part("development"), lexicon), rows)


def share_of(dialogues: list[Dialogue], share: float, seed: int) -> list[Dialogue]:
    """A random share of the conversations, all of them from 1 on."""
    if share >= 1.0:
        return dialogues
    return random.Random(seed).sample(dialogues, max(1, round(len(dialogues) * share)))


def _talks(texts: Iterator[str], count: int, rng: random.Random) -> Iterator[list[str]]:
    """Some of the texts, a few at a time."""
    held = list(texts)
    chosen = rng.sample(held, min(count, len(held)))
    for at in range(0, len(chosen), _TALK):
        yield chosen[at : at + _TALK]


def start(plan: Plan, examples: Iterable[Example]) -> Net:
    """A net that has learned nothing yet, over the encoder to begin with, whose vocabulary is made
    ready for the examples: once for all starts in `plan.work`, whose checkpoints count on it.

    Raises Misconfigured if there is no encoder in `plan.base`.
    """
    base = read_base(plan.base)
    for folder in (plan.work, plan.out):
        folder.mkdir(parents=True, exist_ok=True)
    kept, words = plan.work / "words.json", plan.out / "words.json"
    if not kept.is_file():
        texts = (text for example in examples for text in example.texts)
        kept.write_text(widened(base.words.read_text(encoding="utf-8"), texts), encoding="utf-8")
    words.write_bytes(kept.read_bytes())
    return Net.over(base, Words(words), plan.recipe.sizes, plan.recipe.seed)
