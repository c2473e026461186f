"""What is sent in, what is stored for readers, and the seven kinds of both.

A submission has the common fields at the top level, the kind's own under `content`, and may say who sees it
(`handling`, `restricted`). A document is what the public reads: a submission's public fields and what the
registry stamps on it.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from registry.records.content.common import (
    Absent,
    Alias,
    CitationUrl,
    Classification,
    CreditName,
    Element,
    Metric,
    Object,
    RecordRef,
    Relation,
    Revision,
    Source,
    StatedBy,
    SystemName,
    Translation,
)
from registry.records.content.evaluation import Evaluation
from registry.records.content.guideline import Guideline
from registry.records.content.incident import Incident
from registry.records.content.lesson import Lesson
from registry.records.content.mitigation import Mitigation
from registry.records.content.partial import Moment, PartialDate
from registry.records.content.response import Response
from registry.records.content.values import (
    ElementId,
    Few,
    Language,
    License,
    Line,
    Many,
    Narrative,
    Origin,
    Sha256,
    Tag,
    Term,
    Terms,
    Text,
    Word,
)
from registry.records.content.weakness import Weakness

Tlp = Literal["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class Common(Object):
    """The fields that every kind has and that its author writes."""

    attribution: Literal["named", "sector", "anonymous"] | None = None
    basis: Literal["first-party", "on-behalf", "third-party", "imported"] | None = None
    stated_by: Few[StatedBy] | None = None
    source: Source | None = None
    license: License | None = None
    credits: Many[CreditName] | None = None
    language: Language | None = None
    title: Line
    summary: Text | None = None
    narrative: Narrative | None = Field(None, description="The account, in Markdown.")
    tags: Many[Annotated[Tag, Terms()]] | None = None
    classifications: Many[Classification] | None = None
    systems: Few[SystemName] | None = None
    metrics: Few[Metric] | None = None
    aliases: Many[Alias] | None = None
    relations: Many[Relation] | None = None
    references: Many[CitationUrl] | None = None
    translations: Few[Translation] | None = None
    absent: Many[Absent] | None = None
    completeness: Literal["initial", "interim", "final"] | None = None
    known_as_of: PartialDate | None = None
    revision: Revision | None = None
    restricted_commits: Few["RestrictedCommit"] | None = None


class RestrictedCommit(Object):
    """The commitment to the version of a restricted part that stood when the public version was made."""

    id: ElementId
    commit: Sha256


class Handling(Object):
    """Who may see a record, and from when. Beside the document, never in it."""

    tlp: Tlp | None = Field(None, description="Traffic Light Protocol 2.0.")
    groups: Few[Slug] | None = None
    people: Few[Line] | None = None
    embargo_until: Moment | None = None


class Restricted(Element):
    """A part that only some may see: a merge patch (RFC 7396) over the document, elements matched by id."""

    tlp: Tlp
    groups: Few[Slug] | None = None
    people: Few[Line] | None = None
    content: dict[str, Any]


def _slugs_alone(sent: Any) -> Any:
    """Slugs, also where somebody sends back co-publishers as a draft shows them."""
    if not isinstance(sent, list):
        return sent
    return [one["slug"] if isinstance(one, dict) and "slug" in one else one for one in sent]


class Submitted(Common):
    """What comes beside the document in a submission."""

    co_providers: Annotated[Few[Slug] | None, BeforeValidator(_slugs_alone)] = Field(
        None, description="Organisations that are invited to publish it jointly."
    )
    handling: Handling | None = None
    restricted: Few[Restricted] | None = None


class Provider(Object):
    """The account that publishes, as it stood when it did."""

    slug: Slug
    name: Line
    domain: Line | None = None
    verified: bool | None = None


class Withdrawal(Object):
    """Why a record is not listed any more."""

    code: Word
    text: Text | None = None
    replaced_by: RecordRef | None = None


class Stamped(Common):
    """What the registry writes on a document."""

    schema_: Word | None = Field(None, alias="schema")
    id: Annotated[str, Field(max_length=40)]
    version: Annotated[int, Field(ge=1)]
    origin: Origin
    provider: Provider | None = None
    provider_sector: Annotated[Term, Terms(("sector",), or_text=True)] | None = None
    co_providers: Few[Provider] | None = None
    published: Moment
    modified: Moment
    updated: Moment
    withdrawal: Withdrawal | None = None


class IncidentSubmission(Submitted):
    kind: Literal["incident"]
    content: Incident


class WeaknessSubmission(Submitted):
    kind: Literal["weakness"]
    content: Weakness


class EvaluationSubmission(Submitted):
    kind: Literal["evaluation"]
    content: Evaluation


class MitigationSubmission(Submitted):
    kind: Literal["mitigation"]
    content: Mitigation


class LessonSubmission(Submitted):
    kind: Literal["lesson"]
    content: Lesson


class GuidelineSubmission(Submitted):
    kind: Literal["guideline"]
    content: Guideline


class ResponseSubmission(Submitted):
    kind: Literal["response"]
    content: Response


class IncidentDocument(Stamped):
    kind: Literal["incident"]
    content: Incident


class WeaknessDocument(Stamped):
    kind: Literal["weakness"]
    content: Weakness


class EvaluationDocument(Stamped):
    kind: Literal["evaluation"]
    content: Evaluation


class MitigationDocument(Stamped):
    kind: Literal["mitigation"]
    content: Mitigation


class LessonDocument(Stamped):
    kind: Literal["lesson"]
    content: Lesson


class GuidelineDocument(Stamped):
    kind: Literal["guideline"]
    content: Guideline


class ResponseDocument(Stamped):
    kind: Literal["response"]
    content: Response


SUBMISSIONS: dict[str, type[Submitted]] = {
    "incident": IncidentSubmission,
    "weakness": WeaknessSubmission,
    "evaluation": EvaluationSubmission,
    "mitigation": MitigationSubmission,
    "lesson": LessonSubmission,
    "guideline": GuidelineSubmission,
    "response": ResponseSubmission,
}
DOCUMENTS: dict[str, type[Stamped]] = {
    "incident": IncidentDocument,
    "weakness": WeaknessDocument,
    "evaluation": EvaluationDocument,
    "mitigation": MitigationDocument,
    "lesson": LessonDocument,
    "guideline": GuidelineDocument,
    "response": ResponseDocument,
}
KINDS = tuple(SUBMISSIONS)
STAMPED_FIELDS = frozenset(
    (
        "schema",
        "id",
        "version",
        "origin",
        "provider",
        "provider_sector",
        "published",
        "modified",
        "updated",
        "withdrawal",
    )
)

Submission = Annotated[
    IncidentSubmission
    | WeaknessSubmission
    | EvaluationSubmission
    | MitigationSubmission
    | LessonSubmission
    | GuidelineSubmission
    | ResponseSubmission,
    Field(discriminator="kind"),
]
Document = Annotated[
    IncidentDocument
    | WeaknessDocument
    | EvaluationDocument
    | MitigationDocument
    | LessonDocument
    | GuidelineDocument
    | ResponseDocument,
    Field(discriminator="kind"),
]
