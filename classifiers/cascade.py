"""The classifier that is served: the lexicon and the trained reader on every message, n-grams while
the trained reader is away."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from classifiers.features import EARLIER, beside
from classifiers.lexicon import LexiconClassifier
from classifiers.linear import LinearReader
from classifiers.text import View
from classifiers.trained import Manifest, Opinion, Thresholds, TrainedReader, Window
from safety.core.errors import ClassifierUnavailable
from safety.core.ports import Classifier
from safety.core.types import (
    LISTENER_LABELS,
    Assessment,
    Evidence,
    Label,
    Level,
    Role,
    Turn,
    Utterance,
)

Array = npt.NDArray[np.float32]

REMEMBERED = 50_000
"""Turns of which the lexicon's reading is kept, the latest ones: the context of the next ones."""

SHOWN = 0.5
"""From this probability on a label is named as evidence."""

THERE = 0.1
"""From this probability of a dangerous place on, the lexicon is believed about one."""

FAINT = 0.005
"""Below this a label's probability is left out."""


class WindowReader(Protocol):
    """What reads a message with the turns before it; see `TrainedReader`."""

    @property
    def manifest(self) -> Manifest:
        """Calibration, thresholds and version."""

    def read(self, windows: Sequence[Window]) -> list[Opinion]:
        """One opinion a window. Raises ClassifierUnavailable."""


class Cascade:
    """Lexicon and trained reader as one classifier (R-DET-01).

    Where the trained reader cannot run, n-grams stand in, the assessment says `degraded` and the
    lexicon's words stand (R-DET-16). Keeps readings of recent turns in memory, nothing else.
    """

    def __init__(
        self, lexicon: LexiconClassifier, linear: LinearReader, trained: WindowReader
    ) -> None:
        self._lexicon = lexicon
        self._linear = linear
        self._trained = trained
        self._manifest = trained.manifest
        self._turns: OrderedDict[tuple[str, str], Array] = OrderedDict()
        self._versions: Mapping[str, str] = {
            "lexicon": lexicon.version,
            "model": trained.manifest.version,
        }

    @classmethod
    def load(cls, folder: Path, lexicon: LexiconClassifier, threads: int = 1) -> Cascade:
        """The cascade over a model folder. Raises Misconfigured if the folder is broken."""
        linear = LinearReader.load(folder / "linear.npz")
        return cls(lexicon, linear, TrainedReader(folder, threads))

    def parts(self) -> Mapping[str, Classifier]:
        """Each part as a classifier of its own, to see what it is worth."""
        return {
            "lexicon": self._lexicon,
            "linear": LinearAlone(self._linear, self._manifest),
            "encoder": EncoderAlone(self._trained),
            "whole": self,
        }

    @property
    def versions(self) -> Mapping[str, str]:
        """Which lexicon and which model read."""
        return self._versions

    def assess(self, utterances: Sequence[Utterance]) -> list[Assessment]:
        """One assessment for each utterance, in order."""
        return [assessment for assessment, _ in self.read(utterances)]

    def read(self, utterances: Sequence[Utterance]) -> list[tuple[Assessment, Opinion | None]]:
        """The same with what the encoder says of each, None where it was not asked."""
        found = self._lexicon.assess(utterances)
        looked: list[int] = []
        windows: list[Window] = []
        for index, (utterance, said) in enumerate(zip(utterances, found, strict=True)):
            own = self._remember(utterance, said)
            if utterance.role not in (Role.CLIENT, Role.LISTENER):
                continue
            turns = utterance.before[-EARLIER:]
            rows = [self._numbers(turn, turns[:place]) for place, turn in enumerate(turns)]
            looked.append(index)
            windows.append(([*(turn.text for turn in turns), utterance.text], [*rows, own]))
        self._forget()
        answers: list[tuple[Assessment, Opinion | None]] = [
            (replace(said, versions=self._versions), None) for said in found
        ]
        if not windows:
            return answers
        try:
            opinions = self._trained.read(windows)
        except ClassifierUnavailable:
            for index in looked:
                answers[index] = self._without(utterances[index], answers[index][0]), None
            return answers
        for index, opinion in zip(looked, opinions, strict=True):
            asked, said = utterances[index], answers[index][0]
            answers[index] = judged(said, asked, opinion, self._manifest.thresholds), opinion
        return answers

    def _without(self, asked: Utterance, said: Assessment) -> Assessment:
        """While it is away: the lexicon's words, and what the n-grams are sure of."""
        opinion = self._manifest.cheap(self._linear.logits(View(asked.text)))
        least = _least(opinion.levels, self._manifest.cheap_thresholds.at_least)
        return replace(said, at_least=least, degraded=True)

    def _remember(self, utterance: Utterance, said: Assessment) -> Array:
        before = utterance.before[-1].sent_at if utterance.before else None
        numbers = beside(utterance.role, utterance.sent_at, before, said)
        self._turns[utterance.event_id, utterance.text] = numbers
        return numbers

    def _numbers(self, turn: Turn, before: Sequence[Turn]) -> Array:
        known = self._turns.get((turn.event_id, turn.text))
        if known is not None:
            return known
        asked = Utterance(turn.event_id, turn.role, turn.text, turn.sent_at, tuple(before))
        return self._remember(asked, self._lexicon.assess([asked])[0])

    def _forget(self) -> None:
        while len(self._turns) > REMEMBERED:
            self._turns.popitem(last=False)


