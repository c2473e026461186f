"""Incident: something happened, nearly happened, or could have."""

from typing import Annotated, Literal

from pydantic import Field

from registry.records.content.common import (
    Assertion,
    Cause,
    CountRange,
    Element,
    EvidenceText,
    Harm,
    Object,
    RecordRef,
    Score,
)
from registry.records.content.partial import PartialDate
from registry.records.content.values import Country, Few, Line, Many, Tag, Term, Terms, Text, Word


class Extent(Object):
    """One event, a campaign, or a count of many."""

    type: Literal["single", "campaign", "aggregate"]
    events: CountRange | None = None


class IncidentTimes(Object):
    """When; each as far as it is known. `aware` is when the provider learned of it."""

    started: PartialDate | None = None
    ended: PartialDate | None = None
    detected: PartialDate | None = None
    aware: PartialDate | None = None
    contained: PartialDate | None = None
    reported: PartialDate | None = None
    disclosed: PartialDate | None = None
    resolved: PartialDate | None = None
    date_unspecified: bool | None = Field(None, description="True when the source gives no date at all.")


class Actor(Element):
    """Who is said to have done it."""

    name: Line | None = None
    ref: Annotated[Tag, Terms(("actor",))] | None = None
    aliases: Few[Line] | None = None
    type: Annotated[Term, Terms(("actor",), or_text=True)] | None = None
    affiliation: Line | None = None
    motive: Annotated[Term, Terms(("motive",), or_text=True)] | None = None
    sophistication: Line | None = None
    region: Line | None = None
    target_countries: Few[Country] | None = None
    accounts: CountRange | None = None
    assertion: Assertion | None = None


class Affected(Element):
    """Whom it touched."""

    group: Annotated[Term, Terms(("affected",), or_text=True)]
    count: CountRange | None = None


class ChainStep(Element):
    """One step of what happened, in order."""

    at: PartialDate | None = None
    tags: Few[Annotated[Tag, Terms()]] | None = None
    text: Text | None = None


class Detection(Object):
    """How it came to light."""

    method: Annotated[Term, Terms(("detection",), or_text=True)] | None = None
    by: Literal["internal", "external", "partner"] | None = None


class SafeguardOutcome(Element):
    """A safeguard that was there, or should have been, and what became of it."""

    tag: Annotated[Tag, Terms(("safeguard",))] | None = None
    mitigation: RecordRef | None = None
    against: Few[Annotated[Tag, Terms()]] | None = None
    outcome: Literal["worked", "bypassed", "absent", "degraded", "unknown"]
    text: Text | None = None


class Action(Element):
    """What was done about it."""

    at: PartialDate | None = None
    tag: Annotated[Tag, Terms(("action",))] | None = None
    text: Text | None = None


class Filing(Element):
    """A report that a law asked for."""

    regime: Word = Field(description="oecd, eu-73, eu-gpai, us-ca-sb53, us-ny-raise, or another.")
    authority: Line | None = None
    reference: Line | None = None
    due: PartialDate | None = None
    filed: PartialDate | None = None


class Contact(Element):
    """Whom an authority may ask."""

    name: Line
    role: Line | None = None
    address: Line | None = None


class Indicator(Element):
    """Something by which others can recognise the same activity."""

    type: Word = Field(description="domain, url, account, sha256, phrase, ...")
    value: Line
    role: Line | None = None
    first_seen: PartialDate | None = None
    last_seen: PartialDate | None = None


class Incident(Object):
    """The content of an incident."""

    assertion: Assertion | None = None
    event_class: Literal["hazard", "near-miss", "incident", "serious-incident", "disaster"] | None = None
    severity: Annotated[Tag, Terms(("severity",))] | None = None
    setting: Literal["in-the-wild", "exercise", "controlled-test"] | None = None
    extent: Extent | None = None
    status: Literal["ongoing", "contained", "resolved"] | None = None
    nature: Few[Literal["misuse", "attack", "unintended-harm", "failure"]] | None = Field(
        None, description="misuse: the system as instrument; attack: the system as target."
    )
    times: IncidentTimes | None = None
    actors: Few[Actor] | None = None
    affected: Few[Affected] | None = None
    platforms: Few[Annotated[Term, Terms(("platform",), or_text=True)]] | None = None
    harms: Few[Harm] | None = None
    chain: Many[ChainStep] | None = None
    detection: Detection | None = None
    safeguards: Few[SafeguardOutcome] | None = None
    actions: Few[Action] | None = None
    causes: Few[Cause] | None = None
    causal_link: Text | None = Field(None, description="How the system's output led to the harm.")
    exploits: Few[RecordRef] | None = Field(None, description="Weaknesses that were used.")
    scores: Few[Score] | None = None
    countries: Annotated[list[Country], Field(max_length=300)] | None = None
    sectors: Few[Annotated[Term, Terms(("sector",), or_text=True)]] | None = None
    business_functions: Few[Line] | None = None
    critical_infrastructure: bool | None = None
    rights: Few[Annotated[Tag, Terms(("rights",))]] | None = None
    breadth: Line | None = Field(None, description="How widely the system was deployed.")
    filings: Few[Filing] | None = None
    contacts: Few[Contact] | None = None
    evidence: Few[EvidenceText] | None = None
    indicators: Many[Indicator] | None = None
    reproduction: Text | None = None
