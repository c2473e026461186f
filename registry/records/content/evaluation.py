"""Evaluation: somebody looked, and this is what they saw. A passed test is not a weakness."""

from typing import Annotated, Literal

from pydantic import Field

from registry.records.content.common import Element, Instrument, MetricName, NoteText, Object, shorthand
from registry.records.content.values import Few, Line, Many, Tag, Terms, Text


class Result(Element):
    """One measured thing with what it says."""

    metric: MetricName | None = None
    tag: Annotated[Tag, Terms()] | None = Field(None, description="What this result is about.")
    verdict: Literal["observed", "not-observed", "inconclusive"]
    note: Text | None = None


class Evaluation(Object):
    """The content of an evaluation."""

    instrument: Annotated[Instrument, shorthand("name")] | None = None
    target_tags: Few[Annotated[Tag, Terms()]] | None = None
    setting: Line | None = None
    results: Many[Result] | None = None
    limitations: Few[NoteText] | None = None
