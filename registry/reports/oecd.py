"""The OECD's common reporting framework (February 2025): 29 criteria. It sets no time limit."""

from registry.reports.answers import at, doubted, each, first, instead, nothing, whatever
from registry.reports.facts import (
    description,
    no_version,
    submitter,
    without_element,
)
from registry.reports.model import Answer, Question, Regime, Source, State

# The classes that the framework and `event_class` share.
_CLASSES = ("hazard", "incident", "serious-incident", "disaster")
_GRAVE = ("severity:high", "severity:critical")
_FIVE = frozenset(
    f"principle:{name}"
    for name in ("inclusive-growth", "human-rights", "transparency", "robustness", "accountability")
)


def _severity(source: Source) -> Answer:
    place, of_effect = "/content/event_class", source.one("/content/severity")
    told = source.one(place)
    if told == "hazard" and of_effect in _GRAVE:
        note = "Read from event_class and severity: Candor has no class of its own for it."
        return Answer("serious hazard", (place, "/content/severity"), State.LOSSY, note)
    if told in _CLASSES:
        return Answer(told.replace("-", " "), (place,), State.PRESENT)
    if told == "near-miss":
        return Answer("hazard", (place,), State.LOSSY, "A near miss: the framework knows hazards alone.")
    if of_effect is not None:
        note = (
            "How grave it was, not its class: hazard, serious hazard, incident, serious incident, disaster."
        )
        return Answer(of_effect, ("/content/severity",), State.LOSSY, note)
    return nothing(source, place)


def _principles(source: Source) -> Answer:
    found = [
        each
        for pattern in ("/tags/*", "/classifications/*/tag")
        for each in source.find(pattern)
        if str(each.value).startswith(("principle:", "oecd-ai-principles:"))
    ]
    tags = list(dict.fromkeys(each.value for each in found))
    if not tags:
        return nothing(source, "/tags/*")
    places = tuple(each.pointer for each in found)
    others = [tag for tag in tags if tag.startswith("principle:") and tag not in _FIVE]
    if others:
        note = f"Not among the OECD's five principles: {', '.join(others)}."
        return Answer(tags, places, State.LOSSY, note)
    return Answer(tags, places, State.PRESENT)


def _several_systems(source: Source) -> Answer:
    systems = source.find("/systems/*")
    if len(systems) == 1:
        return Answer(None, ("/systems",), State.NOT_APPLICABLE, "One system is named.")
    note = "The systems and their roles; how they worked upon each other is told in the narrative at most."
    return instead(each("/systems", "name", "role", needs="role"), note)(source)


def _other(source: Source) -> Answer:
    answer = first(at("/content/chain"), at("/metrics"), at("/content/indicators"))(source)
    if answer.state is State.MISSING:
        return Answer(None, answer.places, State.NOT_APPLICABLE, "Nothing else is recorded.")
    return answer


def _industry_in_words(source: Source) -> str | None:
    words = [text for text in source.one("/content/sectors") or () if not str(text).startswith("sector:")]
    return f"Not sections of ISIC: {', '.join(words)}." if words else None


_HARM_IN_WORDS = without_element("/content/harms", "tag", "Some harms are told in words, without a type.")

REGIME = Regime(
    name="oecd",
    title="OECD common reporting framework for AI incidents",
    reference="OECD, Towards a common reporting framework for AI incidents, February 2025",
    questions=(
        Question("1-title", "Title", at("/title")),
        Question("2-description", "Description", description()),
        Question(
            "3-relation",
            "How the AI system relates to the event",
            whatever(
                role=each("/systems", "name", "role", needs="role"),
                nature=at("/content/nature"),
                causal_link=at("/content/causal_link"),
            ),
        ),
        Question("4-submitter", "Submitter", submitter()),
        Question(
            "5-first-known-date",
            "First known date",
            first(
                at("/content/times/started"),
                instead(at("/content/times/detected"), "When it was noticed, not when it began."),
                instead(at("/content/times/reported"), "When it was reported, not when it began."),
                instead(at("/content/times/disclosed"), "When it was disclosed, not when it began."),
            ),
            mandatory=False,
        ),
        Question("6-countries", "Countries", at("/content/countries"), mandatory=False),
        Question(
            "7-supporting-material",
            "Supporting material",
            whatever(
                references=each("/references", "title", "url"),
                evidence=each("/content/evidence", "description", "url", "sha256"),
            ),
        ),
        Question(
            "8-system",
            "Name and version of the system",
            doubted(each("/systems", "name", "version"), no_version),
            mandatory=False,
        ),
        Question(
            "9-developer-deployer",
            "Developer and deployer",
            doubted(
                each("/systems", "developer", "deployer"),
                without_element("/systems", "developer", "Some systems are named without a developer."),
            ),
            mandatory=False,
        ),
        Question("10-severity", "Severity", _severity),
        Question(
            "11-harm-type",
            "Type of harm",
            doubted(
                first(
                    at("/content/harms/*/tag"),
                    instead(at("/content/harms/*/text"), "In words, without a type."),
                ),
                _HARM_IN_WORDS,
            ),
        ),
        Question(
            "12-harm-quantification",
            "How much harm",
            first(
                each("/content/harms", "tag", "text", "quantity", needs="quantity"),
                each("/content/affected", "group", "count", needs="count"),
            ),
            mandatory=False,
        ),
        Question("13-use", "Unintended or wrongful use", at("/content/nature"), mandatory=False),
        Question("14-affected", "Affected stakeholders", at("/content/affected/*/group"), mandatory=False),
        Question("15-rights", "Impact on rights", at("/content/rights"), mandatory=False),
        Question("16-principles", "AI principles", _principles, mandatory=False),
        Question(
            "17-industries",
            "Industries (ISIC)",
            doubted(at("/content/sectors"), _industry_in_words),
            mandatory=False,
        ),
        Question("18-functions", "Business functions", at("/content/business_functions"), mandatory=False),
        Question(
            "19-infrastructure",
            "Critical infrastructure",
            at("/content/critical_infrastructure"),
            mandatory=False,
        ),
        Question("20-breadth", "Breadth of deployment", at("/content/breadth"), mandatory=False),
        Question(
            "21-training-data", "Link to training data", at("/systems/*/training_data"), mandatory=False
        ),
        Question("22-model", "Link to the model", each("/systems", "url", "identifiers"), mandatory=False),
        Question("23-usage-rights", "Usage rights", at("/systems/*/usage_rights"), mandatory=False),
        Question("24-interaction", "Interaction of several systems", _several_systems, mandatory=False),
        Question("25-tasks", "Tasks", at("/systems/*/tasks"), mandatory=False),
        Question(
            "26-autonomy",
            "Highest autonomy",
            instead(at("/systems/*/autonomy"), "In each system's own words; the highest is not marked."),
            mandatory=False,
        ),
        Question(
            "27-actions", "Actions taken", each("/content/actions", "at", "tag", "text"), mandatory=False
        ),
        Question("28-reproduction", "Steps to reproduce", at("/content/reproduction"), mandatory=False),
        Question("29-other", "Other", _other, mandatory=False),
    ),
    clocks=lambda source, now: [],
)
