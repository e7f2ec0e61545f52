"""Learning the n-gram weights of the cheap reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from classifiers.linear import OUTPUTS, LinearReader, grams
from classifiers.text import View
from classifiers.training.examples import Example
from classifiers.training.fit import lesson_loss, positives_weigh

KNOWN = 60_000
"""n-grams kept, those that stand in most messages."""

LEAST = 3
"""An n-gram in fewer messages than this is not kept."""


def fit_linear(
    examples: Sequence[Example], seed: int, passes: int = 8, decay: float = 2e-6
) -> LinearReader:
    """Weights for every output, by AdaGrad over shuffled messages."""
    texts = [text for example in examples for text in example.texts]
    sets = [grams(View(text)) for text in texts]
    counts = Counter(gram for held in sets for gram in held)
    known = [
        gram for gram, count in counts.most_common(KNOWN) if count >= LEAST and "\n" not in gram
    ]
    place = {gram: number for number, gram in enumerate(known)}
    rows = [[place[gram] for gram in held if gram in place] for held in sets]
    wanted = torch.from_numpy(np.concatenate([example.wanted for example in examples]))
    given = torch.from_numpy(np.concatenate([example.known for example in examples]))
    weights = positives_weigh(examples, 3.0)
    torch.manual_seed(seed)
    bag = nn.EmbeddingBag(len(known), OUTPUTS, mode="sum")
    nn.init.zeros_(bag.weight)
    bias = nn.Parameter(torch.full((OUTPUTS,), -3.0))
    optimizer = torch.optim.Adagrad([*bag.parameters(), bias], lr=0.15)
    order = torch.Generator().manual_seed(seed)
    for _ in range(passes):
        for batch in torch.randperm(len(rows), generator=order).split(512):
            chosen = [rows[index] for index in batch.tolist()]
            lengths = torch.tensor([len(row) for row in chosen])
            offsets = torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)[:-1]])
            flat = torch.tensor([number for row in chosen for number in row], dtype=torch.long)
            summed = bag(flat, offsets) / lengths.clamp(min=1).sqrt().unsqueeze(1)
            loss = lesson_loss(summed + bias, wanted[batch], given[batch], weights, 0.0)
            loss = loss + decay * bag.weight.square().sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return LinearReader(known, bag.weight.detach().numpy(), bias.detach().numpy())
