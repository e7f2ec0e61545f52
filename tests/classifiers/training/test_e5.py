"""Unpacking the encoder that training begins with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from classifiers.training import e5, vocabulary
from safety.core.errors import Misconfigured
from tests.classifiers.training.tiny import HIDDEN, LAYERS, PIECES, packed_file


def test_every_piece_score_and_weight_comes_back(tmp_path: Path) -> None:
    packed = e5.read(packed_file(tmp_path / "tiny.bin"))
    assert list(packed.pieces) == PIECES
    assert packed.scores[4] == -10.0
    assert packed.shape.layers == LAYERS
    written = np.random.default_rng(3).normal(size=len(PIECES) * HIDDEN).astype(np.float32)
    read = packed.weights("emb.word")
    assert read.shape == written.shape
    spread = np.abs(written.reshape(-1, 32)).max(1).repeat(32) / 7
    assert (np.abs(read - written) <= spread * 0.51 + 1e-3).all()


def test_the_weights_fill_a_bert_model(tmp_path: Path) -> None:
    packed = e5.read(packed_file(tmp_path / "tiny.bin"))
    kept = [0, 1, 2, 3, 5, 6]
    weights = e5.bert_weights(packed, kept)
    shape = packed.shape
    config = BertConfig(
        vocab_size=len(kept),
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.inner,
        max_position_embeddings=shape.positions,
    )
    model = BertModel(config, add_pooling_layer=False)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    row = model.embeddings.word_embeddings.weight[4].detach().numpy()
    assert np.array_equal(row, packed.weights("emb.word").reshape(-1, HIDDEN)[5])


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.bin").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(Misconfigured, match="not a file of packed e5"):
        e5.read(tmp_path / "other.bin")


def test_the_kept_vocabulary_holds_the_marks_and_what_the_texts_use(tmp_path: Path) -> None:
    packed = e5.read(packed_file(tmp_path / "tiny.bin"))
    kept = vocabulary.chosen(packed, ["我不想活了", "猫"], size=12)
    words = {packed.pieces[number] for number in kept}
    assert {"<s>", "<pad>", "</s>", "<unk>", "我", "不想", "活了", "猫"} <= words
    assert "送" not in words
    tokenizer = vocabulary.pruned(packed, kept)
    assert tokenizer.encode("我不想活了").tokens == ["<s>", "▁", "我", "不想", "活了", "</s>"]
    assert tokenizer.encode("我送猫").tokens == ["<s>", "▁", "我", "送", "猫", "</s>"]
    assert tokenizer.encode("送").ids[2] == vocabulary.UNKNOWN
