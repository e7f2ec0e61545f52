"""Learning: first the readers over a still encoder, then everything, gently."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from classifiers.features import LEVELS, LEXICON, WIDTH
from classifiers.training.base import Base
from classifiers.training.examples import OUTPUTS, Example
from classifiers.training.network import Block, MessageEncoder, Sizes, TurnReader, windows
from classifiers.words import Words

Progress = Callable[[str, int, int, float], None]
"""Stage, step, steps in all, mean loss since the last call."""

_STILL_BLOCK = 4_000
"""Pieces read together, padding included, where nothing is learned."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to learn. Rates are those of AdamW; `pieces` is what a step of learning holds, padding
    included: small steps, or the reader learns to say what is usual and little else."""

    seed: int = 7
    head_passes: int = 5
    passes: int = 4
    pieces: int = 1_200
    head_rate: float = 1e-3
    all_rate: float = 5e-4
    encoder_rate: float = 1e-4
    layer_decay: float = 0.9
    forget_lexicon: float = 0.25
    smooth: float = 0.01
    weigh: float = 2.0
    whole: float = 0.0
    sizes: Sizes = field(default_factory=Sizes)


@dataclass
class Net:
    """Both halves and the vocabulary that the first one reads by."""

    words: Words
    encoder: MessageEncoder
    reader: TurnReader

    @classmethod
    def over(cls, base: Base, words: Words, sizes: Sizes, seed: int) -> Net:
        """A net with a new reader over an encoder that can read already."""
        torch.manual_seed(seed)
        net = cls(words, MessageEncoder(base.shape, sizes), TurnReader(sizes))
        base.fill(net.encoder)
        return net

    def save(self, path: Path) -> None:
        """Write the weights; whole or not at all."""
        states = {"encoder": self.encoder.state_dict(), "reader": self.reader.state_dict()}
        torch.save(states, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def load(self, path: Path) -> None:
        """Read weights that `save` wrote."""
        states = torch.load(path, weights_only=True)
        self.encoder.load_state_dict(states["encoder"])
        self.reader.load_state_dict(states["reader"])

    def train(self, learning: bool = True) -> None:
        """Switch dropout on or off."""
        self.encoder.train(learning)
        self.reader.train(learning)

    def parameters(self) -> Iterator[nn.Parameter]:
        """Of both halves."""
        yield from self.encoder.parameters()
        yield from self.reader.parameters()


Pieces = Mapping[str, list[int]]
"""Every text's pieces."""


def cut(net: Net, examples: Iterable[Example]) -> Pieces:
    """The pieces of all texts."""
    texts = sorted({text for example in examples for text in example.texts})
    return dict(zip(texts, net.words.cut(texts), strict=True))


def block_of(batch: Sequence[Example], pieces: Pieces) -> Block:
    """Conversations side by side."""
    talks = [[pieces[text] for text in example.texts] for example in batch]
    longest = max(sum(map(len, talk)) for talk in talks)
    turns = max(map(len, talks))
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    place = torch.ones(len(batch), longest, dtype=torch.long)
    turn = torch.full((len(batch), longest), -1)
    beside = torch.zeros(len(batch), turns, WIDTH)
    for row, (example, talk) in enumerate(zip(batch, talks, strict=True)):
        size = sum(map(len, talk))
        ids[row, :size] = torch.tensor([piece for held in talk for piece in held])
        place[row, :size] = torch.cat([torch.arange(len(held)) for held in talk])
        turn[row, :size] = torch.arange(len(talk)).repeat_interleave(
            torch.tensor([len(held) for held in talk])
        )
        beside[row, : len(talk)] = torch.from_numpy(example.beside)
    return Block(ids, place, turn, beside, [len(talk) for talk in talks])


def batches(
    examples: Sequence[Example], pieces: Pieces, most: int, rng: random.Random
) -> list[list[Example]]:
    """Conversations of about one length together, at most `most` pieces with the padding; their
    order is by chance."""

    def length(example: Example) -> int:
        return sum(len(pieces[text]) for text in example.texts)

    found: list[list[Example]] = []
    longest = 0
    for example in sorted(examples, key=lambda example: length(example) * (1 + rng.random() / 7)):
        longest = max(longest, length(example))
        if not found or longest * (len(found[-1]) + 1) > most:
            found.append([])
            longest = length(example)
        found[-1].append(example)
    rng.shuffle(found)
    return found


