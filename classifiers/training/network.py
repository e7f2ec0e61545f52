"""The trained reader in torch: messages encoded in the light of the turn before, and a memory of
the turns around them.

An encoder of the BERT family, with one change: in its upper four layers a message looks at its own
pieces and at those of the turn before it, by a weight that is learned. What the last layer makes of
a message so depends on the four turns before it and on nothing later. A turn is encoded once; the
next one needs its keys and values, not its text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from classifiers.features import CONTEXT, LABELS, LEVELS, REACH, WIDTH

VECTOR = 256
"""Numbers by which one message is remembered."""

BEFORE = -2.0
"""What attention to the turn before starts with: the encoder was brought up on single texts."""

_NEVER = -1e4


@dataclass(frozen=True, slots=True)
class Shape:
    """Of an encoder: numbers a piece, layers, heads, inner width, pieces known, positions."""

    hidden: int
    layers: int
    heads: int
    inner: int
    pieces: int
    positions: int
    epsilon: float = 1e-12


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of the memory and of the last layer; share of values dropped in the encoder and after it."""

    memory: int = 256
    last: int = 256
    drop_encoder: float = 0.05
    drop: float = 0.15


@dataclass(frozen=True, slots=True)
class Block:
    """Conversations side by side. `ids`, `place` (in its turn), `turn` (-1: padding): (talks,
    pieces), int64; `beside`: (talks, turns, WIDTH); `lengths`: turns of each."""

    ids: Tensor
    place: Tensor
    turn: Tensor
    beside: Tensor
    lengths: list[int]


