"""Article 73 of the EU AI Act: serious incidents of high-risk systems.

15 days; 10 for a death; 2 for critical infrastructure or a widespread infringement. An incomplete first
report may be followed by a complete one.
"""

from datetime import datetime

from registry.reports.answers import at, each, instead, nothing, together, whatever
from registry.reports.clocks import from_awareness
from registry.reports.facts import any_death, hits_infrastructure, narrative, submitter, system_and_version
from registry.reports.model import Answer, Clock, Question, Regime, Source, State

NAME = "eu-73"


def _registration(source: Source) -> Answer:
    found = [
        each
        for each in source.find("/systems/*/identifiers/*")
        if "eu" in str(each.value.get("scheme")).split("-")
    ]
    if not found:
        return nothing(source, "/systems/*/identifiers/*")
    values = [f"{each.value['scheme']} {each.value['value']}" for each in found]
    return Answer(values, tuple(each.pointer for each in found), State.PRESENT)


def _category(source: Source) -> Answer:
    note = "What the record says of harm, infrastructure and rights. Choose the category yourself."
    return instead(
        whatever(
            harms=each("/content/harms", "tag", "text", "status"),
            critical_infrastructure=at("/content/critical_infrastructure"),
            rights=at("/content/rights"),
        ),
        note,
    )(source)


def _clocks(source: Source, now: datetime) -> list[Clock]:
    if hits_infrastructure(source):
        days, why = 2, "Critical infrastructure: 2 days."
    elif any_death(source):
        days, why = 10, "A death: 10 days. 2 if the infringement is widespread."
    else:
        days, why = (
            15,
            "10 days if somebody died, 2 for critical infrastructure or a widespread infringement.",
        )
    return [
        from_awareness(source, now, regime=NAME, name="report", title="First report", days=days, note=why)
    ]


REGIME = Regime(
    name=NAME,
    title="EU AI Act, Article 73: report of a serious incident",
    reference="Regulation (EU) 2024/1689, Article 73",
    questions=(
        Question("provider", "Provider", submitter()),
        Question("registration", "Registration id in the EU database", _registration),
        Question("system", "System and version", system_and_version()),
        Question(
            "annex-iii-class",
            "Class under Annex III",
            instead(
                whatever(tasks=at("/systems/*/tasks"), sectors=at("/content/sectors")),
                "What the system did and where; the class itself has no field here. Fill it in.",
            ),
        ),
        Question(
            "dates",
            "When it occurred, and when the provider became aware",
            together(occurred=at("/content/times/started"), aware=at("/content/times/aware")),
        ),
        Question("category", "Category under Article 3(49)", _category),
        Question("affected", "Persons affected", each("/content/affected", "group", "count")),
        Question("narrative", "Narrative", narrative()),
        Question(
            "containment",
            "Times of containment",
            together(contained=at("/content/times/contained"), resolved=at("/content/times/resolved")),
        ),
        Question("root-cause", "Root cause", each("/content/causes", "type", "tag", "text")),
        Question("corrective-measures", "Corrective measures", each("/content/actions", "at", "tag", "text")),
        Question("contact", "Contact", each("/content/contacts", "name", "role", "address")),
    ),
    clocks=_clocks,
)
