from __future__ import annotations

from pathlib import Path

import pytest

from escalation.reading import Node, parse_yaml, read_yaml
from safety.core.errors import Misconfigured


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: 1\na: 2", "given twice"),
        ("a: {b: 1, b: 2}", "given twice"),
        ("a: [1", "not valid YAML"),
        ("? [a]\n: b", "not valid YAML"),
        ("at: 2026-13-01", "not valid YAML"),
        ("a: !!python/object/apply:os.system [x]", "not valid YAML"),
    ],
)
def test_bad_yaml_is_refused_by_name(text: str, complaint: str) -> None:
    with pytest.raises(Misconfigured, match=complaint) as caught:
        parse_yaml(text, "x.yaml")
    assert str(caught.value).startswith("x.yaml:")


def test_a_file_that_cannot_be_read_is_misconfigured(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"gone\.yaml: cannot be read"):
        read_yaml(tmp_path / "gone.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_yaml(tmp_path / "latin.yaml")


def test_names_are_checked_both_ways() -> None:
    with pytest.raises(Misconfigured, match=r"f: does not know 'acept_s'"):
        Node({"acept_s": 1}, "f").fields({"accept_s"})
    with pytest.raises(Misconfigured, match="f: accept_s is missing"):
        Node({}, "f").fields({"accept_s"})
    with pytest.raises(Misconfigured, match="mapping"):
        Node([], "f").fields(set())
    with pytest.raises(Misconfigured, match="mapping"):
        Node("x", "f").entries()


def test_places_lead_to_the_value() -> None:
    inner = Node({"a": [{"b": 1}]}, "f").fields({"a"})["a"].items()[0].fields({"b"})["b"]
    assert inner.place == "f.a[0].b"
    assert inner.whole() == 1


@pytest.mark.parametrize("value", [True, "5", None, float("nan"), float("inf"), -1, [1]])
def test_not_seconds(value: object) -> None:
    with pytest.raises(Misconfigured, match="seconds"):
        Node(value, "f").seconds()


@pytest.mark.parametrize("value", [True, 1.0, -1, "1", None])
def test_not_a_whole_number(value: object) -> None:
    with pytest.raises(Misconfigured, match="whole number"):
        Node(value, "f").whole()


@pytest.mark.parametrize("value", ["", "  ", 1, None, "two\nlines", "bell\x07"])
def test_not_text(value: object) -> None:
    with pytest.raises(Misconfigured):
        Node(value, "f").text()


def test_words_flags_and_lists() -> None:
    with pytest.raises(Misconfigured, match="true or false"):
        Node("yes", "f").flag()
    with pytest.raises(Misconfigured, match="one of a, b"):
        Node("c", "f").one_of({"a": 1, "b": 2})
    with pytest.raises(Misconfigured, match="list"):
        Node("abc", "f").items()
    assert Node(["x", "y"], "f").each(Node.text) == ("x", "y")
