"""The cheap reader: character n-grams of one message and one weight for each, nothing else.

It stands in where the trained reader cannot run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from classifiers.features import LABELS, LEVELS
from classifiers.text import View
from safety.core.errors import Misconfigured

LONGEST_GRAM = 4
READ = 400
"""Of a longer message the first and the last half of that many characters."""

OUTPUTS = len(LABELS) + len(LEVELS)


def grams(view: View) -> set[str]:
    """The sequences of one to four characters of a message, with its begin and end marked."""
    solid = view.solid
    if len(solid) > READ:
        solid = solid[: READ // 2] + solid[-READ // 2 :]
    solid = f"^{solid}$"
    return {
        solid[at : at + size]
        for size in range(1, LONGEST_GRAM + 1)
        for at in range(len(solid) - size + 1)
    }


class LinearReader:
    """Weights of n-grams. `weights` (grams, outputs), `bias` (outputs); threads may share one."""

    def __init__(
        self,
        known: Sequence[str],
        weights: npt.NDArray[np.float32],
        bias: npt.NDArray[np.float32],
    ) -> None:
        self._place = {gram: place for place, gram in enumerate(known)}
        self._weights = weights
        self._bias = bias

    @classmethod
    def load(cls, path: Path) -> LinearReader:
        """Read what `save` wrote. Raises Misconfigured if it is not that."""
        try:
            with np.load(path, allow_pickle=False) as held:
                known = str(held["grams"]).split("\n")
                weights = held["weights"].astype(np.float32) * held["scale"]
                bias = held["bias"]
        except (OSError, KeyError, ValueError) as error:
            raise Misconfigured(f"{path}: not the weights of a linear reader ({error})") from None
        if weights.shape != (len(known), OUTPUTS) or bias.shape != (OUTPUTS,):
            raise Misconfigured(f"{path}: weights for another set of labels")
        return cls(known, weights, bias)

    def save(self, path: Path) -> None:
        """Write weights as bytes with one scale for each output."""
        scale = np.abs(self._weights).max(0) / 127.0 + 1e-9
        packed = np.rint(self._weights / scale).astype(np.int8)
        text = np.array("\n".join(self._place))
        with path.open("wb") as out:
            np.savez_compressed(
                out, grams=text, weights=packed, scale=scale.astype(np.float32), bias=self._bias
            )

    def logits(self, view: View) -> npt.NDArray[np.float32]:
        """One number an output: log odds of each label, then of each level or worse."""
        place = self._place
        held = [place[gram] for gram in grams(view) if gram in place]
        if not held:
            return self._bias
        found: npt.NDArray[np.float32] = self._weights[held].sum(0) / len(held) ** 0.5
        return found + self._bias
