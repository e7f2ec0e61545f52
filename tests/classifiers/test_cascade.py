"""Who is asked about which message, and what comes of their answers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from classifiers import NO_MODEL, LexiconClassifier, load_classifier, shipped_model
from classifiers.cascade import Cascade
from classifiers.features import EARLIER, LABELS, LEVELS, beside
from classifiers.linear import OUTPUTS, LinearReader
from classifiers.trained import Manifest, Opinion, Thresholds, TrainedReader, Window
from safety.core.errors import ClassifierUnavailable, Misconfigured
from safety.core.types import Assessment, EventId, Label, Level, Role, Turn, Utterance
from tests.classifiers.shared import lexicon
from tests.fakes import NOON

ONES, ZEROS = np.ones(OUTPUTS, np.float32), np.zeros(OUTPUTS, np.float32)
ON = Thresholds({Level.P1: 0.6, Level.P2: 0.4}, {Level.P1: 0.3})
MANIFEST = Manifest("m-1", 4, ONES, ZEROS, ON, ONES, ZEROS, ON)


@dataclass
class Told:
    """A reader of windows that says what it was told to say, and remembers what it was asked."""

    labels: dict[Label, float] = field(default_factory=dict)
    levels: dict[Level, float] = field(default_factory=dict)
    down: bool = False
    asked: list[list[str]] = field(default_factory=list)
    manifest: Manifest = MANIFEST

    def read(self, windows: Sequence[Window]) -> list[Opinion]:
        if self.down:
            raise ClassifierUnavailable("switched off by the test")
        self.asked.extend(list(texts) for texts, _ in windows)
        labels = dict.fromkeys(LABELS, 0.0) | self.labels
        levels = dict.fromkeys(LEVELS, 0.0) | self.levels
        return [Opinion(labels, levels) for _ in windows]


def cascade_over(reader: Told) -> Cascade:
    """The cheap reader suspects 船 and nothing else."""
    weights = np.zeros((1, OUTPUTS), np.float32)
    weights[0, LABELS.index(Label.SUICIDE_PLAN)] = 9.0
    weights[0, len(LABELS) + LEVELS.index(Level.P1)] = 9.0
    linear = LinearReader(["船"], weights, np.full(OUTPUTS, -5.0, np.float32))
    return Cascade(lexicon(), linear, reader)


def said(
    cascade: Cascade, text: str, role: Role = Role.CLIENT, before: tuple[str, ...] = ()
) -> Assessment:
    turns = tuple(
        Turn(EventId(f"b-{place}"), Role.CLIENT, words, NOON - timedelta(seconds=90 - place))
        for place, words in enumerate(before)
    )
    return cascade.assess([Utterance(EventId("m"), role, text, NOON, turns)])[0]


class TestWhoIsAsked:
    @pytest.mark.parametrize("role", [Role.CLIENT, Role.LISTENER])
    def test_the_reader_about_every_message_with_the_turns_before_it(self, role: Role) -> None:
        reader = Told()
        earlier = tuple(f"面{place}" for place in range(EARLIER + 2))
        said(cascade_over(reader), "晚上吃了面", role, earlier)
        assert reader.asked == [[*earlier[2:], "晚上吃了面"]]

    @pytest.mark.parametrize("role", [Role.COUNSELLOR, Role.SYSTEM])
    def test_never_about_those_who_watch(self, role: Role) -> None:
        reader = Told()
        said(cascade_over(reader), "船卖了", role)
        assert reader.asked == []


class TestWhatComesOfIt:
    def test_probabilities_evidence_and_level(self) -> None:
        reader = Told({Label.SUICIDE_PLAN: 0.8, Label.PANIC: 0.2}, {Level.P1: 0.7, Level.P2: 0.9})
        found = said(cascade_over(reader), "船卖了")
        assert found.scores == {Label.SUICIDE_PLAN: 0.8, Label.PANIC: 0.2}
        assert [(item.source, item.label) for item in found.evidence] == [
            ("model", Label.SUICIDE_PLAN)
        ]
        assert (found.at_least, found.at_most) == (Level.P1, None)
        assert set(found.versions) == {"lexicon", "model"}

    def test_doubt_takes_the_lexicons_word_for_nothing(self) -> None:
        trusting = Told(levels={Level.P1: 0.5, Level.P2: 0.5})
        doubting = Told(levels={Level.P1: 0.1, Level.P2: 0.5})
        kept = said(cascade_over(trusting), "我真的不想活了")
        held = said(cascade_over(doubting), "我真的不想活了")
        assert kept.scores[Label.ACTIVE_IDEATION] > 0.5
        assert kept.at_most is None
        assert held.scores[Label.ACTIVE_IDEATION] == 0.0
        assert held.at_most is Level.P2
        assert held.evidence == kept.evidence

    def test_each_role_has_its_own_labels(self) -> None:
        reader = Told({Label.LISTENER_UNSAFE: 0.9, Label.PANIC: 0.9, Label.OFF_PLATFORM: 0.9})
        cascade = cascade_over(reader)
        assert set(said(cascade, "船卖了").scores) == {Label.PANIC, Label.OFF_PLATFORM}
        listener = said(cascade, "船卖了", Role.LISTENER).scores
        assert set(listener) == {Label.LISTENER_UNSAFE, Label.OFF_PLATFORM}


class TestWithoutTheEncoder:
    def test_the_others_stand_in_and_say_so(self) -> None:
        reader = Told(down=True)
        cascade = cascade_over(reader)
        seen, plain = said(cascade, "船卖了"), said(cascade, "吃了面")
        assert seen.degraded
        assert seen.at_least is Level.P1
        assert plain.degraded
        assert plain.at_least is None
        worded = said(cascade, "我真的不想活了")
        assert worded.scores[Label.ACTIVE_IDEATION] > 0.5

    def test_when_it_is_back_nothing_is_missing(self) -> None:
        reader = Told(down=True)
        cascade = cascade_over(reader)
        said(cascade, "船卖了")
        reader.down = False
        assert not said(cascade, "船卖了").degraded


class TestFolders:
    @pytest.fixture
    def copy(self, tmp_path: Path) -> Path:
        shipped = shipped_model()
        assert shipped is not None
        for name in ("model.json", "words.json", "linear.npz", "encoder.onnx", "reader.onnx"):
            shutil.copy(shipped / name, tmp_path / name)
        return tmp_path

    def test_the_shipped_one_is_small_enough_and_reads(self) -> None:
        shipped = shipped_model()
        assert shipped is not None
        assert sum(file.stat().st_size for file in shipped.iterdir()) <= 40 * 1024 * 1024
        assert isinstance(load_classifier(), Cascade)

    def test_none_is_the_lexicon_alone(self) -> None:
        assert isinstance(load_classifier(NO_MODEL), LexiconClassifier)

    def test_a_folder_without_a_model_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(Misconfigured, match="JIEZHU_MODEL"):
            load_classifier(str(tmp_path))

    @pytest.mark.parametrize("name", ["words.json", "linear.npz", "encoder.onnx", "reader.onnx"])
    def test_a_missing_part_is_named(self, copy: Path, name: str) -> None:
        (copy / name).unlink()
        with pytest.raises(Misconfigured, match=name):
            load_classifier(str(copy))

    @pytest.mark.parametrize("name", ["linear.npz", "encoder.onnx", "reader.onnx", "model.json"])
    def test_a_broken_part_is_named(self, copy: Path, name: str) -> None:
        (copy / name).write_bytes(b"{")
        with pytest.raises(Misconfigured, match=name):
            load_classifier(str(copy))

    def test_a_model_for_other_labels_is_refused(self, copy: Path) -> None:
        held = json.loads((copy / "model.json").read_text())
        (copy / "model.json").write_text(json.dumps(held | {"labels": ["joy"]}))
        with pytest.raises(Misconfigured, match="train it again"):
            load_classifier(str(copy))


@pytest.fixture(scope="module")
def shipped() -> Path:
    folder = shipped_model()
    assert folder is not None
    return folder


TALK = ["在吗", "在的", "猫送人了", "送给谁了", "楼下阿姨", "怎么舍得", "以后用不上了", "嗯"]


def window(upto: int) -> Window:
    roles = (Role.CLIENT, Role.LISTENER)
    rows = [beside(roles[place % 2], NOON, None, None) for place in range(upto)]
    return TALK[:upto], rows


class TestTheTrainedReader:
    def test_encodes_a_turn_once(self, shipped: Path) -> None:
        reader = TrainedReader(shipped)
        first = reader.read([window(3)])
        assert reader.read([window(3)]) == first
        assert len(reader._vectors) == 3
        reader.read([window(4)])
        assert len(reader._vectors) == 4

    def test_says_the_same_of_a_turn_live_and_after_a_restart(self, shipped: Path) -> None:
        live = TrainedReader(shipped)
        said_live = [live.read([window(upto)])[0] for upto in range(1, len(TALK) + 1)]
        assert TrainedReader(shipped).read([window(len(TALK))])[0] == said_live[-1]

    def test_says_the_same_of_a_turn_alone_and_among_others(self, shipped: Path) -> None:
        together = TrainedReader(shipped, threads=2).read([window(5), window(8), window(2)])
        alone = [TrainedReader(shipped).read([window(upto)])[0] for upto in (5, 8, 2)]
        assert together == alone

    def test_hears_the_turns_before(self, shipped: Path) -> None:
        reader = TrainedReader(shipped)
        texts, rows = window(8)
        assert reader.read([window(8)]) != reader.read([(["好吃吗", *texts[1:]], rows)])
