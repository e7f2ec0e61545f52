"""From conversations to a folder that serves: the whole way, with a tiny encoder."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from classifiers.cascade import Cascade
from classifiers.corpus import Dialogue
from classifiers.evaluation import judge
from classifiers.features import LABELS
from classifiers.lexicon import LexiconClassifier
from classifiers.training.examples import of_corpus
from classifiers.training.fit import Recipe, logits_of
from classifiers.training.run import Lessons, Plan, build_from, start
from safety.core.errors import Misconfigured
from safety.core.types import Label, Level
from tests.classifiers.shared import lexicon
from tests.classifiers.training.tiny import base_folder, dialogues

RECIPE = Recipe(head_passes=20, passes=4, pieces=200, encoder_rate=1e-3)


def plan_in(folder: Path) -> Plan:
    return Plan(
        folder / "out",
        folder / "work",
        date(2026, 3, 1),
        base_folder(folder / "base"),
        recipe=RECIPE,
    )


def lessons_of(held: list[Dialogue]) -> Lessons:
    examples = of_corpus(held, lexicon())
    return Lessons(examples, examples)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, list[str]]:
    plan = plan_in(tmp_path_factory.mktemp("train"))
    stages: list[str] = []
    build_from(plan, lessons_of(dialogues(30)), lexicon(), lambda stage, *_: stages.append(stage))
    return plan, stages


def test_what_is_written_serves_and_has_learned(built: tuple[Plan, list[str]]) -> None:
    plan, stages = built
    assert {"states", "reader"} <= set(stages)
    cascade = Cascade.load(plan.out, LexiconClassifier.load())
    crisis, harmless = judge(cascade, dialogues(1))
    assert crisis.level == Level.P1
    assert harmless.level is None
    assert crisis.turns[3].scores[Label.SUICIDE_PREPARATION] > 0.5
    assert not any(turn.degraded for turn in crisis.turns)
    assert cascade.versions["model"].startswith("2026-03-01+")


def test_the_eight_bit_model_says_what_the_trained_one_says(built: tuple[Plan, list[str]]) -> None:
    plan, _ = built
    examples = of_corpus(dialogues(1), lexicon())
    net = start(plan, examples)
    net.load(plan.work / "net.pt")
    trained = np.concatenate(logits_of(net, examples))
    cascade = Cascade.load(plan.out, LexiconClassifier.load())
    reader = cascade.parts()["encoder"]
    seen = judge(reader, dialogues(1))
    place = LABELS.index(Label.ACTIVE_IDEATION)
    rows = [turn.scores.get(Label.ACTIVE_IDEATION, 0.0) for one in seen for turn in one.turns]
    assert int(np.argmax(rows)) == int(np.argmax(trained[:, place]))


def test_a_second_start_goes_on_from_the_finished_stage(built: tuple[Plan, list[str]]) -> None:
    plan, _ = built
    again: list[str] = []
    about = build_from(
        plan, lessons_of(dialogues(30)), lexicon(), lambda stage, *_: again.append(stage)
    )
    assert again == []
    assert about["version"].startswith("2026-03-01+")


def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        plan = plan_in(tmp_path / name)
        plan = replace(plan, recipe=replace(RECIPE, head_passes=2, passes=1))
        build_from(plan, lessons_of(dialogues(6)), lexicon(), lambda *_: None)
        examples = of_corpus(dialogues(1), lexicon())
        net = start(plan, examples)
        net.load(plan.work / "net.pt")
        found.append(np.concatenate(logits_of(net, examples)))
    assert np.allclose(found[0], found[1], atol=1e-4)


def test_a_base_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    plan = Plan(tmp_path / "out", tmp_path, date(2026, 3, 1), tmp_path)
    with pytest.raises(Misconfigured, match="tokenizer"):
        start(plan, [])
