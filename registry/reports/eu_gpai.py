"""The EU code of practice for general-purpose AI, measures 9.2 to 9.4: serious incidents of models.

Nine fields. A first report within 2, 5, 10 or 15 days by type: disruption of critical infrastructure, breach
of security, death, other serious harm. Updates every four weeks, and a final report within 60 days of the
resolution. What is kept is kept for five years, and what is not known is recorded as unknown.
"""

from dataclasses import replace
from datetime import datetime

from registry.reports.answers import at, each, instead, nothing, together, whatever
from registry.reports.clocks import RESOLVED, filed, from_awareness, moment, running
from registry.reports.facts import SECURITY, any_death, harms, hits_infrastructure, system_and_version
from registry.reports.model import Answer, Clock, ClockState, Question, Regime, Source, State

NAME = "eu-gpai"
UPDATE_DAYS, FINAL_DAYS = 28, 60


def _advice(source: Source) -> Answer:
    found = nothing(source, "/relations/*")
    if found.state is not State.MISSING:
        return found
    note = "Incidents hold none: recommendations stand in lessons that are derived from them. Fill it in."
    return replace(found, note=note)


def _near_misses(source: Source) -> Answer:
    note = "One record tells of one matter; a pattern shows in the records that it is related to."
    return instead(
        whatever(extent=at("/content/extent"), related=each("/relations", "type", "target")),
        note,
    )(source)


def _days(source: Source) -> tuple[int, str]:
    if hits_infrastructure(source):
        return 2, "Critical infrastructure."
    if any(harms(source, SECURITY)) or "attack" in (source.one("/content/nature") or ()):
        return 5, "A breach of security."
    if any_death(source):
        return 10, "A death."
    return 15, "2 days for critical infrastructure, 5 for a breach of security, 10 for a death."


def _clocks(source: Source, now: datetime) -> list[Clock]:
    days, why = _days(source)
    clocks = [
        from_awareness(source, now, regime=NAME, name="report", title="First report", days=days, note=why)
    ]
    reports, resolved = filed(source, NAME), moment(source, RESOLVED)
    update = Clock("update", "Update", ClockState.WAITING, days=UPDATE_DAYS)
    if resolved is not None:
        clocks.append(_final(reports, resolved, now))
    elif not reports:
        clocks.append(replace(update, note="Every four weeks once the first report is filed."))
    else:
        note = "Every four weeks, counted from the newest filing, until the incident is resolved."
        clocks.append(running(reports[-1], now, name="update", title="Update", days=UPDATE_DAYS, note=note))
    if resolved is None:
        note = "Starts when the incident is resolved (times.resolved)."
        clocks.append(Clock("final", "Final report", ClockState.WAITING, days=FINAL_DAYS, note=note))
    return clocks


def _final(reports: list[datetime], resolved: tuple[datetime, str | None], now: datetime) -> Clock:
    starts, reading = resolved
    met = bool(reports) and reports[-1] >= starts and len(reports) > 1
    return running(starts, now, name="final", title="Final report", days=FINAL_DAYS, note=reading, met=met)


REGIME = Regime(
    name=NAME,
    title="EU code of practice for general-purpose AI: report of a serious incident",
    reference="General-Purpose AI Code of Practice, measures 9.2 to 9.4",
    questions=(
        Question(
            "dates",
            "Start and end",
            together(started=at("/content/times/started"), ended=at("/content/times/ended")),
        ),
        Question(
            "harm",
            "Harm and victims",
            together(
                harms=each("/content/harms", "tag", "text", "status", "severity", "quantity"),
                victims=each("/content/affected", "group", "count"),
            ),
        ),
        Question("chain", "Chain of events", each("/content/chain", "at", "tags", "text")),
        Question("model", "Model", system_and_version()),
        Question("evidence", "Evidence", each("/content/evidence", "description", "url", "sha256")),
        Question("response", "Response", each("/content/actions", "at", "tag", "text")),
        Question("recommendations", "Recommendations to authorities", _advice),
        Question(
            "root-cause",
            "Root cause, with inputs and bypassed mitigations",
            together(
                causes=each("/content/causes", "type", "tag", "text"),
                inputs=at("/content/reproduction"),
                mitigations=each("/content/safeguards", "tag", "mitigation", "outcome", "text"),
            ),
        ),
        Question("near-misses", "Patterns of near misses", _near_misses),
    ),
    clocks=_clocks,
)