def lesson_loss(
    logits: Tensor, wanted: Tensor, known: Tensor, weights: Tensor, smooth: float
) -> Tensor:
    """Cross-entropy where something is known, rare positives weighing more."""
    target = wanted * (1.0 - smooth) + (1.0 - wanted) * smooth * 0.25
    each = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    scale = known * (1.0 + (weights - 1.0) * wanted)
    return (each * scale).sum() / known.sum().clamp(min=1.0) * OUTPUTS


def whole_loss(logits: Tensor, wanted: Tensor, known: Tensor, lengths: list[int]) -> Tensor:
    """Cross-entropy of whole conversations: the most urgent turn of each, as far as the model goes,
    against the most urgent one written, for each level."""
    levels = slice(-len(LEVELS), None)
    terms = []
    for rows, there, given in zip(
        logits[:, levels].split(lengths),
        wanted[:, levels].split(lengths),
        known[:, levels].split(lengths),
        strict=True,
    ):
        if not given.any():
            continue
        tops = (rows - (1.0 - given) * 1e4).amax(0)
        terms.append(nn.functional.binary_cross_entropy_with_logits(tops, (there * given).amax(0)))
    return torch.stack(terms).mean() * len(LEVELS) if terms else logits.sum() * 0.0


def positives_weigh(examples: Sequence[Example], most: float) -> Tensor:
    """The rarer an output, the more its positives weigh, up to `most`."""
    wanted = np.concatenate([example.wanted * example.known for example in examples]).sum(0)
    usual = np.median(wanted)
    return torch.tensor(np.clip(np.sqrt(usual / np.maximum(wanted, 1.0)), 1.0, most)).float()


def _stack(batch: Sequence[Example], name: str) -> Tensor:
    parts: list[npt.NDArray[np.float32]] = [getattr(example, name) for example in batch]
    return torch.from_numpy(np.concatenate(parts))


def _forgetting(beside: Tensor, share: float, rng: random.Random) -> Tensor:
    """Now and then a lesson without the lexicon, so that the words are learned too."""
    if rng.random() < share:
        beside = beside.clone()
        beside[..., LEXICON] = 0.0
    return beside


@dataclass
class _Lesson:
    """What every step of learning needs: loss, its gradient, one move."""

    net: Net
    recipe: Recipe
    weights: Tensor
    optimizer: torch.optim.Optimizer

    def learn(self, batch: Sequence[Example], vectors: Tensor, beside: Tensor) -> float:
        lengths = [len(example.texts) for example in batch]
        logits = self.net.reader(windows(vectors, lengths), windows(beside, lengths))
        wanted, known = _stack(batch, "wanted"), _stack(batch, "known")
        loss = lesson_loss(logits, wanted, known, self.weights, self.recipe.smooth)
        if self.recipe.whole:
            loss = loss + self.recipe.whole * whole_loss(logits, wanted, known, lengths)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        return loss.item()


def fit_reader(net: Net, examples: Sequence[Example], recipe: Recipe, told: Progress) -> None:
    """Cheap passes over a still encoder, whose states are worked out once."""
    rng = random.Random(recipe.seed)
    pieces = cut(net, examples)
    pooled = _pooled(net, examples, pieces, told)
    net.encoder.get_used_to(torch.cat(list(pooled.values())))
    heads = [*net.encoder.map.parameters(), *net.reader.parameters()]
    optimizer = torch.optim.AdamW(heads, recipe.head_rate, weight_decay=0.01)
    lesson = _Lesson(net, recipe, positives_weigh(examples, recipe.weigh), optimizer)
    net.train()
    for number in range(recipe.head_passes):
        for group in optimizer.param_groups:
            group["lr"] = recipe.head_rate * (1.0 - number / recipe.head_passes)
        losses = []
        for batch in batches(examples, pieces, 3 * recipe.pieces, rng):
            vectors = net.encoder.mapped(torch.cat([pooled[example.id] for example in batch]))
            beside = _forgetting(_stack(batch, "beside"), recipe.forget_lexicon, rng)
            losses.append(lesson.learn(batch, vectors, beside))
        told("reader", number + 1, recipe.head_passes, float(np.mean(losses)))