class Layer(nn.Module):
    """One layer of BERT, whose attention also reaches the turn before."""

    def __init__(self, shape: Shape, drop: float) -> None:
        super().__init__()
        self.heads = shape.heads
        self.query = nn.Linear(shape.hidden, shape.hidden)
        self.key = nn.Linear(shape.hidden, shape.hidden)
        self.value = nn.Linear(shape.hidden, shape.hidden)
        self.dense = nn.Linear(shape.hidden, shape.hidden)
        self.norm = nn.LayerNorm(shape.hidden, shape.epsilon)
        self.inner = nn.Linear(shape.hidden, shape.inner)
        self.outer = nn.Linear(shape.inner, shape.hidden)
        self.last_norm = nn.LayerNorm(shape.hidden, shape.epsilon)
        self.before = nn.Parameter(torch.full((shape.heads,), BEFORE))
        self.drop = nn.Dropout(drop)

    def forward(self, states: Tensor, own: Tensor, near: Tensor) -> Tensor:
        """`own`, `near`: (talks, pieces, pieces), whether one piece stands in the same turn as
        another, and whether in the turn after it."""
        keys, values = self.key(states), self.value(states)
        bias = near.unsqueeze(1) * self.before.view(1, -1, 1, 1)
        bias = bias.masked_fill(~(own | near).unsqueeze(1), _NEVER)
        return self._with(states, keys, values, bias)

    def step(self, states: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One turn, with keys and values of the one before: (1, its pieces, hidden)."""
        own_keys, own_values = self.key(states), self.value(states)
        before = self.before.view(1, -1, 1, 1).expand(-1, -1, -1, keys.shape[1])
        here = torch.zeros_like(self.before).view(1, -1, 1, 1).expand(-1, -1, -1, states.shape[1])
        bias = torch.cat([before, here], 3)
        keys, values = torch.cat([keys, own_keys], 1), torch.cat([values, own_values], 1)
        return self._with(states, keys, values, bias), own_keys, own_values

    def _with(self, states: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
        query = self._split(self.query(states))
        scale = 1.0 / math.sqrt(query.shape[-1])
        found = torch.matmul(query, self._split(keys).transpose(2, 3)) * scale + bias
        mixed = torch.matmul(found.softmax(-1), self._split(values))
        states = self.norm(states + self.drop(self.dense(mixed.transpose(1, 2).flatten(2))))
        wide = nn.functional.gelu(self.inner(states))
        return self.last_norm(states + self.drop(self.outer(wide)))

    def _split(self, rows: Tensor) -> Tensor:
        return rows.view(rows.shape[0], rows.shape[1], self.heads, -1).transpose(1, 2)


class MessageEncoder(nn.Module):
    """Pieces to one vector a turn: first state, mean and maximum, then a linear map."""

    middle: Tensor
    spread: Tensor

    def __init__(self, shape: Shape, sizes: Sizes) -> None:
        super().__init__()
        self.words = nn.Embedding(shape.pieces, shape.hidden)
        self.positions = nn.Embedding(shape.positions, shape.hidden)
        self.norm = nn.LayerNorm(shape.hidden, shape.epsilon)
        self.beside = nn.Linear(WIDTH, shape.hidden)
        nn.init.normal_(self.beside.weight, std=0.01)
        nn.init.zeros_(self.beside.bias)
        self.layers = nn.ModuleList(Layer(shape, sizes.drop_encoder) for _ in range(shape.layers))
        self.reach = min(REACH, shape.layers)
        self.map = nn.Linear(3 * shape.hidden, VECTOR)
        self.register_buffer("middle", torch.zeros(3 * shape.hidden))
        self.register_buffer("spread", torch.ones(3 * shape.hidden))

    def forward(self, block: Block) -> Tensor:
        """One vector a turn, (turns of all talks, VECTOR)."""
        return self.mapped(self.pooled(block))

    def pooled(self, block: Block) -> Tensor:
        """First state, mean and maximum of every turn's pieces, (turns, 3 x hidden)."""
        turn = block.turn
        states = self._entered(block.ids, block.place)
        first = (block.place == 0) & (turn >= 0)
        spread = turn.clamp(min=0).unsqueeze(-1).expand(-1, -1, states.shape[-1])
        states = states + first.unsqueeze(-1) * self.beside(block.beside).gather(1, spread)
        apart = turn[:, :, None] - turn[:, None, :]
        there = (turn >= 0)[:, None, :]
        # a padded piece looks at itself, or its row would be empty
        own = (apart == 0) & there | torch.eye(turn.shape[1], dtype=torch.bool)
        near = (apart == 1) & there
        low = len(self.layers) - self.reach
        for depth, layer in enumerate(self.layers):
            states = layer(states, own, near if depth >= low else torch.zeros_like(near))
        return self._gathered(states.float(), block, first)

    @staticmethod
    def _gathered(states: Tensor, block: Block, first: Tensor) -> Tensor:
        count = block.beside.shape[1]
        member = block.turn.unsqueeze(-1) == torch.arange(count)
        shares = member.float()
        begin = torch.einsum("btn,bth->bnh", shares * first.unsqueeze(-1), states)
        total = torch.einsum("btn,bth->bnh", shares, states)
        mean = total / shares.sum(1).clamp(min=1.0).unsqueeze(-1)
        tops = [
            (states - (1.0 - shares[:, :, place : place + 1]) * 1e4).amax(1)
            for place in range(count)
        ]
        rows = torch.cat([begin, mean, torch.stack(tops, 1)], 2)
        return torch.cat([rows[talk, :length] for talk, length in enumerate(block.lengths)])

    def mapped(self, pooled: Tensor) -> Tensor:
        """The vector of a turn from its pooled states, each taken against what is usual."""
        return torch.tanh(self.map((pooled - self.middle) / self.spread))

    def get_used_to(self, pooled: Tensor) -> None:
        """Take the mean and spread of these states for what is usual. The states of a sentence
        encoder point nearly all one way; what tells messages apart is the small rest."""
        self.middle.copy_(pooled.mean(0))
        self.spread.copy_(pooled.std(0).clamp(min=1e-3))

    def step(
        self, ids: Tensor, beside: Tensor, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One turn after another: its vector (1, VECTOR) and what the next one needs of it.

        `ids`: (1, pieces); `beside`: (1, WIDTH); `keys`, `values`: (reach, pieces of the turn
        before, hidden), none of them where there is no such turn.
        """
        states = self._entered(ids, torch.arange(ids.shape[1]).unsqueeze(0))
        states = torch.cat([states[:, :1] + self.beside(beside).unsqueeze(1), states[:, 1:]], 1)
        kept_keys, kept_values = [], []
        low = len(self.layers) - self.reach
        for depth, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            if depth < low:
                states, _, _ = layer.step(states, keys[:1, :0], values[:1, :0])
                continue
            at = slice(depth - low, depth - low + 1)
            states, own_keys, own_values = layer.step(states, keys[at], values[at])
            kept_keys.append(own_keys)
            kept_values.append(own_values)
        pooled = torch.cat([states[:, 0], states.mean(1), states.amax(1)], 1)
        return self.mapped(pooled), torch.cat(kept_keys), torch.cat(kept_values)

    def _entered(self, ids: Tensor, place: Tensor) -> Tensor:
        entered: Tensor = self.norm(self.words(ids) + self.positions(place))
        return entered


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
