"""What the terms of records are called on pages, in one place: the beginning of a catalogue of interface
strings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record in words."""

    id: str
    one: str
    many: str
    about: str


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.id: kind
        for kind in (
            Kind(
                "incident",
                "Incident",
                "Incidents",
                "Misuse, attacks, failures: what happened, or nearly did.",
            ),
            Kind("weakness", "Weakness", "Weaknesses", "Known weaknesses and vulnerabilities of systems."),
            Kind(
                "evaluation",
                "Evaluation",
                "Evaluations",
                "What tests looked for, what they saw and what not.",
            ),
            Kind(
                "mitigation",
                "Mitigation",
                "Mitigations",
                "What is done against misuse, and how well it works.",
            ),
            Kind("lesson", "Lesson", "Lessons", "What was learned, written so that others can adopt it."),
            Kind(
                "guideline",
                "Guideline",
                "Guidelines",
                "What providers prohibit, look at closely and enforce.",
            ),
            Kind("response", "Response", "Responses", "What others confirm, adopt, evaluate or dispute."),
        )
    }
)


def kind_of(id: str) -> Kind:
    """The words for a kind; for one that a newer registry may have, its own name."""
    return KINDS.get(id) or Kind(id, id.capitalize(), id.capitalize(), "")


BASIS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "first-party": ("First-party", "Disclosed by the organisation itself."),
        "on-behalf": ("On behalf", "Published on behalf of the organisation."),
        "third-party": ("Third-party account", "Not a statement of the organisations it speaks of."),
        "imported": ("Imported", "From a public source; not a statement of the organisations it speaks of."),
    }
)
"""A short name, and what it means for the reader."""

ASSERTION: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "alleged": ("Alleged", "Somebody says so; nothing here confirms it."),
        "suspected": ("Suspected", "There are grounds for it; it is not confirmed."),
        "confirmed": ("Confirmed", "Said to be established, by whoever is named."),
        "refuted": ("Refuted", "Found not to be so."),
    }
)

STANCE: Mapping[str, str] = MappingProxyType(
    {
        "endorses": "Endorses",
        "confirms": "Confirms",
        "adopts": "Adopts",
        "plans": "Plans to adopt",
        "declines": "Declines",
        "evaluates": "Evaluates",
        "supplements": "Adds to",
        "classifies": "Classifies",
        "disputes": "Disputes",
    }
)

RELATION: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "caused-by": ("Caused by", "Caused"),
        "exploits": ("Exploits", "Exploited by"),
        "mitigated-by": ("Mitigated by", "Mitigates"),
        "derived-from": ("Derived from", "Led to"),
        "breaches": ("Breaches", "Breached by"),
        "part-of-campaign": ("Part of the campaign", "Includes"),
        "same-as": ("Said to be the same as", "Said to be the same as"),
        "duplicate-of": ("Duplicate of", "Has the duplicate"),
        "supersedes": ("Supersedes", "Superseded by"),
        "related": ("Related to", "Related to"),
    }
)
"""Seen from the record that states it, and from its target."""

TIMES: Mapping[str, str] = MappingProxyType(
    {
        "started": "Started",
        "ended": "Ended",
        "discovered": "Discovered",
        "detected": "Detected",
        "aware": "Provider aware",
        "contained": "Contained",
        "reported": "Reported",
        "acknowledged": "Acknowledged",
        "fixed": "Fixed",
        "disclosed": "Disclosed",
        "resolved": "Resolved",
    }
)
"""In the order in which they usually come."""

# Terms that read badly when only their hyphens are taken out.
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "api": "API",
        "in-the-wild": "In the wild",
        "near-miss": "Near miss",
        "not-observed": "Not observed",
        "unintended-harm": "Unintended harm",
        "part-of": "Part of",
        "same": "The same matter",
        "covers": "Covers",
        "import": "On import",
        "human": "By people",
        "machine": "By machine",
    }
)

ABSENT: Mapping[str, str] = MappingProxyType(
    {
        "unknown": "not known",
        "not-applicable": "does not apply",
        "withheld": "withheld",
        "not-assessed": "not assessed",
    }
)

ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "published": "Published",
        "revised": "Revised",
        "withdrawn": "Withdrawn",
        "reinstated": "Reinstated",
    }
)

REVISIONS: Mapping[str, str] = MappingProxyType(
    {
        "correction": "Correction",
        "new-information": "New information",
        "status": "Change of status",
        "editorial": "Editorial change, the meaning is the same",
    }
)


def word(term: object) -> str:
    """A term of a closed list as a word: `serious-incident` becomes `Serious incident`."""
    text = str(term)
    return _WORDS.get(text) or text.replace("-", " ").replace("_", " ").capitalize()


def pointed(pointer: str) -> str:
    """A JSON pointer into a record in words: `/content/affected/1/count` becomes `affected 1, count`."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    words: list[str] = []
    for step in steps:
        if step == "content" and not words:
            continue
        # A number names an element of the list before it.
        if words and step[:1].isdigit():
            words[-1] += f" {step}"
        else:
            words.append(step.replace("_", " "))
    return ", ".join(words)
