"""Reading configuration: every complaint names the file and the place inside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml

from safety.core.errors import Misconfigured

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Node:
    """A value together with the place it was read from."""

    value: object
    place: str

    def wrong(self, sentence: str) -> Misconfigured:
        """The error to raise about this place."""
        return Misconfigured(f"{self.place}: {sentence}")

    def fields(self, required: set[str], optional: set[str] | None = None) -> dict[str, Node]:
        """The entries of a mapping. A missing or an unknown name is an error: a misspelt one
        must not quietly leave a default in force."""
        if not isinstance(self.value, dict):
            raise self.wrong("must be a mapping of names to values")
        known = required | (optional or set())
        for name in self.value:
            if name not in known:
                raise self.wrong(f"does not know {name!r}; it knows {', '.join(sorted(known))}")
        for name in sorted(required):
            if name not in self.value:
                raise self.wrong(f"{name} is missing")
        return {name: Node(item, f"{self.place}.{name}") for name, item in self.value.items()}

    def entries(self) -> dict[str, Node]:
        """The entries of a mapping whose names are free."""
        if not isinstance(self.value, dict):
            raise self.wrong("must be a mapping of names to values")
        return {str(name): Node(item, f"{self.place}.{name}") for name, item in self.value.items()}

    def items(self) -> list[Node]:
        """The elements of a list."""
        if not isinstance(self.value, list):
            raise self.wrong("must be a list")
        return [Node(item, f"{self.place}[{i}]") for i, item in enumerate(self.value)]

    def text(self) -> str:
        """A non-empty line of text."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.wrong("must be text, in quotes if it looks like a number or a time")
        if not self.value.isprintable():
            raise self.wrong("must be one line without control characters")
        return self.value

    def seconds(self) -> float:
        """A finite number of seconds, zero or more."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.wrong("must be a number of seconds")
        if not math.isfinite(self.value) or self.value < 0:
            raise self.wrong("must be a number of seconds, zero or more")
        return float(self.value)

    def whole(self) -> int:
        """A whole number, zero or more."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < 0:
            raise self.wrong("must be a whole number, zero or more")
        return self.value

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.wrong("must be true or false")
        return self.value

    def one_of(self, choices: dict[str, T]) -> T:
        """What one of the given words stands for."""
        if not isinstance(self.value, str) or self.value not in choices:
            raise self.wrong(f"must be one of {', '.join(choices)}, not {self.value!r}")
        return choices[self.value]

    def each(self, read: Callable[[Node], T]) -> tuple[T, ...]:
        """Every element of a list, read by `read`."""
        return tuple(read(item) for item in self.items())


class _StrictLoader(yaml.SafeLoader):
    """YAML where a name given twice is an error instead of the last one winning."""

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, object]:
        names = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        seen: set[str] = set()
        for key in names:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value!r} is given twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read_yaml(path: Path) -> Node:
    """The content of a YAML file. Raises Misconfigured, whatever is wrong with the file."""
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise Misconfigured(f"{path.name}: cannot be read ({type(problem).__name__})") from problem
    return parse_yaml(content, path.name)


def parse_yaml(content: str, name: str) -> Node:
    """YAML text as a node whose place starts with `name`."""
    try:
        # _StrictLoader is SafeLoader with one check more
        return Node(yaml.load(content, Loader=_StrictLoader), name)  # noqa: S506
    # a date such as 2026-13-01 is a plain ValueError
    except (yaml.YAMLError, ValueError) as problem:
        raise Misconfigured(
            f"{name}: is not valid YAML: {' '.join(str(problem).split())}"
        ) from problem
