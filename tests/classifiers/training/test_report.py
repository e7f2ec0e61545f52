"""The page for people: complete, in words that are safe to show, and nothing to fetch."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from classifiers import Cascade, load_classifier
from classifiers.training.evaluate import evaluation, write
from safety.core.types import Label
from tests.classifiers.training.tiny import dialogues


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.heads: list[str] = []
        self.fetched: list[str] = []
        self._in = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._in = tag
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        if self._in == "h2" and data.strip():
            self.heads.append(data)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    classifier = load_classifier()
    assert isinstance(classifier, Cascade)
    found = evaluation(classifier, dialogues(3), None, lambda _: None)
    found["everyday"] = {"CPED": {"messages": 10, "P2": 1, "P1": 0, "share": 0.1}}
    found["curve"] = [{"conversations": 10, "recall": 0.4, "area": 0.8}]
    found["psysuicide"] = {"all": {"rows": 3, "any_f1": 0.9, "macro_f1": 0.5}}
    return write(found, "test", tmp_path_factory.mktemp("report"))


def test_the_page_has_every_part_and_fetches_nothing(written: tuple[Path, Path]) -> None:
    page = Page()
    page.feed(written[0].read_text(encoding="utf-8"))
    assert [head.split("(")[0] for head in page.heads] == [
        "整段对话",
        "每一种含义,按句计",
        "每一种含义,按整段对话计",
        "惊动多少无害的对话,换来看见多少危机",
        "说的概率可信吗",
        "每一种含义的查准与查全",
        "藏起来的字",
        "日常闲聊",
        "每一部分值不值得留下",
        "学习曲线",
        "PsySUICIDE,交叉验证",
        "没有接住的",
        "白白惊动的",
    ]
    assert page.tags.count("svg") == len(Label) + 3
    assert all(link.startswith("#") for link in page.fetched)


def test_the_numbers_are_the_same_and_hold_no_words_of_clients(written: tuple[Path, Path]) -> None:
    numbers = json.loads(written[1].read_text(encoding="utf-8"))
    assert numbers["versions"].keys() == {"lexicon", "model"}
    assert set(numbers["ablation"]) == {"lexicon", "linear", "encoder", "whole"}
    for file in written:
        assert "猫送人了" not in file.read_text(encoding="utf-8")
