"""What several kinds share: the base of all objects, references, assertions, systems, metrics, evidence and
the like.

Conventions. A field that is absent is `None` here and missing in JSON. Elements of a list of objects carry a
short `id` that stays theirs from version to version. A list of record references needs none: the record's id
names each.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from registry.ids import PREFIX
from registry.records.content.partial import PartialDate
from registry.records.content.values import (
    Count,
    ElementId,
    Few,
    Fraction,
    Language,
    Line,
    Narrative,
    Number,
    Origin,
    Part,
    Pointer,
    RecordId,
    Sha256,
    Tag,
    Term,
    Terms,
    Text,
    Url,
    Word,
    looks_like_tag,
)


class Object(BaseModel):
    """The base of every object in a record."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        str_strip_whitespace=True,
        serialize_by_alias=True,
    )


class Element(Object):
    """An element of a list, at which others can point by its `id`."""

    id: ElementId | None = Field(
        None, description="Short id within its list; assigned when missing, then kept."
    )


def shorthand(field: str) -> BeforeValidator:
    """Lets plain text stand for an object with one field."""

    def widen(value: Any) -> Any:
        return {field: value} if isinstance(value, str) else value

    return BeforeValidator(widen)


def _tag_or_text(value: Any) -> Any:
    if isinstance(value, str):
        return {"tag" if looks_like_tag(value) else "text": value}
    return value


tag_or_text = BeforeValidator(_tag_or_text)
"""Lets a plain tag or plain text stand for an object that has both fields."""


class Reference(Object):
    """Another record, or a part of one. A missing `origin` is the document's own."""

    origin: Origin | None = Field(
        None, description="The registry that the record belongs to; its own when missing."
    )
    id: RecordId = Field(description="The record's id.")
    version: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    part: Part | None = Field(
        None,
        description="A pointer into the record; elements by their id: /content/prohibited_uses/3.",
    )


RecordRef = Annotated[Reference, shorthand("id")]


class Assertion(Object):
    """How sure somebody is that a thing is so. Most public material is allegation."""

    status: Literal["alleged", "suspected", "confirmed", "refuted"]
    confidence: Fraction | None = Field(None, description="0 to 1.")
    by: Line | None = None


class Span(Object):
    """A stretch of time."""

    from_: PartialDate | None = Field(None, alias="from")
    to: PartialDate | None = None


class CountRange(Object):
    """At least and at most so many; equal when known exactly."""

    min: Count | None = None
    max: Count | None = None


class Quantity(Object):
    """At least and at most so much of a unit."""

    min: Number | None = None
    max: Number | None = None
    unit: Word | None = None


class Note(Element):
    """A paragraph of its own. Plain text may be given instead of the object."""

    text: Text


NoteText = Annotated[Note, shorthand("text")]


class Instrument(Object):
    """A benchmark, test set, classifier or method."""

    name: Line
    version: Word | None = None
    url: Url | None = None


class Metric(Element):
    """One measured number with what a reader needs to understand it."""

    name: Annotated[Term, Terms(("metric",), or_text=True)] = Field(description="A metric: term, or words.")
    of: Line | None = Field(None, description="What was measured: shared images, flagged accounts.")
    comparator: Literal["lt", "le", "eq", "approx", "ge", "gt", "range"] | None = None
    value: Number | None = None
    high: Number | None = Field(None, description="The upper end of a range.")
    numerator: Number | None = None
    denominator: Number | None = None
    unit: Word | None = Field(None, description="percent, accounts, EUR; absent for a plain count.")
    population: Line | None = Field(None, description="Of what, or out of what.")
    instrument: Annotated[Instrument, shorthand("name")] | None = None
    period: Span | None = None
    note: Text | None = None


class Identifier(Object):
    """The name of something under somebody else's scheme."""

    scheme: Word
    value: Line


class System(Element):
    """An AI system or model. Organisations and systems are names; `*_ref` makes two spellings one."""

    name: Line
    ref: Annotated[Tag, Terms(("system",))] | None = None
    version: Word | None = None
    developer: Line | None = None
    developer_ref: Annotated[Tag, Terms(("org",))] | None = None
    deployer: Line | None = None
    deployer_ref: Annotated[Tag, Terms(("org",))] | None = None
    modality: Annotated[Tag, Terms(("modality",))] | None = None
    access: Literal["api", "open-weights", "product", "internal"] | None = None
    role: Annotated[Term, Terms(("system-role",), or_text=True)] | None = None
    tasks: Few[Annotated[Term, Terms(("task",), or_text=True)]] | None = None
    autonomy: Line | None = None
    identifiers: Few[Identifier] | None = None
    url: Url | None = None
    affected: Line | None = Field(None, description="Versions that are affected, in the developer's words.")
    fixed_in: Line | None = None
    exposed: Span | None = Field(None, description="When it was reachable in the state described.")
    training_data: Text | None = None
    usage_rights: Text | None = None
    assertion: Assertion | None = None


class Classification(Element):
    """One tag with who gave it and how."""

    tag: Annotated[Tag, Terms()]
    by: Line | None = None
    method: Literal["human", "machine", "import"] | None = None
    confidence: Fraction | None = Field(None, description="0 to 1.")
    taxonomy_version: Word | None = None
    note: Text | None = None


