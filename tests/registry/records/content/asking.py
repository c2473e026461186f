"""Asking the check, with a small vocabulary, and the submissions that the tests begin with."""

import re
from typing import Any

from registry.errors import Severity
from registry.records.content.check import check
from registry.taxonomies.vocabulary import Taxonomy, Term, Vocabulary

Found = list[tuple[str, str]]
JARGON = re.compile(
    r"pydantic|input should|valid (?!ipv6)|validat|ctx|dict|_type|nonetype|extra_|literal", re.IGNORECASE
)


def taxonomy(namespace: str, *terms: str, deprecated: dict[str, str] | None = None) -> Taxonomy:
    old = deprecated or {}
    return Taxonomy(
        namespace=namespace,
        version="1",
        name=namespace.title(),
        publisher="Example",
        licence="CC0-1.0",
        terms=tuple(
            Term(id=term, label=term, definition=f"{term}.", deprecated_by=old.get(term)) for term in terms
        ),
    )


VOCABULARY = Vocabulary(
    [
        taxonomy("misuse", "fraud", "fraud/phishing", "impersonation", "scam", deprecated={"scam": "fraud"}),
        taxonomy("harm", "financial", "psychological"),
        taxonomy("severity", "low", "moderate", "high"),
        taxonomy("actor", "criminal", "unknown"),
    ]
)


def errors(raw: Any, **options: Any) -> Found:
    """The errors of a submission; none of their texts may leak what the check is made of."""
    findings = check(raw, **{"vocabulary": VOCABULARY, **options}).findings
    for finding in findings:
        assert not JARGON.search(finding.message + (finding.suggestion or ""))
    return [(f.code, f.pointer) for f in findings if f.severity is Severity.ERROR]


def warnings(raw: Any, **options: Any) -> Found:
    findings = check(raw, **{"vocabulary": VOCABULARY, **options}).findings
    return [(f.code, f.pointer) for f in findings if f.severity is Severity.WARNING]


def suggestion(raw: Any, code: str) -> str:
    return next(f.suggestion or "" for f in check(raw, vocabulary=VOCABULARY).findings if f.code == code)


def incident(content: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"kind": "incident", "title": "A title", "content": content or {"breadth": "wide"}, **fields}
