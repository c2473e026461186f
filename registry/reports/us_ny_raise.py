"""New York's RAISE Act: safety incidents. 72 hours."""

from datetime import datetime

from registry.reports.clocks import from_awareness
from registry.reports.model import Clock, Regime, Source
from registry.reports.plain import QUESTIONS

NAME = "us-ny-raise"


def _clocks(source: Source, now: datetime) -> list[Clock]:
    return [from_awareness(source, now, regime=NAME, name="report", title="Report", hours=72)]


REGIME = Regime(
    name=NAME,
    title="New York RAISE Act: report of a safety incident",
    reference="New York, Responsible AI Safety and Education (RAISE) Act",
    questions=QUESTIONS,
    clocks=_clocks,
)
