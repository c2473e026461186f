"""The four fields that California's SB 53 and New York's RAISE Act share."""

from registry.reports.answers import at, each, first, instead, nothing, whatever
from registry.reports.model import Answer, Question, Source, State


def _internal_use(source: Source) -> Answer:
    found = source.find("/systems/*/access")
    if not found:
        return nothing(source, "/systems/*/access")
    places = tuple(each.pointer for each in found)
    inside = [each.value == "internal" for each in found]
    systems = len(source.find("/systems/*"))
    if len(set(inside)) > 1 or len(found) < systems:
        note = "Systems differ, or do not all say how they are reached."
        return Answer(any(inside), places, State.LOSSY, note)
    return Answer(inside[0], places, State.PRESENT)


QUESTIONS = (
    Question(
        "date",
        "Date of the incident",
        first(
            at("/content/times/started"),
            instead(at("/content/times/detected"), "When it was noticed, not when it happened."),
        ),
    ),
    Question(
        "why",
        "Why it qualifies",
        instead(
            whatever(
                event_class=at("/content/event_class"),
                severity=at("/content/severity"),
                harms=each("/content/harms", "tag", "text", "status"),
                nature=at("/content/nature"),
            ),
            "What it may qualify by. Say under which of the law's terms.",
        ),
    ),
    Question("statement", "Plain statement of what happened", at("/summary")),
    Question("internal-use", "Whether it came of internal use", _internal_use),
)
