"""An encoder small enough to learn within a test."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Split
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertModel

from classifiers.corpus import Dialogue, parse

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"我你不想活了猫送人吃饭在吗好嗯死走谢"]
HIDDEN, LAYERS, INNER, POSITIONS = 64, 2, 128, 128


def model(seed: int = 0) -> BertModel:
    """A BERT with weights by chance and one head, as ONNX files of encoders are read."""
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(PIECES),
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=1,
        intermediate_size=INNER,
        max_position_embeddings=POSITIONS,
    )
    held = BertModel(config, add_pooling_layer=False)
    held.train(mode=False)
    return held


def words_file(path: Path) -> Path:
    """Its vocabulary: one piece a character."""
    tokenizer = Tokenizer(
        WordPiece({piece: place for place, piece in enumerate(PIECES)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = Split("", "isolated")
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))
    return path


def base_folder(path: Path) -> Path:
    """The encoder as transformers keeps it."""
    model().save_pretrained(path)
    words_file(path / "tokenizer.json")
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
