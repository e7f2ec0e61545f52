"""The encoder that training begins with, from a folder of the caller's.

Either as `transformers` saves it (`config.json`, weights, `tokenizer.json`), or as an ONNX file
beside its `tokenizer.json`, as packages for other languages carry encoders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor
from transformers import AutoConfig, BertConfig, BertModel

from classifiers.training.network import MessageEncoder, Shape
from safety.core.errors import Misconfigured

_HEAD = 64
"""Numbers a head where a file does not say: every BERT of usual size has as many."""

_LAYER = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "dense": "attention.output.dense",
    "norm": "attention.output.LayerNorm",
    "inner": "intermediate.dense",
    "outer": "output.dense",
    "last_norm": "output.LayerNorm",
}


@dataclass(frozen=True, slots=True)
class Base:
    """Weights by the names of `transformers.BertModel`, and the file of its vocabulary."""

    shape: Shape
    weights: Mapping[str, Tensor]
    words: Path

    def fill(self, encoder: MessageEncoder) -> None:
        """Copy the weights into an encoder of the same shape."""
        held = self.weights
        with torch.no_grad():
            encoder.words.weight.copy_(held["embeddings.word_embeddings.weight"])
            # all chat is of the first kind of text: its mark is part of every position
            kind = held["embeddings.token_type_embeddings.weight"][0]
            encoder.positions.weight.copy_(held["embeddings.position_embeddings.weight"] + kind)
            encoder.norm.weight.copy_(held["embeddings.LayerNorm.weight"])
            encoder.norm.bias.copy_(held["embeddings.LayerNorm.bias"])
            for number, layer in enumerate(encoder.layers):
                for ours, theirs in _LAYER.items():
                    name = f"encoder.layer.{number}.{theirs}"
                    part = getattr(layer, ours)
                    part.weight.copy_(held[f"{name}.weight"])
                    part.bias.copy_(held[f"{name}.bias"])


def read_base(folder: Path) -> Base:
    """Raises Misconfigured, naming the folder, where no BERT encoder can be read."""
    words = sorted(folder.glob("*tokenizer.json"))
    if not words:
        raise Misconfigured(f"{folder}: there is no tokenizer.json (`make encoder` gets one)")
    packed = sorted(folder.glob("*.onnx"))
    if packed and not (folder / "config.json").is_file():
        return _from_onnx(packed[0], words[0])
    return _from_transformers(folder, words[0])


def _from_transformers(folder: Path, words: Path) -> Base:
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{folder}: not an encoder ({type(error).__name__})") from None
    if not isinstance(config, BertConfig):
        raise Misconfigured(f"{folder}: only BERT encoders can be trained, not {config.model_type}")
    model = BertModel.from_pretrained(folder, add_pooling_layer=False, local_files_only=True)
    shape = Shape(
        config.hidden_size,
        config.num_hidden_layers,
        config.num_attention_heads,
        config.intermediate_size,
        config.vocab_size,
        config.max_position_embeddings,
        config.layer_norm_eps,
    )
    return Base(shape, {name: value.float() for name, value in model.state_dict().items()}, words)


def _from_onnx(path: Path, words: Path) -> Base:
    graph = onnx.load(str(path)).graph
    held = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    weights = {name: _tensor(value) for name, value in held.items() if "::" not in name}
    for node in graph.node:
        # the exporter turns a linear layer's weights round and takes their name away
        if node.op_type == "MatMul" and node.name.startswith("/encoder/layer"):
            name = node.name.strip("/").removesuffix("/MatMul").replace("/", ".")
            given = [held[item] for item in node.input if item in held]
            if given:
                weights[f"{name}.weight"] = _tensor(given[0].T)
    try:
        pieces, hidden = weights["embeddings.word_embeddings.weight"].shape
        layers = len({name.split(".")[2] for name in weights if name.startswith("encoder.layer.")})
        shape = Shape(
            hidden,
            layers,
            hidden // _HEAD,
            weights["encoder.layer.0.intermediate.dense.bias"].shape[0],
            pieces,
            weights["embeddings.position_embeddings.weight"].shape[0],
        )
    except KeyError as error:
        raise Misconfigured(f"{path}: not a BERT encoder, it has no {error}") from None
    return Base(shape, weights, words)


def _tensor(value: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(value, np.float32))
