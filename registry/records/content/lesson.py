"""Lesson: what was learned, written so that others can adopt it."""

from registry.records.content.common import Cause, NoteText, Object, RecommendationText, RecordRef
from registry.records.content.values import Few, Many, Text


class Lesson(Object):
    """The content of a lesson."""

    derived_from: Many[RecordRef] | None = None
    what_happened: Text | None = None
    causes: Few[Cause] | None = None
    recommendations: Few[RecommendationText] | None = None
    open_questions: Few[NoteText] | None = None
