"""Mitigation: something that is done against misuse or failure, with what is known of its effect."""

from typing import Annotated, Literal

from registry.records.content.common import Effectiveness, NoteText, Object, SubjectTag
from registry.records.content.values import Few, Many, Tag, Terms, Text


class Mitigation(Object):
    """The content of a mitigation."""

    safeguard: Annotated[Tag, Terms(("safeguard",))] | None = None
    status: Literal["proposed", "piloted", "deployed", "retired"] | None = None
    lifecycle: Few[Annotated[Tag, Terms(("lifecycle",))]] | None = None
    applies_to: Many[SubjectTag] | None = None
    effectiveness: Many[Effectiveness] | None = None
    limitations: Few[NoteText] | None = None
    side_effects: Few[NoteText] | None = None
    prerequisites: Few[NoteText] | None = None
    cost: Text | None = None