def judged(said: Assessment, asked: Utterance, opinion: Opinion, on: Thresholds) -> Assessment:
    """The model's probabilities, which have the lexicon's words in them, with the lexicon's
    evidence; labels that only the model sees are evidence of their own."""
    most = _most(opinion.levels, on.at_most)
    named = {item.label for item in said.evidence}
    scores = {}
    for label, value in opinion.labels.items():
        trusted = most is None or (label is Label.DANGEROUS_PLACE and value >= THERE)
        score = max(value, said.scores.get(label, 0.0)) if trusted else value
        if _of(label, asked.role) and (score >= FAINT or label in named):
            scores[label] = score
    whole = [
        Evidence("model", 0, len(asked.text), f"model.{label.value}", label)
        for label, value in scores.items()
        if value >= SHOWN and label not in named
    ]
    return replace(
        said,
        scores=scores,
        evidence=(*said.evidence, *whole),
        at_least=_least(opinion.levels, on.at_least),
        at_most=most,
    )


def _of(label: Label, role: Role) -> bool:
    if label is Label.OFF_PLATFORM:
        return True
    return (label in LISTENER_LABELS) is (role is Role.LISTENER)


def _least(levels: Mapping[Level, float], asked: Mapping[Level, float]) -> Level | None:
    """The most urgent level whose threshold is reached."""
    return next((level for level in Level if levels[level] >= asked.get(level, 2.0)), None)


def _most(levels: Mapping[Level, float], asked: Mapping[Level, float]) -> Level | None:
    """How far words alone may carry it: past no level that is all but ruled out."""
    doubted = [level for level in Level if levels[level] < asked.get(level, -1.0)]
    return Level(max(doubted) + 1) if doubted and max(doubted) < Level.P3 else None


class LinearAlone:
    """The cheap reader as a classifier: one message, nothing around it."""

    def __init__(self, linear: LinearReader, manifest: Manifest) -> None:
        self._linear = linear
        self._manifest = manifest

    @property
    def versions(self) -> Mapping[str, str]:
        """Which model reads."""
        return {"model": self._manifest.version}

    def assess(self, utterances: Sequence[Utterance]) -> list[Assessment]:
        """One assessment for each utterance, in order."""
        on = self._manifest.cheap_thresholds
        return [
            judged(
                Assessment(asked.event_id, versions=self.versions),
                asked,
                self._manifest.cheap(self._linear.logits(View(asked.text))),
                on,
            )
            for asked in utterances
        ]


class EncoderAlone:
    """The trained reader as a classifier, the lexicon's numbers all zero."""

    def __init__(self, trained: WindowReader) -> None:
        self._trained = trained

    @property
    def versions(self) -> Mapping[str, str]:
        """Which model reads."""
        return {"model": self._trained.manifest.version}

    def assess(self, utterances: Sequence[Utterance]) -> list[Assessment]:
        """One assessment for each utterance, in order."""
        opinions = self._trained.read([self._window(asked) for asked in utterances])
        on = self._trained.manifest.thresholds
        return [
            judged(Assessment(asked.event_id, versions=self.versions), asked, opinion, on)
            for asked, opinion in zip(utterances, opinions, strict=True)
        ]

    @staticmethod
    def _window(asked: Utterance) -> tuple[list[str], list[Array]]:
        turns = asked.before[-EARLIER:]
        earlier = [None, *(turn.sent_at for turn in turns)]
        rows = [
            beside(turn.role, turn.sent_at, last, None)
            for turn, last in zip(turns, earlier, strict=False)
        ]
        last = turns[-1].sent_at if turns else None
        texts = [*(turn.text for turn in turns), asked.text]
        return texts, [*rows, beside(asked.role, asked.sent_at, last, None)]
