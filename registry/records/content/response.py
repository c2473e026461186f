"""Response: what somebody else says about a record, under their own name."""

from typing import Literal

from registry.records.content.common import (
    Alias,
    Classification,
    Effectiveness,
    EvidenceText,
    Metric,
    Object,
    RecordRef,
    Relation,
)
from registry.records.content.values import Few, Text


class Proposals(Object):
    """What the respondent would add to the record."""

    classifications: Few[Classification] | None = None
    aliases: Few[Alias] | None = None
    relations: Few[Relation] | None = None


class Response(Object):
    """The content of a response."""

    about: RecordRef
    stance: Literal[
        "endorses",
        "confirms",
        "adopts",
        "plans",
        "declines",
        "evaluates",
        "supplements",
        "classifies",
        "disputes",
    ]
    effectiveness: Effectiveness | None = None
    metrics: Few[Metric] | None = None
    evidence: Few[EvidenceText] | None = None
    text: Text | None = None
    proposes: Proposals | None = None
