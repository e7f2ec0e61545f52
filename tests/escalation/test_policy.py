from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from escalation.policy import load_policy, policy_from_json, policy_to_json, read_policy
from safety.core.cases import Duty, LevelPolicy
from safety.core.errors import Misconfigured
from safety.core.types import Level

from .builders import DEFAULT, default_policy_text, node


def shape(rules: LevelPolicy) -> list[tuple[float, list[tuple[Duty, int, bool]]]]:
    return [
        (step.after_s, [(t.duty, t.count, t.anyone) for t in step.targets]) for step in rules.steps
    ]


def test_the_default_is_section_nine() -> None:
    two = [(Duty.COUNSELLOR, 2, False)]
    assert shape(DEFAULT.levels[Level.P0]) == [
        (0, two),
        (60, two),
        (90, [(Duty.COUNSELLOR, 0, False)]),
        (120, [(Duty.SUPERVISOR, 0, False), (Duty.DUTY_MANAGER, 0, False)]),
        (180, [(Duty.COUNSELLOR, 0, True)]),
        (300, [(Duty.DUTY_MANAGER, 0, False)]),
    ]
    one = [(Duty.COUNSELLOR, 1, False)]
    assert shape(DEFAULT.levels[Level.P1]) == [
        (0, one),
        (180, one),
        (300, one),
        (480, [(Duty.SUPERVISOR, 0, False)]),
    ]
    assert shape(DEFAULT.levels[Level.P2]) == [(0, one), (1800, [(Duty.LEAD, 0, False)])]
    assert shape(DEFAULT.levels[Level.P3]) == []


def test_the_default_deadlines_are_section_nine() -> None:
    figures = {
        level: (rules.accept_s, rules.first_words_s, rules.repeat_s)
        for level, rules in DEFAULT.levels.items()
    }
    assert figures == {
        Level.P0: (60, 120, 120),
        Level.P1: (180, 300, 180),
        Level.P2: (1800, 1800, 1800),
        Level.P3: (86400, 86400, 0),
    }


def test_the_third_rung_of_p1_is_a_voice_call_and_p0_calls_at_once() -> None:
    assert DEFAULT.levels[Level.P1].steps[2].targets[0].channels == ("voice",)
    assert "voice" in DEFAULT.levels[Level.P0].steps[0].targets[0].channels
    assert "voice" not in DEFAULT.levels[Level.P2].steps[0].targets[0].channels


def test_a_frozen_policy_comes_back_equal() -> None:
    assert policy_from_json(policy_to_json(DEFAULT)) == DEFAULT


def test_a_frozen_policy_is_not_held_to_todays_ceilings() -> None:
    slow = dataclasses.replace(DEFAULT.levels[Level.P0], accept_s=500, first_words_s=900)
    old = dataclasses.replace(DEFAULT, levels={**DEFAULT.levels, Level.P0: slow})
    assert policy_from_json(policy_to_json(old)) == old


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version":"1","levels":{}}'])
def test_a_broken_frozen_policy_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match="frozen policy"):
        policy_from_json(text)


def broken(level: str, change: dict[str, object]) -> str:
    """The default with some values of one level replaced; names may lead into steps."""
    plain = json.loads(policy_to_json(DEFAULT))
    for name, value in change.items():
        place: object = plain["levels"][level]
        *path, last = [int(p) if p.isdigit() else p for p in name.split(".")]
        for part in path:
            place = place[part]  # type: ignore[index]
        place[last] = value  # type: ignore[index]
    return json.dumps(plain)


@pytest.mark.parametrize(
    ("level", "change", "complaint"),
    [
        ("P0", {"accept_s": 121, "first_words_s": 240}, r"P0\.accept_s: may be 120 seconds"),
        ("P1", {"accept_s": 301, "first_words_s": 400}, r"P1\.accept_s: may be 300 seconds"),
        ("P0", {"first_words_s": 241}, r"P0\.first_words_s"),
        ("P0", {"steps.0.after_s": 1}, r"P0\.steps\[0\]\.after_s"),
        ("P1", {"steps.0.after_s": 1}, r"P1\.steps\[0\]\.after_s"),
        ("P0", {"repeat_s": 301}, r"P0\.repeat_s: leaves 301"),
        ("P1", {"repeat_s": 601}, r"P1\.repeat_s"),
        ("P0", {"repeat_s": 1}, r"P0\.repeat_s: pages again after 1"),
        ("P0", {"repeat_s": 0}, r"P0\.repeat_s: must be above 0"),
        ("P0", {"steps.5.after_s": 481}, r"P0\.steps\[5\]\.after_s: leaves 301"),
        ("P0", {"steps.1.after_s": 90}, r"P0\.steps\[2\]\.after_s: must come after"),
        ("P0", {"steps.5.reach": []}, r"P0\.steps\[5\]\.reach: must name somebody"),
        ("P0", {"steps.0.reach.0.count": 1}, "two people at once"),
        ("P0", {"steps": [], "repeat_s": 0}, r"P0\.steps: must page somebody"),
        ("P2", {"steps": [], "repeat_s": 0}, r"P2\.steps: must page somebody"),
        ("P3", {"repeat_s": 60}, r"P3\.repeat_s"),
        ("P0", {"accept_s": 0}, r"P0\.accept_s: must be above 0"),
        ("P0", {"first_words_s": 30}, r"P0\.first_words_s: must not be shorter"),
        ("P0", {"steps.0.reach.0.channels": ["pigeon"]}, "does not know 'pigeon'"),
        ("P0", {"steps.0.reach.0.channels": []}, "must name a channel"),
        ("P0", {"steps.0.reach.0.channels": ["sms", "sms"]}, "twice"),
        ("P0", {"steps.0.reach.0.duty": "cook"}, "must be one of counsellor"),
        ("P0", {"steps.0.reach.0.anyone": 1}, "true or false"),
        ("P0", {"steps.0.reach.0.count": -1}, "whole number"),
        ("P0", {"steps.0.reach.0.extra": 1}, "does not know 'extra'"),
    ],
)
def test_what_no_policy_may_say(level: str, change: dict[str, object], complaint: str) -> None:
    with pytest.raises(Misconfigured, match=complaint) as caught:
        read_policy(node(broken(level, change)))
    assert str(caught.value).startswith("test.yaml.levels.")


def test_a_level_cannot_be_left_out() -> None:
    text = re.sub(r"(?s)  P3:.*", "", default_policy_text())
    with pytest.raises(Misconfigured, match="P3 is missing"):
        read_policy(node(text))


def test_everybody_at_once_satisfies_two_people_at_once() -> None:
    policy = read_policy(node(broken("P0", {"steps.0.reach.0.count": 0})))
    assert policy.levels[Level.P0].steps[0].targets[0].count == 0


def test_a_policy_file(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(default_policy_text().replace("accept_s: 60", "accept_s: 45"), encoding="utf-8")
    assert load_policy(path).levels[Level.P0].accept_s == 45
