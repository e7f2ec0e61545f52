from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation.render import case_number, page_text
from safety.core.types import CaseId, Level

from .builders import page_for

ALLOWED = re.compile(
    r"【接住】(\(再次提醒\))?P[0-3] #[0-9A-F]{4} "
    r"请(60秒内在应用内接单|3分钟内在应用内接单|30分钟内在应用内查看|今天内在应用内查看)"
)


def test_the_words_of_a_p0_page() -> None:
    number = case_number(CaseId("case-1"))
    assert page_text(page_for()) == f"【接住】P0 #{number} 请60秒内在应用内接单"
    assert page_text(page_for(is_repeat=True)).startswith("【接住】(再次提醒)P0 #")


@pytest.mark.parametrize(("level", "repeat"), list(itertools.product(Level, [False, True])))
def test_every_page_is_level_number_and_fixed_words(level: Level, repeat: bool) -> None:
    assert ALLOWED.fullmatch(page_text(page_for(level=level, is_repeat=repeat)))


@given(st.text(), st.text(), st.text(), st.sampled_from(list(Level)), st.booleans())
def test_no_id_shines_through(
    case_id: str, page_id: str, who: str, level: Level, repeat: bool
) -> None:
    page = page_for(who, page_id=page_id, case_id=case_id, level=level, is_repeat=repeat)
    assert ALLOWED.fullmatch(page_text(page))


def test_a_number_is_stable_and_its_own() -> None:
    numbers = {case_number(CaseId(f"case-{i}")) for i in range(100)}
    assert len(numbers) > 95
