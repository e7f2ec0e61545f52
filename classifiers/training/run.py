"""Building what ships, from the data to the folder, in one go that can be taken up again."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, BertConfig

from classifiers.corpus import Dialogue, read_part
from classifiers.lexicon import LexiconClassifier
from classifiers.linear import LinearReader
from classifiers.text import View
from classifiers.training import e5, sources, vocabulary
from classifiers.training.calibrate import calibration
from classifiers.training.examples import Example, of_corpus, of_everyday, of_psysuicide
from classifiers.training.export import export, write_manifest
from classifiers.training.fit import Net, Progress, Recipe, fit_all, fit_reader, logits_of
from classifiers.training.linear import fit_linear
from classifiers.words import Words
from safety.core.errors import Misconfigured
from safety.core.types import Label

GATE = 0.997
"""Share of the turns that call for something which the cheap reader must hand on."""

_TALK = 10
_AGGRESSION = frozenset({Label.AGGRESSION_BY_CLIENT, Label.AGGRESSION_BY_OTHER})


@dataclass(frozen=True, slots=True)
class Plan:
    """What to build and from what. `data` None: the corpus alone. `corpus_share`: of its training
    part, for a learning curve."""

    out: Path
    work: Path
    today: date
    data: Path | None = None
    base: Path | None = None
    recipe: Recipe = field(default_factory=Recipe)
    corpus_share: float = 1.0
    everyday: int = 6_000
    psysuicide: bool = True


@dataclass
class Lessons:
    """Everything to learn from, and what the thresholds are chosen on."""

    train: list[Example]
    development: list[Example]


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
    plan.work.mkdir(parents=True, exist_ok=True)
    plan.out.mkdir(parents=True, exist_ok=True)
    linear = fit_linear(lessons.train, plan.recipe.seed)
    linear.save(plan.out / "linear.npz")
    return finish(plan, learned(plan, lessons, told), linear, lessons, lexicon)


def learned(plan: Plan, lessons: Lessons, told: Progress) -> Net:
    """A net that has learned the lessons, or the one that a run before this one left behind."""
    plan.work.mkdir(parents=True, exist_ok=True)
    plan.out.mkdir(parents=True, exist_ok=True)
    net = start(plan)
    done, still = plan.work / "net.pt", plan.work / "reader.pt"
    if done.is_file():
        net.load(done)
        return net
    if still.is_file():
        net.load(still)
    else:
        fit_reader(net, lessons.train, plan.recipe, told)
        net.save(still)
    fit_all(net, lessons.train, plan.recipe, told)
    net.save(done)
    return net


def finish(
    plan: Plan, net: Net, linear: LinearReader, lessons: Lessons, lexicon: LexiconClassifier
) -> dict[str, Any]:
    """Calibrate on the development part and write the folder."""
    export(net, plan.out)
    development = lessons.development
    gate = gate_of(linear, development)
    trained = calibration(logits_of(net, development), development, gate)
    cheap = calibration(
        [np.stack([linear.logits(View(text)) for text in item.texts]) for item in development],
        development,
        gate,
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


def gate_of(linear: LinearReader, examples: Sequence[Example]) -> float:
    """The logit from which the cheap reader hands a message on, so that nearly every turn that
    calls for something is handed on."""
    tops = [
        float(linear.logits(View(text)).max())
        for example in examples
        for text, wanted in zip(example.texts, example.wanted, strict=True)
        if wanted.any()
    ]
    return float(np.quantile(tops, 1.0 - GATE))


def _digest(folder: Path) -> str:
    held = hashlib.sha256()
    for name in ("encoder.onnx", "reader.onnx", "linear.npz"):
        held.update((folder / name).read_bytes())
    return held.hexdigest()[:8]


def gather(plan: Plan, lexicon: LexiconClassifier) -> Lessons:
    """The corpus and, where there are any, the public sets."""
    train = of_corpus(share_of(read_part("train"), plan.corpus_share, plan.recipe.seed), lexicon)
    if plan.data is not None and plan.psysuicide:
        train += of_psysuicide(sources.psysuicide(plan.data), lexicon)
    if plan.data is not None:
        rng = random.Random(plan.recipe.seed)
        talks = _talks(sources.everyday(plan.data), plan.everyday, rng)
        train += of_everyday(talks, lexicon, frozenset())
        talks = _talks(sources.posts(plan.data), plan.everyday // 4, rng)
        train += of_everyday(talks, lexicon, _AGGRESSION)
    return Lessons(train, of_corpus(read_part("development"), lexicon))


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


def start(plan: Plan) -> Net:
    """An encoder to begin with: the packed one, or a folder of the caller's."""
    if plan.base is not None:
        return _from_folder(plan)
    packed = e5.read(e5.find())
    kept_file = plan.work / "kept.json"
    if kept_file.is_file():
        kept = json.loads(kept_file.read_text())
    else:
        kept = vocabulary.chosen(packed, _texts(plan))
        kept_file.write_text(json.dumps(kept))
    vocabulary.pruned(packed, kept).save(str(plan.out / "words.json"))
    shape = packed.shape
    config = BertConfig(  # type: ignore[call-arg]
        vocab_size=len(kept),
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.inner,
        max_position_embeddings=shape.positions,
        type_vocab_size=2,
        layer_norm_eps=shape.epsilon,
        pad_token_id=vocabulary.PAD,
        hidden_dropout_prob=0.05,
        attention_probs_dropout_prob=0.0,
        attn_implementation="eager",
    )
    net = Net.fresh(config, Words(plan.out / "words.json"), plan.recipe.sizes, plan.recipe.seed)
    weights = e5.bert_weights(packed, kept)
    net.encoder.bert.load_state_dict(
        {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in weights.items()}
    )
    return net


def _texts(plan: Plan) -> Iterator[str]:
    for part in ("train", "development"):
        for dialogue in read_part(part):
            yield from (line.text for line in dialogue.lines)
    if plan.data is None:
        return
    yield from sources.everyday(plan.data)
    yield from sources.posts(plan.data)
    for name in ("smile", "cpsycound", "emollm_roleplay", "mdd5k"):
        for number, turns in enumerate(sources.dialogues(plan.data, name)):
            if number % 6 == 0:
                yield from (text for _, text in turns)


def _from_folder(plan: Plan) -> Net:
    assert plan.base is not None
    words = plan.base / "tokenizer.json"
    if not words.is_file():
        raise Misconfigured(f"{plan.base}: there is no tokenizer.json")
    config = AutoConfig.from_pretrained(
        plan.base, local_files_only=True, attn_implementation="eager"
    )
    if not isinstance(config, BertConfig):
        raise Misconfigured(
            f"{plan.base}: only BERT encoders can be trained, not {config.model_type}"
        )
    (plan.out / "words.json").write_bytes(words.read_bytes())
    net = Net.fresh(config, Words(plan.out / "words.json"), plan.recipe.sizes, plan.recipe.seed)
    net.encoder.bert = net.encoder.bert.from_pretrained(
        plan.base, config=config, add_pooling_layer=False, local_files_only=True
    )
    return net