@torch.no_grad()
def _pooled(
    net: Net, examples: Sequence[Example], pieces: Pieces, told: Progress
) -> dict[str, Tensor]:
    net.train(learning=False)
    found: dict[str, Tensor] = {}
    held = batches(examples, pieces, _STILL_BLOCK, random.Random(0))
    for number, batch in enumerate(held):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rows = net.encoder.pooled(block_of(batch, pieces))
        each = rows.float().split([len(example.texts) for example in batch])
        found |= {example.id: part.clone() for example, part in zip(batch, each, strict=True)}
        told("states", number + 1, len(held), 0.0)
    return found


def fit_all(net: Net, examples: Sequence[Example], recipe: Recipe, told: Progress) -> None:
    """Passes through both halves; lower layers move less."""
    rng = random.Random(recipe.seed + 1)
    torch.manual_seed(recipe.seed + 1)
    pieces = cut(net, examples)
    optimizer = torch.optim.AdamW(_groups(net, recipe), weight_decay=0.01)
    lesson = _Lesson(net, recipe, positives_weigh(examples, recipe.weigh), optimizer)
    rates = [group["lr"] for group in optimizer.param_groups]
    steps = recipe.passes * len(batches(examples, pieces, recipe.pieces, random.Random(0)))
    net.train()
    done, losses = 0, []
    for _ in range(recipe.passes):
        for batch in batches(examples, pieces, recipe.pieces, rng):
            scale = _rate_scale(done, steps)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * scale
            block = block_of(batch, pieces)
            beside = _forgetting(block.beside, recipe.forget_lexicon, rng)
            block = Block(block.ids, block.place, block.turn, beside, block.lengths)
            # half precision: nearly three times as fast on processors that have it
            with torch.autocast("cpu", dtype=torch.bfloat16):
                pooled = net.encoder.pooled(block)
            vectors = net.encoder.mapped(pooled.float())
            rows = torch.cat([beside[row, :size] for row, size in enumerate(block.lengths)])
            losses.append(lesson.learn(batch, vectors, rows))
            done += 1
            if done % 20 == 0:
                told("all", min(done, steps), steps, float(np.mean(losses)))
                losses = []


def _rate_scale(done: int, steps: int) -> float:
    """Warm up over the first twentieth, then fall along a cosine."""
    warm = max(1, steps // 20)
    if done < warm:
        return (done + 1) / warm
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, (done - warm) / max(1, steps - warm)))) + 0.01


def _groups(net: Net, recipe: Recipe) -> list[dict[str, object]]:
    encoder = net.encoder
    layers = list(encoder.layers)
    new = [*encoder.map.parameters(), *encoder.beside.parameters(), *net.reader.parameters()]
    groups: list[dict[str, object]] = [{"params": new, "lr": recipe.all_rate}]
    for depth, layer in enumerate(layers):
        rate = recipe.encoder_rate * recipe.layer_decay ** (len(layers) - 1 - depth)
        old = [value for name, value in layer.named_parameters() if name != "before"]
        groups.append({"params": old, "lr": rate})
        groups.append({"params": [layer.before], "lr": recipe.all_rate})
    entry = (encoder.words, encoder.positions, encoder.norm)
    rate = recipe.encoder_rate * recipe.layer_decay ** len(layers)
    groups.append({"params": [value for part in entry for value in part.parameters()], "lr": rate})
    return groups


@torch.no_grad()
def logits_of(
    net: Net, examples: Sequence[Example], *, lexicon: bool = True
) -> list[npt.NDArray[np.float32]]:
    """Logits (turns, labels + levels) of each example; without the lexicon on request."""
    net.train(learning=False)
    pieces = cut(net, examples)
    found: dict[str, npt.NDArray[np.float32]] = {}
    for batch in batches(examples, pieces, _STILL_BLOCK, random.Random(0)):
        block = block_of(batch, pieces)
        if not lexicon:
            block.beside[..., LEXICON] = 0.0
        vectors = net.encoder(block)
        rows = torch.cat([block.beside[row, :size] for row, size in enumerate(block.lengths)])
        logits = net.reader(windows(vectors, block.lengths), windows(rows, block.lengths))
        for example, part in zip(batch, logits.split(block.lengths), strict=True):
            found[example.id] = part.numpy()
    return [found[example.id] for example in examples]
