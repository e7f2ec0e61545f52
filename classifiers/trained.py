"""The trained reader as it is served: ONNX Runtime, no torch."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from classifiers.features import LABELS, LEVELS, WIDTH, stacked
from classifiers.words import Words
from safety.core.errors import ClassifierUnavailable, Misconfigured
from safety.core.types import Label, Level

Array = npt.NDArray[np.float32]

REMEMBERED = 20_000
"""Messages whose vectors are kept, the latest ones; about 16 MB."""

FORMAT = 1
_UNREADABLE = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoModel,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
)
_FAILED = (*_UNREADABLE, ort_errors.RuntimeException, ort_errors.EPFail, MemoryError)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which probability on a message calls for a level (`at_least`), and below which
    probability of P2 or P1 words alone may not carry it further (`at_most`)."""

    at_least: Mapping[Level, float]
    at_most: Mapping[Level, float]
    gate: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """`model.json`: what the folder holds. `slope` and `shift` calibrate each output's logit, of
    the trained reader and of the cheap one."""

    version: str
    vector: int
    slope: Array
    shift: Array
    thresholds: Thresholds
    cheap_slope: Array
    cheap_shift: Array
    cheap_thresholds: Thresholds

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Raises Misconfigured, naming the file, if it is not a manifest for these labels."""
        try:
            held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if held["format"] != FORMAT or held["labels"] != [label.value for label in LABELS]:
                raise Misconfigured(f"{path}: made for another version of jiezhu, train it again")
            return cls(
                version=str(held["version"]),
                vector=int(held["vector"]),
                slope=np.array(held["slope"], np.float32),
                shift=np.array(held["shift"], np.float32),
                thresholds=_thresholds(held["thresholds"]),
                cheap_slope=np.array(held["cheap"]["slope"], np.float32),
                cheap_shift=np.array(held["cheap"]["shift"], np.float32),
                cheap_thresholds=_thresholds(held["cheap"]["thresholds"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Misconfigured(f"{path}: not a model manifest ({error})") from None

    def opinions(self, logits: Array) -> list[Opinion]:
        """What the trained reader's logits, (windows, outputs), say."""
        return [_opinion(row) for row in probabilities(logits, self.slope, self.shift)]

    def cheap(self, logits: Array) -> Opinion:
        """What the cheap reader's logits of one message say."""
        return _opinion(probabilities(logits, self.cheap_slope, self.cheap_shift))


def _thresholds(asked: Mapping[str, Any]) -> Thresholds:
    return Thresholds(
        {Level[name]: float(value) for name, value in asked["at_least"].items()},
        {Level[name]: float(value) for name, value in asked["at_most"].items()},
        float(asked["gate"]),
    )


def probabilities(logits: Array, slope: Array, shift: Array) -> Array:
    """Calibrated probabilities of logits (…, outputs)."""
    found: Array = 1.0 / (1.0 + np.exp(-np.clip(logits * slope + shift, -30.0, 30.0)))
    return found


@dataclass(frozen=True, slots=True)
class Opinion:
    """Calibrated probabilities of one message: of each label, and of each level or worse."""

    labels: Mapping[Label, float]
    levels: Mapping[Level, float]


class TrainedReader:
    """Reads messages with the turns before them. Threads may share one.

    A message's vector is worked out once and remembered, so that a turn costs one encoding.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self.manifest = Manifest.load(folder / "model.json")
        for name in ("words.json", "encoder.onnx", "reader.onnx"):
            if not (folder / name).is_file():
                raise Misconfigured(f"{folder}: there is no {name}")
        self._words = Words(folder / "words.json")
        self._encoder = _session(folder / "encoder.onnx")
        self._reader = _session(folder / "reader.onnx")
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="encoder")
        self._vectors: OrderedDict[str, Array] = OrderedDict()

    def read(self, windows: Sequence[tuple[Sequence[str], Sequence[Array]]]) -> list[Opinion]:
        """Of each window (texts and their numbers beside, oldest first, the last one asked about)
        what the last turn holds. Raises ClassifierUnavailable when the model cannot run.

        Each message is encoded by itself: in eight bits the rest of a batch would change its
        numbers a little, and a message must read the same alone as among others.
        """
        try:
            vectors = self._encoded({text for texts, _ in windows for text in texts})
            rows = []
            for texts, numbers in windows:
                turns = stacked([vectors[text] for text in texts], self.manifest.vector)
                fed = {"vectors": turns[None], "beside": stacked(numbers, WIDTH)[None]}
                rows.append(self._reader.run(None, fed)[0][0])
        except _FAILED as error:
            raise ClassifierUnavailable(f"the model cannot run: {type(error).__name__}") from None
        return self.manifest.opinions(np.stack(rows)) if rows else []

    def _encoded(self, texts: Iterable[str]) -> dict[str, Array]:
        held = [(text, self._vectors.get(text)) for text in texts]
        fresh = [text for text, vector in held if vector is None]
        made = self._pool.map(self._encode, self._words.cut(fresh))
        found = {text: vector for text, vector in held if vector is not None}
        for text, vector in zip(fresh, made, strict=True):
            found[text] = self._vectors[text] = vector
        while len(self._vectors) > REMEMBERED:
            self._vectors.popitem(last=False)
        return found

    def _encode(self, pieces: Sequence[int]) -> Array:
        ids = np.array([pieces], np.int64)
        vector: Array = self._encoder.run(None, {"ids": ids, "mask": np.ones_like(ids)})[0][0]
        return vector


def _session(path: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except _UNREADABLE as error:
        raise Misconfigured(f"{path}: not a model that can be read") from error


def _opinion(row: Array) -> Opinion:
    labels = {label: float(value) for label, value in zip(LABELS, row, strict=False)}
    levels = dict(zip(LEVELS, map(float, row[len(LABELS) :]), strict=True))
    return Opinion(labels, levels)
