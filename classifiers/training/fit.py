"""Learning: first the reader over a still encoder, then everything, gently."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from transformers import BertConfig

from classifiers.features import LEXICON
from classifiers.training.examples import OUTPUTS, Example
from classifiers.training.network import MessageEncoder, Sizes, TurnReader, windows
from classifiers.words import Words

Progress = Callable[[str, int, int, float], None]
"""Stage, step, steps in all, mean loss since the last call."""

PAD = 1
_CHUNK = 24
"""Messages encoded together in a lesson: small blocks hold little padding."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to learn. Rates are those of AdamW; `turns` is about how many a step sees."""

    seed: int = 7
    head_passes: int = 12
    passes: int = 2
    turns: int = 48
    head_rate: float = 1e-3
    head_after: float = 0.1
    encoder_rate: float = 3e-5
    layer_decay: float = 0.9
    still_layers: int = 6
    forget_lexicon: float = 0.3
    smooth: float = 0.02
    weigh: float = 2.0
    sizes: Sizes = field(default_factory=Sizes)


@dataclass
class Net:
    """Both halves and the vocabulary that the first one reads by."""

    config: BertConfig
    words: Words
    encoder: MessageEncoder
    reader: TurnReader

    @classmethod
    def fresh(cls, config: BertConfig, words: Words, sizes: Sizes, seed: int) -> Net:
        """A net with a new reader; the encoder's weights are the caller's to load."""
        torch.manual_seed(seed)
        return cls(config, words, MessageEncoder(config), TurnReader(sizes))

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


def batched(cut: Sequence[list[int]]) -> tuple[Tensor, Tensor]:
    """Pieces of several messages as one block with its mask."""
    longest = max(map(len, cut))
    ids = torch.full((len(cut), longest), PAD)
    mask = torch.zeros((len(cut), longest), dtype=torch.long)
    for row, pieces in enumerate(cut):
        ids[row, : len(pieces)] = torch.tensor(pieces)
        mask[row, : len(pieces)] = 1
    return ids, mask


def encoded(net: Net, cut: Sequence[list[int]]) -> Tensor:
    """Vectors of messages, short ones read together, in the order given."""
    order = sorted(range(len(cut)), key=lambda index: len(cut[index]))
    parts = [
        net.encoder(*batched([cut[index] for index in order[at : at + _CHUNK]]))
        for at in range(0, len(order), _CHUNK)
    ]
    back = torch.empty(len(order), dtype=torch.long)
    back[torch.tensor(order)] = torch.arange(len(order))
    return torch.cat(parts)[back]


def lesson_loss(
    logits: Tensor, wanted: Tensor, known: Tensor, weights: Tensor, smooth: float
) -> Tensor:
    """Cross-entropy where something is known, rare positives weighing more."""
    target = wanted * (1.0 - smooth) + (1.0 - wanted) * smooth * 0.25
    each = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    scale = known * (1.0 + (weights - 1.0) * wanted)
    return (each * scale).sum() / known.sum().clamp(min=1.0) * OUTPUTS


def positives_weigh(examples: Sequence[Example], most: float) -> Tensor:
    """The rarer an output, the more its positives weigh, up to `most`."""
    wanted = np.concatenate([example.wanted * example.known for example in examples]).sum(0)
    usual = np.median(wanted)
    return torch.tensor(np.clip(np.sqrt(usual / np.maximum(wanted, 1.0)), 1.0, most)).float()


def _batches(
    examples: Sequence[Example], turns: int, rng: random.Random
) -> Iterator[list[Example]]:
    order = list(examples)
    rng.shuffle(order)
    batch: list[Example] = []
    size = 0
    for example in order:
        batch.append(example)
        size += len(example.texts)
        if size >= turns:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _stack(batch: Sequence[Example], name: str) -> Tensor:
    parts: list[npt.NDArray[np.float32]] = [getattr(example, name) for example in batch]
    return torch.from_numpy(np.concatenate(parts))


def _forgetting(beside: Tensor, share: float, rng: random.Random) -> Tensor:
    """Now and then a lesson without the lexicon, so that the words are learned too."""
    if rng.random() < share:
        beside = beside.clone()
        beside[:, LEXICON] = 0.0
    return beside


def _step(
    net: Net,
    vectors: Tensor,
    batch: Sequence[Example],
    weights: Tensor,
    recipe: Recipe,
    rng: random.Random,
) -> Tensor:
    lengths = [len(example.texts) for example in batch]
    beside = _forgetting(_stack(batch, "beside"), recipe.forget_lexicon, rng)
    logits = net.reader(windows(vectors, lengths), windows(beside, lengths))
    wanted, known = _stack(batch, "wanted"), _stack(batch, "known")
    return lesson_loss(logits, wanted, known, weights, recipe.smooth)


