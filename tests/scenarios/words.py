"""The few sentences of the stories, and what the dictionary makes of them."""

from __future__ import annotations

from collections.abc import Callable

from safety.core.cases import Case
from safety.core.types import Cue, Label, PersonId
from tests.fakes import DictionaryClassifier, Says
from tests.world import World

NOTHING = "今天吃了面"
WISH = "真的不想活了"
THOUGHT = "有过那种念头"
PASSIVE = "活着没意思"
GOADING = "那你跳啊"
GONE = "别找我了"
BYE = "谢谢你，再见了"

WORDS = {
    NOTHING: Says(),
    WISH: Says({Label.ACTIVE_IDEATION: 0.95}),
    THOUGHT: Says({Label.ACTIVE_IDEATION: 0.6}),
    PASSIVE: Says({Label.PASSIVE_IDEATION: 0.9}),
    GOADING: Says({Label.LISTENER_GOADING: 0.95}),
    GONE: Says(cues=(Cue.DISAPPEARANCE,)),
    BYE: Says(cues=(Cue.FAREWELL,)),
}

Tell = Callable[..., World]


def dictionary() -> DictionaryClassifier:
    return DictionaryClassifier(WORDS)


def the_case(world: World, client: str = "u-1") -> Case:
    """The client's open case, which there must be."""
    case = world.case(client)
    assert case is not None, f"{client} has no open case"
    return case


def acknowledge(world: World, person: str, client: str = "u-1") -> Case:
    return world.parts.casework.acknowledge(the_case(world, client).id, PersonId(person))


def close(world: World, person: str = "counsellor-1", client: str = "u-1") -> Case:
    case_id = the_case(world, client).id
    return world.parts.casework.close(case_id, PersonId(person), "人在家，家人陪着")


def story(world: World, case: Case) -> list[str]:
    """The kinds of entry in the case's timeline, oldest first."""
    return [entry.kind for entry in world.parts.casework.story(case.id)]
