"""`jiezhu train` and `jiezhu evaluate` as a developer calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from classifiers import Cascade, load_classifier
from safety.app.cli import cli, main
from tests.classifiers.training.tiny import base_folder


def test_trains_on_a_share_with_an_encoder_of_ones_own_and_serves_it(tmp_path: Path) -> None:
    base, out = base_folder(tmp_path / "base"), tmp_path / "out"
    arguments = ["train", "--base", str(base), "--out", str(out), "--work", str(tmp_path / "work")]
    result = CliRunner().invoke(cli, [*arguments, "--share", "0.01", "--passes", "1"])
    assert result.exit_code == 0, result.output
    about = json.loads(result.stdout.splitlines()[-1])
    assert about["conversations"]["train"] >= 20
    assert not about["outside"]
    classifier = load_classifier(str(out))
    assert isinstance(classifier, Cascade)
    assert classifier.versions["model"] == about["version"]


def test_a_folder_without_the_public_sets_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["train", "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    assert caught.value.code == 2
    assert "psysuicide_valid.jsonl" in capsys.readouterr().err


def test_cross_validation_needs_the_public_sets() -> None:
    result = CliRunner().invoke(cli, ["evaluate", "--cross-validate"])
    assert result.exit_code == 2
    assert "--data" in result.output
