"""The normaliser: offsets are exact, whatever is thrown at it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.text import View, solid

unicode_text = st.text(st.characters(categories=None), max_size=80)


@settings(max_examples=300, deadline=None)
@given(text=unicode_text)
def test_offsets_lead_back_into_the_original(text: str) -> None:
    view = View(text)
    assert len(view.folded) == len(text)
    previous = -1
    for index in range(len(view.solid)):
        begin, stop = view.span(index, index + 1)
        assert previous < begin < stop <= len(text)
        assert view.folded[begin] == view.solid[index]
        assert view.before(begin) == index
        previous = begin
    assert view.solid.isalnum() or not view.solid


@settings(max_examples=200, deadline=None)
@given(text=unicode_text)
def test_the_solid_form_is_stable(text: str) -> None:
    # Removing what parts two runs can bring a third equal character beside two others.
    once = solid(text)
    assert solid(solid(once)) == solid(once)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("自·殺", "自杀"),
        ("唔想活", "不想活"),
        ("活著冇意思", "活着没意思"),
        ("想④", "想4"),
        ("想4️⃣", "想4"),
        ("🐭🦈", "鼠鲨"),
        ("ＺＳ", "zs"),
        ("自\u0336杀\u0336", "自杀"),
        ("好好好好想死", "好想死"),
        ("➕v", "加v"),
        ("\ud800\x00", ""),
        ("", ""),
        ("2000", "2000"),
    ],
)
def test_what_is_folded(written: str, read: str) -> None:
    assert solid(written) == read


def test_a_term_of_numerals_is_folded_like_the_text() -> None:
    assert solid("下三滥") in solid("他真是下三滥")


def test_a_span_covers_what_was_inserted() -> None:
    view = View("我要自·。杀了")
    start = view.solid.index("自杀")
    assert view.span(start, start + 2) == (2, 6)


def test_a_megabyte_takes_linear_time() -> None:
    began = time.perf_counter()
    View("好，" * 500_000)
    assert time.perf_counter() - began < 20
