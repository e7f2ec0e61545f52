"""The trained reader in torch: an encoder of one message, and a reader of the turns around it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from classifiers.features import CONTEXT, LABELS, LEVELS, WIDTH

VECTOR = 192
"""Numbers by which one message is remembered."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of the reader: width of its memory and of its last layer; share of values dropped."""

    memory: int = 256
    last: int = 256
    drop: float = 0.2


class MessageEncoder(nn.Module):
    """Pieces to one vector a message: mean and maximum over the pieces, then a linear map."""

    middle: Tensor
    spread: Tensor

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.bert = BertModel(config, add_pooling_layer=False)
        self.register_buffer("middle", torch.zeros(2 * config.hidden_size))
        self.register_buffer("spread", torch.ones(2 * config.hidden_size))
        self.map = nn.Linear(2 * config.hidden_size, VECTOR)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """`ids`, `mask`: (messages, pieces), int64; returns (messages, VECTOR)."""
        return self.mapped(self.pooled(ids, mask))

    def pooled(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Mean and maximum of the pieces' last states, (messages, 2 x hidden width)."""
        hidden = self.bert(ids, attention_mask=mask).last_hidden_state
        there = mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * there).sum(1) / there.sum(1).clamp(min=1.0)
        return torch.cat([mean, (hidden - (1.0 - there) * 1e4).amax(1)], 1)

    def mapped(self, pooled: Tensor) -> Tensor:
        """The vector of a message from its pooled states, each taken against what is usual."""
        return torch.tanh(self.map((pooled - self.middle) / self.spread))

    def get_used_to(self, pooled: Tensor) -> None:
        """Take the mean and spread of these states for what is usual. The states of a sentence
        encoder point nearly all one way; what tells messages apart is the small rest."""
        self.middle.copy_(pooled.mean(0))
        self.spread.copy_(pooled.std(0).clamp(min=1e-4))


class TurnReader(nn.Module):
    """Vectors and numbers of the last turns to what the last of them calls for."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        wide = VECTOR + WIDTH
        self.drop = nn.Dropout(sizes.drop)
        self.enter = nn.Linear(wide, sizes.memory)
        self.memory = nn.GRU(sizes.memory, sizes.memory, batch_first=True)
        self.last = nn.Linear(sizes.memory + wide, sizes.last)
        self.out = nn.Linear(sizes.last, len(LABELS) + len(LEVELS))

    def forward(self, vectors: Tensor, beside: Tensor) -> Tensor:
        """(windows, CONTEXT + 1, VECTOR) and (…, WIDTH), oldest turn first, empty ones zero;
        returns logits (windows, labels + levels), the levels' cumulative: at least that urgent."""
        turns = torch.cat([vectors, beside], 2)
        entered = torch.relu(self.enter(self.drop(turns)))
        memory, _ = self.memory(entered)
        both = torch.cat([memory[:, -1], turns[:, -1]], 1)
        return self.out(self.drop(torch.relu(self.last(self.drop(both)))))


def windows(vectors: Tensor, lengths: list[int]) -> Tensor:
    """Every turn's window, (turns, CONTEXT + 1, width), from the rows of whole conversations."""
    padded = []
    at = 0
    for length in lengths:
        rows = vectors[at : at + length]
        front = rows.new_zeros(CONTEXT, rows.shape[1])
        padded.append(torch.cat([front, rows]).unfold(0, CONTEXT + 1, 1).transpose(1, 2))
        at += length
    return torch.cat(padded)
