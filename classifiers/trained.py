"""The trained reader as it is served: ONNX Runtime, no torch."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from classifiers.features import CONTEXT, LABELS, LEVELS, WIDTH, stacked
from classifiers.words import Words
from safety.core.errors import ClassifierUnavailable, Misconfigured
from safety.core.types import Label, Level

Array = npt.NDArray[np.float32]

REMEMBERED = 20_000
"""Turns whose vectors are kept, the latest ones; about 20 MB and their keys."""

OPEN = 24_000
"""Pieces of turns whose keys and values are kept, the latest ones: 8 kB each, 200 MB in all, enough
for the last turns of some 1,700 conversations at once."""

FORMAT = 2
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


Window = tuple[Sequence[str], Sequence[Array]]
"""Texts of turns and the numbers beside each, oldest first."""

Told = tuple[str, bytes]
"""A turn as the encoder is told of it: its words and the numbers beside them."""


class TrainedReader:
    """Reads messages with the turns before them. Threads may share one.

    A turn is encoded once: its vector is remembered, and so is what the next turn's encoding needs
    of it. What is not remembered any more is worked out again and comes out the same, because a
    vector depends on a few turns before it only (`REACH`).
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self.manifest = Manifest.load(folder / "model.json")
        for name in ("words.json", "encoder.onnx", "reader.onnx"):
            if not (folder / name).is_file():
                raise Misconfigured(f"{folder}: there is no {name}")
        self._words = Words(folder / "words.json")
        self._encoder = _session(folder / "encoder.onnx")
        self._reader = _session(folder / "reader.onnx")
        self._reach, _, self._hidden = self._encoder.get_inputs()[2].shape
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="encoder")
        self._vectors: OrderedDict[tuple[Told, ...], Array] = OrderedDict()
        self._states: OrderedDict[tuple[Told, ...], _State] = OrderedDict()
        self._pieces = 0
        self._lock = Lock()

    def read(self, windows: Sequence[Window]) -> list[Opinion]:
        """Of each window (texts and their numbers beside, oldest first, the last one asked about)
        what the last turn holds. Raises ClassifierUnavailable when the model cannot run.

        Turns of one conversation are read one after the other, conversations side by side.
        """
        try:
            parts = list(self._pool.map(self._read, self._shared_out(windows)))
        except _FAILED as error:
            raise ClassifierUnavailable(f"the model cannot run: {type(error).__name__}") from None
        logits = [row for part in parts for row in part]
        return self.manifest.opinions(np.stack(logits)) if logits else []

    def _shared_out(self, windows: Sequence[Window]) -> list[Sequence[Window]]:
        """A stretch for each thread: neighbours are often turns of one conversation."""
        size = max(1, -(-len(windows) // self._threads))
        return [windows[at : at + size] for at in range(0, len(windows), size)]

    def _read(self, windows: Sequence[Window]) -> list[Array]:
        return [self._logits(window) for window in windows]

    def _logits(self, window: Window) -> Array:
        texts, numbers = window
        told = [(text, row.tobytes()) for text, row in zip(texts, numbers, strict=True)]
        first = max(0, len(told) - CONTEXT - 1)
        vectors = [self._vector(told, numbers, place) for place in range(first, len(told))]
        fed = {
            "vectors": stacked(vectors, self.manifest.vector)[None],
            "beside": stacked(numbers, WIDTH)[None],
        }
        found: Array = self._reader.run(None, fed)[0][0]
        return found

    def _vector(self, told: Sequence[Told], numbers: Sequence[Array], place: int) -> Array:
        key = tuple(told[max(0, place - self._reach) : place + 1])
        known = self._vectors.get(key)
        if known is None:
            before = self._state(told, numbers, place - 1) if place else None
            known, state = self._encode(told[place][0], numbers[place], before)
            self._keep_vector(key, known)
            self._keep_state(key[-self._reach :], state)
        return known

    def _state(self, told: Sequence[Told], numbers: Sequence[Array], place: int) -> _State:
        first = max(0, place - self._reach + 1)
        key = tuple(told[first : place + 1])
        state = self._states.get(key)
        if state is None:
            for at in range(first, place + 1):
                _, state = self._encode(told[at][0], numbers[at], state)
            assert state is not None
            self._keep_state(key, state)
        return state

    def _encode(self, text: str, numbers: Array, before: _State | None) -> tuple[Array, _State]:
        pieces = self._words.cut([text])[0]
        none = np.zeros((self._reach, 0, self._hidden), np.float32)
        fed = {
            "ids": np.array([pieces], np.int64),
            "beside": numbers[None],
            "keys": none if before is None else before.keys.astype(np.float32),
            "values": none if before is None else before.values.astype(np.float32),
        }
        vector, keys, values = self._encoder.run(None, fed)
        return vector[0], _State(keys.astype(np.float16), values.astype(np.float16))

    def _keep_vector(self, key: tuple[Told, ...], vector: Array) -> None:
        with self._lock:
            self._vectors[key] = vector
            while len(self._vectors) > REMEMBERED:
                self._vectors.popitem(last=False)

    def _keep_state(self, key: tuple[Told, ...], state: _State) -> None:
        with self._lock:
            if key not in self._states:
                self._pieces += state.pieces
            self._states[key] = state
            while self._pieces > OPEN:
                self._pieces -= self._states.popitem(last=False)[1].pieces


@dataclass(frozen=True, slots=True)
class _State:
    """Keys and values of one turn in each layer that looks back; half precision, always, so that a
    remembered turn and one worked out again are the same."""

    keys: npt.NDArray[np.float16]
    values: npt.NDArray[np.float16]

    @property
    def pieces(self) -> int:
        """Of the turn."""
        return int(self.keys.shape[1])


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
