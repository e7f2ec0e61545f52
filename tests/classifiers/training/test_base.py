"""The encoder that training begins with, from either kind of folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import NodeProto, TensorProto, helper, numpy_helper, save_model

from classifiers.features import WIDTH
from classifiers.training.base import Base, read_base
from classifiers.training.network import Block, MessageEncoder, Sizes
from safety.core.errors import Misconfigured
from tests.classifiers.training.tiny import LAYERS, base_folder, model, words_file

IDS = torch.tensor([[2, 4, 6, 7, 3]])


def onnx_folder(path: Path) -> Path:
    """The same weights as exporters leave them: those of linear layers turned round and nameless,
    to be known only by the node that multiplies with them."""
    words_file(path / "tiny-tokenizer.json")
    held: list[TensorProto] = []
    nodes: list[NodeProto] = []
    for name, value in model().state_dict().items():
        rows = value.numpy()
        if name.startswith("encoder") and name.endswith("weight") and rows.ndim == 2:
            turned = f"onnx::MatMul_{len(held)}"
            held.append(numpy_helper.from_array(np.ascontiguousarray(rows.T), turned))
            node = "/" + name.removesuffix(".weight").replace(".", "/") + "/MatMul"
            node = node.replace("/layer/", "/layer.")
            nodes.append(helper.make_node("MatMul", ["states", turned], [node], name=node))
        else:
            held.append(numpy_helper.from_array(rows, name))
    graph = helper.make_graph(nodes, "tiny", [], [], initializer=held)
    save_model(helper.make_model(graph), str(path / "tiny.onnx"))
    return path


def first_layer_states(base: Base) -> np.ndarray:
    encoder = MessageEncoder(base.shape, Sizes()).eval()
    base.fill(encoder)
    block = Block(IDS, torch.arange(5)[None], torch.zeros_like(IDS), torch.zeros(1, 1, WIDTH), [1])
    with torch.no_grad():
        pooled: np.ndarray = encoder.pooled(block).numpy()
    return pooled


def test_our_layers_say_what_transformers_says(tmp_path: Path) -> None:
    base = read_base(base_folder(tmp_path))
    with torch.no_grad():
        states = model()(IDS).last_hidden_state[0]
    wanted = torch.cat([states[0], states.mean(0), states.amax(0)]).numpy()
    # the numbers beside are all zero and their map begins without a bias
    assert np.allclose(first_layer_states(base)[0], wanted, atol=1e-5)


def test_an_onnx_file_holds_the_same_encoder(tmp_path: Path) -> None:
    kept, packed = base_folder(tmp_path / "kept"), onnx_folder(tmp_path / "packed")
    one, other = read_base(kept), read_base(packed)
    assert other.shape == one.shape
    assert other.shape.layers == LAYERS
    assert np.allclose(first_layer_states(one), first_layer_states(other), atol=1e-6)


def test_a_folder_without_a_vocabulary_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"no tokenizer\.json"):
        read_base(tmp_path)


def test_a_folder_without_an_encoder_is_named(tmp_path: Path) -> None:
    words_file(tmp_path / "tokenizer.json")
    with pytest.raises(Misconfigured, match="not an encoder"):
        read_base(tmp_path)
