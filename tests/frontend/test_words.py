import typing

import pytest

from frontend import words
from registry.records.content.common import Absent, Assertion, Relation, Revision
from registry.records.content.response import Response
from registry.records.content.submission import KINDS, Common


def choices(annotation: object) -> set[str]:
    """The values of a `Literal`, wherever it stands in an annotation."""
    found: set[str] = set()
    for part in typing.get_args(annotation):
        found |= {part} if isinstance(part, str) else choices(part)
    return found


@pytest.mark.parametrize(
    ("known", "model", "field"),
    [
        (words.BASIS, Common, "basis"),
        (words.ASSERTION, Assertion, "status"),
        (words.STANCE, Response, "stance"),
        (words.RELATION, Relation, "type"),
        (words.ABSENT, Absent, "reason"),
        (words.REVISIONS, Revision, "type"),
    ],
)
def test_every_choice_has_its_words(known: typing.Any, model: typing.Any, field: str) -> None:
    info = model.model_fields[field]
    wanted = choices(typing.Literal["x"] | info.annotation) - {
        "x"
    }  # a bare Literal is read like an optional one
    assert wanted == set(known)


def test_every_kind_has_its_words() -> None:
    assert tuple(words.KINDS) == KINDS
    assert words.kind_of("omen").many == "Omen"


def test_pointers_are_said_in_words() -> None:
    assert words.pointed("/content/affected/1/count") == "affected 1, count"
    assert words.pointed("/content/prohibited_uses") == "prohibited uses"
    assert words.pointed("/systems/1/a~1b") == "systems 1, a/b"
    assert words.pointed("") == ""
