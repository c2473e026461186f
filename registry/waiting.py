"""What waits for somebody: one shape for everything that a room wants to be looked at."""

from dataclasses import dataclass
from datetime import datetime

MOST = 200
"""Items of one sort that a room hands over; the oldest come first, and the rest when those are dealt with."""


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One thing that waits. `type` names its sort, `subject` what it is about; `due` is when it is too late,
    where there is such a time. `text` says in a sentence what is to be done, and `link` leads there.
    """

    type: str
    subject: str
    since: datetime
    text: str
    link: str
    due: datetime | None = None
