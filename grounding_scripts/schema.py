"""How a card is written down, and how a file of cards becomes entries that can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from safety.core.cards import Card
from safety.core.errors import Misconfigured
from safety.core.types import Cue, Label

UNSIGNED = "待临床负责人签字"


class Tier(StrEnum):
    """Who may be shown a card (R-CARD-06). Everybody may see a basic one."""

    BASIC = "basic"
    PROFESSIONAL = "professional"


@dataclass(frozen=True, slots=True)
class Entry:
    """A card with what the library knows of it beyond what a listener sees.

    The card answers to all of `labels` and `cues` at once; with neither it answers to anything.
    `reviewed_on` is None until somebody has signed.
    """

    card: Card
    file: str
    tier: Tier
    reviewed_by: str
    reviewed_on: date | None
    written_on: date
    labels: frozenset[Label] = frozenset()
    cues: frozenset[Cue] = frozenset()

    @property
    def answers_anything(self) -> bool:
        """True for a card without conditions."""
        return not self.labels and not self.cues


_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _When(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: frozenset[Label] = frozenset()
    cues: frozenset[Cue] = frozenset()


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, StringConstraints(pattern=r"^[a-z_]+(\.[a-z_]+)?$")]
    version: _Line
    say: _Line
    why: _Line
    avoid: _Line
    when: _When = _When()
    tier: Tier
    reviewed_by: _Line
    reviewed_on: Annotated[date, Field(strict=True)] | None
    written_on: Annotated[date, Field(strict=True)]

    @model_validator(mode="after")
    def _signature_is_whole(self) -> Self:
        if (self.reviewed_by == UNSIGNED) != (self.reviewed_on is None):
            raise ValueError(
                f"a signed card has a name and a date, an unsigned one has {UNSIGNED!r} and no date"
            )
        return self


class _OnceLoader(yaml.SafeLoader):
    """Refuses a key given twice: plain YAML would let the second `say` win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", node.start_mark
                )
        return super().construct_mapping(node, deep=deep)


def parse_flow(file: str, content: bytes) -> list[Entry]:
    """The entries of one file, in its order. Raises Misconfigured, naming file and card."""
    try:
        document = yaml.load(content.decode("utf-8"), Loader=_OnceLoader)  # noqa: S506
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{file}: not UTF-8 text") from error
    except yaml.YAMLError as error:
        raise Misconfigured(f"{file}: not readable as YAML: {_one_line(str(error))}") from error
    except ValueError as error:  # YAML takes 2026-02-30 for a date and only then finds out
        raise Misconfigured(f"{file}: holds an impossible value: {error}") from error
    if not isinstance(document, dict) or set(document) != {"flow", "cards"}:
        raise Misconfigured(f"{file}: needs exactly the keys 'flow' and 'cards'")
    flow, rows = document["flow"], document["cards"]
    stem = file.removesuffix(".yaml")
    if flow != stem:
        raise Misconfigured(f"{file}: holds flow {flow!r}, a file is named after its flow")
    if not isinstance(rows, list) or not rows:
        raise Misconfigured(f"{file}: 'cards' needs to be a list with at least one card")
    return [_entry(file, stem, number, row) for number, row in enumerate(rows, start=1)]


def _entry(file: str, flow: str, number: int, raw: object) -> Entry:
    name = raw.get("id") if isinstance(raw, dict) else None
    place = f"{file}: card {name or f'number {number}'}"
    try:
        row = _Row.model_validate(raw)
    except ValidationError as error:
        raise Misconfigured(f"{place}: {_faults(error)}") from error
    if row.id != flow and not row.id.startswith(f"{flow}."):
        raise Misconfigured(f"{place}: the id needs to be {flow!r} or to start with '{flow}.'")
    return Entry(
        card=Card(
            id=row.id, flow=flow, version=row.version, say=row.say, why=row.why, avoid=row.avoid
        ),
        file=file,
        tier=row.tier,
        reviewed_by=row.reviewed_by,
        reviewed_on=row.reviewed_on,
        written_on=row.written_on,
        labels=row.when.labels,
        cues=row.when.cues,
    )


def _faults(error: ValidationError) -> str:
    said = []
    for fault in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in fault["loc"])
        said.append(f"{where}: {fault['msg']}" if where else fault["msg"])
    return "; ".join(said)


def _one_line(text: str) -> str:
    return " ".join(text.split())
