"""California's SB 53: critical safety incidents. 15 days; 24 hours where danger is imminent."""

from datetime import datetime

from registry.reports.clocks import from_awareness
from registry.reports.facts import PHYSICAL, harms
from registry.reports.model import Clock, Regime, Source
from registry.reports.plain import QUESTIONS

NAME = "us-ca-sb53"


def _clocks(source: Source, now: datetime) -> list[Clock]:
    clocks = [from_awareness(source, now, regime=NAME, name="report", title="Report", days=15)]
    if source.one("/content/status") == "ongoing" and any(harms(source, PHYSICAL, averted=True)):
        note = "It goes on and people may come to bodily harm: judge whether danger is imminent."
        clocks.insert(
            0,
            from_awareness(
                source, now, regime=NAME, name="imminent", title="Imminent danger", hours=24, note=note
            ),
        )
    return clocks


REGIME = Regime(
    name=NAME,
    title="California SB 53: report of a critical safety incident",
    reference="California, Senate Bill 53 (2025)",
    questions=QUESTIONS,
    clocks=_clocks,
)
