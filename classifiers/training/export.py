"""From torch to what ships: an encoder in eight bits, a reader, their manifest."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from classifiers.features import CONTEXT, LABELS, WIDTH
from classifiers.trained import FORMAT
from classifiers.training.calibrate import Calibration
from classifiers.training.fit import Net
from classifiers.training.network import VECTOR, MessageEncoder

_OPSET = 17


class _Step(nn.Module):
    """The encoder as it is served: one turn, and what it needs of the turn before."""

    def __init__(self, encoder: MessageEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(
        self, ids: Tensor, beside: Tensor, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        return self.encoder.step(ids, beside, keys, values)


def export(net: Net, folder: Path) -> None:
    """Write `encoder.onnx` (8-bit weights) and `reader.onnx` into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    net.train(learning=False)
    whole = folder / "encoder.float.onnx"
    before = torch.zeros(net.encoder.reach, 5, net.encoder.words.embedding_dim)
    _write(
        _Step(net.encoder),
        {
            "ids": (torch.ones(1, 8, dtype=torch.long), {1: "pieces"}),
            "beside": (torch.zeros(1, WIDTH), {}),
            "keys": (before, {1: "before"}),
            "values": (before, {1: "before"}),
        },
        {"vector": {}, "own_keys": {1: "pieces"}, "own_values": {1: "pieces"}},
        whole,
    )
    many = {0: "windows"}
    _write(
        net.reader,
        {
            "vectors": (torch.zeros(2, CONTEXT + 1, VECTOR), many),
            "beside": (torch.zeros(2, CONTEXT + 1, WIDTH), many),
        },
        {"logits": many},
        folder / "reader.onnx",
    )
    quantize_dynamic(
        str(whole), str(folder / "encoder.onnx"), weight_type=QuantType.QInt8, per_channel=True
    )
    whole.unlink()


def _write(
    module: nn.Module,
    given: Mapping[str, tuple[Tensor, Mapping[int, str]]],
    found: Mapping[str, Mapping[int, str]],
    path: Path,
) -> None:
    """As ONNX, with inputs and outputs by name and their changing dimensions."""
    axes = {name: dict(named) for name, (_, named) in given.items()} | {
        name: dict(named) for name, named in found.items()
    }
    with warnings.catch_warnings():
        # the exporter warns of its own future
        warnings.simplefilter("ignore")
        torch.onnx.export(
            # its children are put back into the state it is in
            module.eval(),
            tuple(value for value, _ in given.values()),
            str(path),
            input_names=list(given),
            output_names=list(found),
            dynamic_axes={name: named for name, named in axes.items() if named},
            opset_version=_OPSET,
            dynamo=False,
        )


def write_manifest(
    folder: Path,
    version: str,
    trained: Calibration,
    cheap: Calibration,
    about: Mapping[str, Any],
) -> None:
    """Write `model.json`; `about` says from what and how it was made."""
    held = {
        "format": FORMAT,
        "version": version,
        "labels": [label.value for label in LABELS],
        "vector": VECTOR,
        **_calibration(trained),
        "cheap": _calibration(cheap),
        "about": dict(about),
    }
    text = json.dumps(held, ensure_ascii=False, indent=1)
    (folder / "model.json").write_text(text + "\n", encoding="utf-8")


def _calibration(of: Calibration) -> dict[str, Any]:
    on = of.thresholds
    return {
        "slope": [round(float(value), 5) for value in of.slope],
        "shift": [round(float(value), 5) for value in of.shift],
        "thresholds": {
            "at_least": {level.name: round(value, 5) for level, value in on.at_least.items()},
            "at_most": {level.name: round(value, 5) for level, value in on.at_most.items()},
        },
    }
