"""Escalation policies: read from YAML, held to ceilings, frozen into cases as JSON.

The ceilings are the point of this file. A policy is configuration, but no configuration may make
a P0 wait longer than people can wait (R-ESC-01).
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

from escalation.channels import KNOWN_CHANNELS
from escalation.reading import Node, read_yaml
from safety.core.cases import Duty, EscalationPolicy, LevelPolicy, Step, Target
from safety.core.errors import Misconfigured
from safety.core.types import Level

DEFAULT_POLICY_PATH = Path(__file__).parent / "policies" / "default.yaml"

_LEVELS = {level.name: level for level in Level}
_DUTIES = {duty.value: duty for duty in Duty}


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What no policy may exceed at one level, in seconds.

    `pause_s` bounds every wait between two rungs and between two repeats: without it a long
    enough pause would switch the ladder off.
    """

    accept_s: float
    first_words_s: float
    pause_s: float
    first_step_s: float


CEILINGS = {
    Level.P0: Ceiling(accept_s=120, first_words_s=240, pause_s=300, first_step_s=0),
    Level.P1: Ceiling(accept_s=300, first_words_s=600, pause_s=600, first_step_s=0),
    Level.P2: Ceiling(accept_s=3600, first_words_s=3600, pause_s=7200, first_step_s=300),
}

SHORTEST_PAUSE_S = 10.0
"""Below this, pages arrive faster than anybody can answer one."""


def load_policy(path: Path = DEFAULT_POLICY_PATH) -> EscalationPolicy:
    """The policy in a YAML file, within the ceilings. Raises Misconfigured naming the place."""
    return read_policy(read_yaml(path))


def read_policy(node: Node) -> EscalationPolicy:
    """The policy in a node, within the ceilings. Raises Misconfigured naming the place."""
    policy = _policy(node)
    check_ceilings(policy, node.place)
    return policy


def policy_to_json(policy: EscalationPolicy) -> str:
    """One line of JSON that `policy_from_json` reads back as an equal policy."""
    levels = {level.name: _level_to_plain(rules) for level, rules in policy.levels.items()}
    return json.dumps({"version": policy.version, "levels": levels}, separators=(",", ":"))


def policy_from_json(text: str) -> EscalationPolicy:
    """A frozen policy. Its shape is checked, its figures are not: a case opened under an older
    policy must go on climbing even where the ceilings have come down since."""
    try:
        value = json.loads(text)
    except ValueError as problem:
        raise Misconfigured("frozen policy: is not valid JSON") from problem
    return _policy(Node(value, "frozen policy"))


def check_ceilings(policy: EscalationPolicy, place: str) -> None:
    """Raise Misconfigured for the first figure that no configuration may choose."""
    for level, rules in policy.levels.items():
        where = f"{place}.levels.{level.name}"
        _check_channels(rules, where)
        if level not in CEILINGS:
            continue
        if not rules.steps:
            raise Misconfigured(
                f"{where}.steps: must page somebody; {level.name} may not be silent"
            )
        _check_deadlines(rules, CEILINGS[level], where)
        _check_pauses(rules, CEILINGS[level], where)
    _check_two_at_once(policy.levels[Level.P0], f"{place}.levels.P0.steps[0]")


def _check_deadlines(rules: LevelPolicy, ceiling: Ceiling, where: str) -> None:
    for name, value, limit in (
        ("accept_s", rules.accept_s, ceiling.accept_s),
        ("first_words_s", rules.first_words_s, ceiling.first_words_s),
        ("steps[0].after_s", rules.steps[0].after_s, ceiling.first_step_s),
    ):
        if value > limit:
            raise Misconfigured(f"{where}.{name}: may be {limit:g} seconds at most, not {value:g}")


