"""Weakness: something in a system that could be used, or that fails by itself."""

from typing import Annotated, Literal

from pydantic import Field

from registry.records.content.common import Element, Harm, Object, RecordRef, Score, shorthand
from registry.records.content.partial import PartialDate
from registry.records.content.values import Few, Line, Tag, Terms, Text


class WeaknessTimes(Object):
    """When; each as far as it is known."""

    discovered: PartialDate | None = None
    reported: PartialDate | None = None
    acknowledged: PartialDate | None = None
    fixed: PartialDate | None = None
    disclosed: PartialDate | None = None


class Remedy(Element):
    """What helps. Plain text may be given instead of the object."""

    tag: Annotated[Tag, Terms(("safeguard", "action"))] | None = None
    mitigation: RecordRef | None = None
    text: Text | None = None


class Weakness(Object):
    """The content of a weakness."""

    class_: Annotated[Tag, Terms(("weakness",))] | None = Field(None, alias="class")
    severity: Annotated[Tag, Terms(("severity",))] | None = None
    scores: Few[Score] | None = None
    exploitability: Line | None = None
    exploited: Literal["yes", "no", "unknown"] | None = None
    status: Literal["open", "mitigated", "accepted", "fixed", "disputed"] | None = None
    times: WeaknessTimes | None = None
    remediation: Few[Annotated[Remedy, shorthand("text")]] | None = None
    reproduction: Text | None = None
    harms: Few[Harm] | None = None
