"""An encoder small enough to learn within a test, and a packed file of the same shape."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from transformers import BertConfig, BertModel

from classifiers.corpus import Dialogue, parse
from classifiers.training import e5, vocabulary

PIECES = [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "▁",
    *"我你不想活了猫送人吃饭在吗好嗯死走谢",
    "不想",
    "活了",
    "<mask>",
]
HIDDEN, LAYERS, HEADS, INNER, POSITIONS = 32, 2, 2, 64, 128


def packed_file(path: Path) -> Path:
    """The format that `e5.read` reads, with weights that are easy to check."""
    rng = np.random.default_rng(3)
    tensors: list[tuple[str, int, npt.NDArray[np.float32]]] = [
        ("emb.word", 1, rng.normal(size=len(PIECES) * HIDDEN).astype(np.float32)),
        ("emb.pos", 0, rng.normal(size=POSITIONS * HIDDEN).astype(np.float32)),
        ("emb.type", 0, np.zeros(2 * HIDDEN, np.float32)),
        ("emb.ln.w", 0, np.ones(HIDDEN, np.float32)),
        ("emb.ln.b", 0, np.zeros(HIDDEN, np.float32)),
    ]
    for layer in range(LAYERS):
        for name, size in (("q", 1), ("k", 1), ("v", 1), ("ao", 1), ("fi", 2), ("fo", 2)):
            width = HIDDEN * HIDDEN * size
            weight = rng.normal(size=width).astype(np.float32) * 0.1
            bias = np.zeros(INNER if name == "fi" else HIDDEN, np.float32)
            tensors += [(f"l{layer}.{name}.w", 1, weight), (f"l{layer}.{name}.b", 0, bias)]
        for name in ("aln", "oln"):
            tensors += [
                (f"l{layer}.{name}.w", 0, np.ones(HIDDEN, np.float32)),
                (f"l{layer}.{name}.b", 0, np.zeros(HIDDEN, np.float32)),
            ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_written(tensors))
    return path


def _written(tensors: list[tuple[str, int, npt.NDArray[np.float32]]]) -> bytes:
    blob = "".join(PIECES).encode()
    ends = np.cumsum([0, *(len(piece.encode()) for piece in PIECES)])
    head = b"E5S1" + struct.pack("<I", 1)
    head += struct.pack("<7i", HIDDEN, LAYERS, HEADS, INNER, len(PIECES), POSITIONS, 2)
    head += struct.pack("<fi", 1e-12, 32) + struct.pack("<5i", len(PIECES), 0, 2, 1, 3)
    head += struct.pack("<Q", len(blob)) + struct.pack(f"<{len(ends)}I", *ends)
    head += struct.pack(f"<{len(PIECES)}f", *(-10.0 / len(piece) for piece in PIECES)) + blob
    head += struct.pack("<iI", 0, 0) + struct.pack("<i", len(tensors))
    bodies = [_packed(values) if kind else values.tobytes() for _, kind, values in tensors]
    size = len(head) + sum(2 + len(name.encode()) + 21 for name, _, _ in tensors)
    for (name, kind, values), body in zip(tensors, bodies, strict=True):
        head += struct.pack("<H", len(name)) + name.encode()
        head += struct.pack("<BIQQ", kind, len(values), size, len(body))
        size += len(body)
    return head + b"".join(bodies)


def _packed(values: npt.NDArray[np.float32]) -> bytes:
    """Q4_0: of every 32 values one float16 scale and 32 nibbles."""
    out = b""
    for block in values.reshape(-1, 32):
        scale = np.float16(max(abs(block)) / 7.0)
        nibbles = np.clip(np.rint(block / np.float32(scale)) + 8, 0, 15).astype(np.uint8)
        out += scale.tobytes() + (nibbles[:16] | (nibbles[16:] << 4)).tobytes()
    return out


def base_folder(path: Path) -> Path:
    """An encoder of the caller's own, as transformers keeps it."""
    torch.manual_seed(0)
    packed = e5.read(packed_file(path.with_suffix(".bin")))
    kept = list(range(len(PIECES) - 1))
    config = BertConfig(
        vocab_size=len(kept),
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=INNER,
        max_position_embeddings=POSITIONS,
        pad_token_id=1,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(path)
    vocabulary.pruned(packed, kept).save(str(path / "tokenizer.json"))
    return path


TALK = """== 送猫 {n} | 23:10 | 女
听 在吗
客 我不想活了 {{active_ideation P1}}
听 你在吗
客 猫送人了 {{suicide_preparation P1}}
听 嗯
客 谢谢你
== 吃饭 {n} | 12:10 | 男
听 在吗
客 我想吃饭了 {{~active_ideation}}
听 好
客 猫在吗
听 嗯
客 好好吃饭
"""


def dialogues(count: int) -> list[Dialogue]:
    """Half of them crises, all of them alike: a lesson that can be learned."""
    return [one for n in range(count) for one in parse(TALK.format(n=n), f"t{n}")]