class Alias(Object):
    """The same matter, a part of it or more than it, under another scheme: a CVE, an AIID incident."""

    scheme: Word
    id: Line = Field(description="Its id under that scheme.")
    url: Url | None = None
    type: Literal["same", "part-of", "covers"] | None = None


class Relation(Element):
    """How this record stands to another."""

    type: Literal[
        "caused-by",
        "exploits",
        "mitigated-by",
        "derived-from",
        "breaches",
        "part-of-campaign",
        "same-as",
        "duplicate-of",
        "supersedes",
        "related",
    ]
    target: RecordRef
    note: Text | None = None


class Citation(Element):
    """Something to read elsewhere. A plain address may be given instead of the object."""

    url: Url | None = None
    title: Line | None = None
    type: Word | None = Field(None, description="article, paper, advisory, report, post, repository, ...")
    publisher: Line | None = None
    authors: Few[Line] | None = None
    published: PartialDate | None = None
    retrieved: PartialDate | None = None
    language: Language | None = None
    archive_url: Url | None = None
    sha256: Sha256 | None = None
    note: Text | None = None


class Translation(Element):
    """The record's words in another language."""

    language: Language
    title: Line
    summary: Text | None = None
    narrative: Narrative | None = None
    by: Line | None = None
    method: Literal["human", "machine"] | None = None


class Credit(Element):
    """Who is thanked or must be named. A plain name may be given instead of the object."""

    name: Line
    role: Line | None = None
    organisation: Line | None = None
    url: Url | None = None


class StatedBy(Element):
    """Who said what the record reports, with the statement."""

    name: Line
    role: Line | None = None
    organisation: Line | None = None
    organisation_ref: Annotated[Tag, Terms(("org",))] | None = None
    statement: Text | None = None
    reference: Url | None = None


class Source(Object):
    """Where an imported record came from. A re-import finds its record by provider, scheme and id."""

    scheme: Word
    id: Line
    url: Url | None = None
    retrieved: PartialDate | None = None
    sha256: Sha256 | None = None
    published: PartialDate | None = None


class Absent(Element):
    """A field that is empty on purpose, and why: unknown information is recorded as unknown."""

    pointer: Pointer
    reason: Literal["unknown", "not-applicable", "withheld", "not-assessed"]


class Revision(Object):
    """Why this version was made; from version 2."""

    type: Literal["correction", "new-information", "status", "editorial"]
    note: Text | None = None


class Cause(Element):
    """Why it happened."""

    type: Literal["root", "contributing"] | None = None
    tag: Annotated[Tag, Terms(("cause",))] | None = None
    text: Text | None = None


class Score(Element):
    """A severity score under a published scheme; CVSS vectors are checked."""

    scheme: Word = Field(description="CVSS, AIVSS, EPSS, ...")
    vector: Line | None = None
    value: Number | None = None


class Evidence(Element):
    """Material that supports the record. A plain address may be given instead of the object."""

    description: Text | None = None
    url: Url | None = None
    sha256: Sha256 | None = None


class Harm(Element):
    """Harm that was done, that could be done, or that was averted."""

    tag: Annotated[Tag, Terms(("harm",))] | None = None
    text: Text | None = None
    status: Literal["realised", "potential", "averted"] | None = None
    severity: Annotated[Tag, Terms(("severity",))] | None = None
    quantity: Quantity | None = None
    assertion: Assertion | None = None


def _evidence(value: Any) -> Any:
    if isinstance(value, str):
        return {"url" if "://" in value[:12] else "description": value}
    return value


EvidenceText = Annotated[Evidence, BeforeValidator(_evidence)]


class Effectiveness(Element):
    """How well something works against something, and how that is known."""

    against: Annotated[Tag, Terms()] | None = None
    outcome: Literal["effective", "partial", "ineffective", "harmful", "unknown"]
    basis: Literal["belief", "measured", "independent"] | None = None
    metrics: Few[Metric] | None = None
    evidence: EvidenceText | None = None


class Subject(Element):
    """What a mitigation or guideline applies to: a tag, a record, or words.

    A tag, words or a bare record reference may be given instead of the object.
    """

    tag: Annotated[Tag, Terms()] | None = None
    record: RecordRef | None = None
    text: Line | None = None


def _subject(value: Any) -> Any:
    if isinstance(value, str):
        if value.startswith((PREFIX, "source:")):
            return {"record": {"id": value}}
        return {"tag" if looks_like_tag(value) else "text": value}
    if (
        isinstance(value, dict)
        and "record" not in value
        and str(value.get("id")).startswith((PREFIX, "source:"))
    ):
        return {"record": value}
    return value


SubjectTag = Annotated[Subject, BeforeValidator(_subject)]


class Recommendation(Element):
    """What others should do. Plain text may be given instead of the object."""

    text: Text
    audience: Annotated[Term, Terms((), or_text=True)] | None = None
    lifecycle: Annotated[Tag, Terms(("lifecycle",))] | None = None
    mitigations: Few[RecordRef] | None = None


SystemName = Annotated[System, shorthand("name")]
CitationUrl = Annotated[Citation, shorthand("url")]
CreditName = Annotated[Credit, shorthand("name")]
RecommendationText = Annotated[Recommendation, shorthand("text")]
MetricName = Annotated[Metric, shorthand("name")]
