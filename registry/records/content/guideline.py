"""Guideline: what a provider permits, forbids and looks at closely, and how it enforces that."""

from typing import Annotated

from registry.records.content.common import (
    Element,
    Object,
    RecommendationText,
    RecordRef,
    Span,
    SubjectTag,
    shorthand,
    tag_or_text,
)
from registry.records.content.values import Few, Many, Tag, Terms, Text, Url


class Clause(Element):
    """One rule, at which incidents can point. A plain tag or text may be given instead of the object."""

    tag: Annotated[Tag, Terms()] | None = None
    text: Text | None = None


class Enforcement(Element):
    """How the guideline is kept. Plain text may be given instead of the object."""

    mitigation: RecordRef | None = None
    text: Text | None = None


class Guideline(Object):
    """The content of a guideline."""

    applies_to: Few[SubjectTag] | None = None
    prohibited_uses: Many[Annotated[Clause, tag_or_text]] | None = None
    scrutinised_domains: Many[Annotated[Clause, tag_or_text]] | None = None
    recommendations: Few[RecommendationText] | None = None
    enforcement: Few[Annotated[Enforcement, shorthand("text")]] | None = None
    effective: Span | None = None
    url: Url | None = None
