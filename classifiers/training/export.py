"""From torch to what ships: an encoder in eight bits, a reader, their manifest."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from classifiers.features import CONTEXT, LABELS, WIDTH
from classifiers.trained import FORMAT
from classifiers.training.calibrate import Calibration
from classifiers.training.fit import Net
from classifiers.training.network import VECTOR

_OPSET = 17


def export(net: Net, folder: Path) -> None:
    """Write `encoder.onnx` (8-bit weights) and `reader.onnx` into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    net.encoder.eval()
    net.reader.eval()
    ids = torch.ones(2, 8, dtype=torch.long)
    whole = folder / "encoder.float.onnx"
    with warnings.catch_warnings():
        # the exporter warns of its own future
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.encoder,
            (ids, torch.ones_like(ids)),
            str(whole),
            input_names=["ids", "mask"],
            output_names=["vectors"],
            dynamic_axes={
                "ids": {0: "messages", 1: "pieces"},
                "mask": {0: "messages", 1: "pieces"},
                "vectors": {0: "messages"},
            },
            opset_version=_OPSET,
            dynamo=False,
        )
        turns = torch.zeros(2, CONTEXT + 1, VECTOR)
        beside = torch.zeros(2, CONTEXT + 1, WIDTH)
        torch.onnx.export(
            net.reader,
            (turns, beside),
            str(folder / "reader.onnx"),
            input_names=["vectors", "beside"],
            output_names=["logits"],
            dynamic_axes={
                "vectors": {0: "windows"},
                "beside": {0: "windows"},
                "logits": {0: "windows"},
            },
            opset_version=_OPSET,
            dynamo=False,
        )
    quantize_dynamic(
        str(whole), str(folder / "encoder.onnx"), weight_type=QuantType.QInt8, per_channel=True
    )
    whole.unlink()


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
            "gate": round(on.gate, 5),
        },
    }