def fit_reader(net: Net, examples: Sequence[Example], recipe: Recipe, told: Progress) -> None:
    """Many cheap passes over a still encoder, whose states are worked out once."""
    rng = random.Random(recipe.seed)
    texts = sorted({text for example in examples for text in example.texts})
    place = {text: index for index, text in enumerate(texts)}
    pooled = _pooled(net, net.words.cut(texts), told)
    weights = positives_weigh(examples, recipe.weigh)
    net.encoder.get_used_to(pooled)
    optimizer = torch.optim.AdamW(
        [*net.encoder.map.parameters(), *net.reader.parameters()],
        recipe.head_rate,
        weight_decay=0.01,
    )
    net.reader.train()
    for number in range(recipe.head_passes):
        total, steps = 0.0, 0
        for group in optimizer.param_groups:
            group["lr"] = recipe.head_rate * (1.0 - number / recipe.head_passes)
        for batch in _batches(examples, 4 * recipe.turns, rng):
            rows = torch.tensor([place[text] for example in batch for text in example.texts])
            vectors = net.encoder.mapped(pooled[rows])
            loss = _step(net, vectors, batch, weights, recipe, rng)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total, steps = total + loss.item(), steps + 1
        told("reader", number + 1, recipe.head_passes, total / steps)


@torch.no_grad()
def _pooled(net: Net, cut: Sequence[list[int]], told: Progress) -> Tensor:
    net.encoder.eval()
    order = sorted(range(len(cut)), key=lambda index: len(cut[index]))
    found = torch.empty(len(cut), 2 * net.config.hidden_size)
    for at in range(0, len(order), 256):
        rows = order[at : at + 256]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found[rows] = net.encoder.pooled(*batched([cut[row] for row in rows])).float()
        if at % 5120 == 0:
            told("states", at, len(order), 0.0)
    return found


def fit_all(
    net: Net,
    examples: Sequence[Example],
    recipe: Recipe,
    told: Progress,
) -> None:
    """A few gentle passes through both halves; lower layers move less or, `still_layers`, not."""
    rng = random.Random(recipe.seed + 1)
    torch.manual_seed(recipe.seed + 1)
    weights = positives_weigh(examples, recipe.weigh)
    cut = {
        text: pieces
        for texts in [sorted({text for example in examples for text in example.texts})]
        for text, pieces in zip(texts, net.words.cut(texts), strict=True)
    }
    optimizer = torch.optim.AdamW(_groups(net, recipe), weight_decay=0.01)
    rates = [group["lr"] for group in optimizer.param_groups]
    total = sum(len(example.texts) for example in examples)
    steps = recipe.passes * math.ceil(total / recipe.turns)
    net.encoder.train()
    net.reader.train()
    done, running = 0, 0.0
    for _ in range(recipe.passes):
        for batch in _batches(examples, recipe.turns, rng):
            scale = _rate_scale(done, steps)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * scale
            # half precision: nearly three times as fast on processors that have it
            with torch.autocast("cpu", dtype=torch.bfloat16):
                vectors = encoded(net, [cut[text] for example in batch for text in example.texts])
            vectors = vectors.float()
            loss = _step(net, vectors, batch, weights, recipe, rng)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([*net.encoder.parameters(), *net.reader.parameters()], 1.0)
            optimizer.step()
            done += 1
            running += loss.item()
            if done % 20 == 0:
                told("all", done, steps, running / 20)
                running = 0.0


def _rate_scale(done: int, steps: int) -> float:
    """Warm up over the first twentieth, then fall along a cosine."""
    warm = max(1, steps // 20)
    if done < warm:
        return (done + 1) / warm
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, (done - warm) / max(1, steps - warm)))) + 0.01


def _groups(net: Net, recipe: Recipe) -> list[dict[str, object]]:
    bert = net.encoder.bert
    layers = list(bert.encoder.layer)
    for layer in layers[: recipe.still_layers]:
        layer.requires_grad_(False)
    if recipe.still_layers:
        bert.embeddings.requires_grad_(False)
    groups: list[dict[str, object]] = []
    for depth, layer in enumerate(layers[recipe.still_layers :], recipe.still_layers):
        rate = recipe.encoder_rate * recipe.layer_decay ** (len(layers) - 1 - depth)
        groups.append({"params": list(layer.parameters()), "lr": rate})
    if not recipe.still_layers:
        rate = recipe.encoder_rate * recipe.layer_decay ** len(layers)
        groups.append({"params": list(bert.embeddings.parameters()), "lr": rate})
    heads = [*net.encoder.map.parameters(), *net.reader.parameters()]
    groups.append({"params": heads, "lr": recipe.head_rate * recipe.head_after})
    return groups


@torch.no_grad()
def logits_of(
    net: Net, examples: Sequence[Example], *, lexicon: bool = True
) -> list[npt.NDArray[np.float32]]:
    """Logits (turns, labels + levels) of each example; without the lexicon on request."""
    net.encoder.eval()
    net.reader.eval()
    texts = sorted({text for example in examples for text in example.texts})
    place = {text: index for index, text in enumerate(texts)}
    vectors = encoded(net, net.words.cut(texts))
    found = []
    for example in examples:
        rows = vectors[[place[text] for text in example.texts]]
        beside = torch.from_numpy(example.beside).clone()
        if not lexicon:
            beside[:, LEXICON] = 0.0
        lengths = [len(example.texts)]
        found.append(net.reader(windows(rows, lengths), windows(beside, lengths)).numpy())
    return found
