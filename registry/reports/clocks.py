"""Time limits: when they began, when they end, and whether they were met. Pure.

A date of less than a moment is read as the first moment that it may mean: whoever relies on the earliest
reading is never late.
"""

from datetime import datetime, timedelta

from registry.records.content.partial import PartialDate
from registry.reports.model import Clock, ClockState, Source

AWARE = "/content/times/aware"
RESOLVED = "/content/times/resolved"


def moment(source: Source, pointer: str) -> tuple[datetime, str | None] | None:
    """The earliest reading of a date, and a sentence on it where it is not a moment; None without a date."""
    text = source.one(pointer)
    if not isinstance(text, str):
        return None
    try:
        date = PartialDate.parse(text)
        starts = date.earliest()
    except (ValueError, OverflowError):
        return None  # an import keeps what it cannot read
    if date.precision == "moment" and not date.uncertain:
        return starts, None
    return starts, f"{pointer.rpartition('/')[2]} is {date}, read as its first moment in UTC."


def filed(source: Source, regime: str) -> list[datetime]:
    """When reports under a regime were filed, as `filings` records it, in order."""
    dates = []
    for filing in source.one("/content/filings") or ():
        if filing.get("regime") == regime and isinstance(filing.get("filed"), str):
            try:
                dates.append(PartialDate.parse(filing["filed"]).latest())
            except (ValueError, OverflowError):
                continue
    return sorted(dates)


def from_awareness(
    source: Source,
    now: datetime,
    *,
    regime: str,
    name: str,
    title: str,
    days: int | None = None,
    hours: int | None = None,
    note: str | None = None,
) -> Clock:
    """The time for the first report. It starts when the provider became aware, and any filing meets it."""
    started = moment(source, AWARE)
    if started is None:
        reason = source.absence(AWARE)
        missing = f"times.aware is recorded as {reason}." if reason else "Starts with times.aware."
        state = ClockState.FILED if filed(source, regime) else ClockState.WAITING
        return Clock(name, title, state, None, None, days, hours, _joined(missing, note))
    starts, reading = started
    return running(
        starts,
        now,
        name=name,
        title=title,
        days=days,
        hours=hours,
        note=_joined(reading, note),
        met=bool(filed(source, regime)),
    )


def running(
    starts: datetime,
    now: datetime,
    *,
    name: str,
    title: str,
    days: int | None = None,
    hours: int | None = None,
    note: str | None = None,
    met: bool = False,
) -> Clock:
    """A clock that has started."""
    due = starts + timedelta(days=days or 0, hours=hours or 0)
    state = ClockState.FILED if met else ClockState.OVERDUE if now > due else ClockState.RUNNING
    return Clock(name, title, state, starts, due, days, hours, note)


def _joined(*sentences: str | None) -> str | None:
    return " ".join(sentence for sentence in sentences if sentence) or None
