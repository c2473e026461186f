"""The classifications of the AI Incident Database as tags, with their annotators' remarks.

Tags follow the database's own taxa: `CSETv1:<field>/<value>`, `GMF:<field>/<value>`; MIT's are those of the
repository itself, `mit-risk:4.3` and `mit-causal:intent/intentional`. Snippets are left out: they quote
reports, whose texts keep their own rights. Classifications that were not published are left out too.
"""

import re
from collections.abc import Iterator
from typing import Any

from registry.exchange.aiid.cset import values
from registry.exchange.item import Row
from registry.exchange.pieces import classification
from registry.taxonomies.sources.loaded import slug

NAMESPACES = ("CSETv0", "CSETv1", "GMF", "MIT")
BY = {
    "CSETv0": "Center for Security and Emerging Technology",
    "CSETv1": "Center for Security and Emerging Technology",
    "GMF": "Goals, Methods and Failures annotators, AI Incident Database",
    "MIT": "MIT AI Risk Repository",
}
_VERSION = {"CSETv0": "0", "CSETv1": "1"}
# The fields that classify; the others describe, count or keep the annotators' books.
_FIELDS = {
    "CSETv0": (
        "Near Miss",
        "Intent",
        "Severity",
        "Harm Type",
        "Harm Distribution Basis",
        "Infrastructure Sectors",
        "Sector of Deployment",
        "Nature of End User",
        "Level of Autonomy",
        "Relevant AI functions",
        "Physical System",
        "Problem Nature",
    ),
    "CSETv1": (
        "Physical Objects",
        "Entertainment Industry",
        "Report, Test, or Study of data",
        "Deployed",
        "Producer Test in Controlled Conditions",
        "Producer Test in Operational Conditions",
        "User Test in Controlled Conditions",
        "User Test in Operational Conditions",
        "Harm Domain",
        "Tangible Harm",
        "AI System",
        "Clear link to technology",
        "AI Harm Level",
        "Impact on Critical Services",
        "Rights Violation",
        "Involving Minor",
        "Detrimental Content",
        "Protected Characteristic",
        "Harm Distribution Basis",
        "Special Interest Intangible Harm",
        "Multiple AI Interaction",
        "Embedded",
        "Location Region",
        "Infrastructure Sectors",
        "Sector of Deployment",
        "Public Sector Deployment",
        "Autonomy Level",
        "Intentional Harm",
        "AI Task",
        "AI tools and methods",
    ),
    "GMF": (
        "Known AI Goal",
        "Potential AI Goal",
        "Known AI Technology",
        "Potential AI Technology",
        "Known AI Technical Failure",
        "Potential AI Technical Failure",
    ),
}
# One value with commas in it, not a list of several.
_SENTENCES = frozenset(("Tangible Harm", "Intentional Harm"))
_NUMBER = re.compile(r"(\d(?:\.\d)?)\.? ")
_CAUSES = {"Entity": "entity", "Intent": "intent", "Timing": "timing"}


def tags_of(namespace: str, row: Row) -> list[dict[str, Any]]:
    """The classifications of one row."""
    if namespace == "MIT":
        return list(_mit(row))
    given = []
    for field in _FIELDS[namespace]:
        cell = row.get(field, "").strip()
        note = row.get(f"{field} Classification Discussion", "").strip() or None
        for value in [cell] if field in _SENTENCES and cell not in ("", "unclear") else values(cell):
            step = slug(value)
            if step and len(step) <= 100:
                tag = f"{namespace}:{slug(field)}/{step}"
                given.append(classification(tag, BY[namespace], _VERSION.get(namespace), note))
                # The discussion is of the field; once is enough.
                note = None
    return given


def _mit(row: Row) -> Iterator[dict[str, Any]]:
    for column in ("Risk Domain", "Risk Subdomain"):
        if found := _NUMBER.match(row.get(column, "")):
            yield classification(f"mit-risk:{found[1]}", BY["MIT"])
    for column, step in _CAUSES.items():
        if value := slug(row.get(column, "")):
            yield classification(f"mit-causal:{step}/{value}", BY["MIT"])