def _check_pauses(rules: LevelPolicy, ceiling: Ceiling, where: str) -> None:
    waits = [(f"{where}.repeat_s", rules.repeat_s)]
    pairs = itertools.pairwise(rules.steps)
    waits += [
        (f"{where}.steps[{i}].after_s", after.after_s - before.after_s)
        for i, (before, after) in enumerate(pairs, start=1)
    ]
    for place, wait in waits:
        if wait > ceiling.pause_s:
            raise Misconfigured(
                f"{place}: leaves {wait:g} seconds without a page; {ceiling.pause_s:g} at most"
            )
        if wait < SHORTEST_PAUSE_S:
            raise Misconfigured(
                f"{place}: pages again after {wait:g} seconds; {SHORTEST_PAUSE_S:g} at least"
            )


def _check_channels(rules: LevelPolicy, where: str) -> None:
    for i, step in enumerate(rules.steps):
        for j, target in enumerate(step.targets):
            for channel in target.channels:
                if channel not in KNOWN_CHANNELS:
                    raise Misconfigured(
                        f"{where}.steps[{i}].reach[{j}].channels: does not know {channel!r}; "
                        f"it knows {', '.join(sorted(KNOWN_CHANNELS))}"
                    )


def _check_two_at_once(rules: LevelPolicy, where: str) -> None:
    targets = rules.steps[0].targets
    if all(target.count for target in targets) and sum(target.count for target in targets) < 2:
        raise Misconfigured(f"{where}.reach: P0 must page two people at once (R-ESC-02)")


def _policy(node: Node) -> EscalationPolicy:
    fields = node.fields({"version", "levels"})
    levels = fields["levels"].fields(set(_LEVELS))
    return EscalationPolicy(
        version=fields["version"].text(),
        levels={level: _level(levels[name]) for name, level in _LEVELS.items()},
    )


def _level(node: Node) -> LevelPolicy:
    fields = node.fields({"accept_s", "first_words_s", "repeat_s", "steps"})
    rules = LevelPolicy(
        steps=fields["steps"].each(_step),
        repeat_s=fields["repeat_s"].seconds(),
        accept_s=_positive(fields["accept_s"]),
        first_words_s=_positive(fields["first_words_s"]),
    )
    if rules.first_words_s < rules.accept_s:
        raise fields["first_words_s"].wrong("must not be shorter than accept_s")
    if bool(rules.steps) != (rules.repeat_s > 0):
        raise fields["repeat_s"].wrong("must be above 0 when there are steps, and 0 without any")
    for i, (before, after) in enumerate(itertools.pairwise(rules.steps), start=1):
        if after.after_s <= before.after_s:
            raise Misconfigured(f"{node.place}.steps[{i}].after_s: must come after the step before")
    return rules


def _step(node: Node) -> Step:
    fields = node.fields({"after_s", "reach"})
    targets = fields["reach"].each(_target)
    if not targets:
        raise fields["reach"].wrong("must name somebody to reach")
    return Step(after_s=fields["after_s"].seconds(), targets=targets)


def _target(node: Node) -> Target:
    fields = node.fields({"duty", "channels"}, {"count", "anyone"})
    channels = fields["channels"].each(Node.text)
    if not channels:
        raise fields["channels"].wrong("must name a channel")
    if len(set(channels)) < len(channels):
        raise fields["channels"].wrong("names a channel twice")
    return Target(
        duty=fields["duty"].one_of(_DUTIES),
        channels=channels,
        count=fields["count"].whole() if "count" in fields else 0,
        anyone=fields["anyone"].flag() if "anyone" in fields else False,
    )


def _positive(node: Node) -> float:
    value = node.seconds()
    if value == 0:
        raise node.wrong("must be above 0")
    return value


def _level_to_plain(rules: LevelPolicy) -> dict[str, object]:
    return {
        "accept_s": rules.accept_s,
        "first_words_s": rules.first_words_s,
        "repeat_s": rules.repeat_s,
        "steps": [
            {"after_s": step.after_s, "reach": [_target_to_plain(t) for t in step.targets]}
            for step in rules.steps
        ],
    }


def _target_to_plain(target: Target) -> dict[str, object]:
    return {
        "duty": target.duty.value,
        "channels": list(target.channels),
        "count": target.count,
        "anyone": target.anyone,
    }
