from typing import Any

from registry.clock import instant
from registry.waiting import QueueItem


def item(row: QueueItem) -> dict[str, Any]:
    """One thing that waits."""
    shown = {
        "type": row.type,
        "subject": row.subject,
        "since": instant(row.since),
        "due": instant(row.due) if row.due else None,
        "text": row.text,
        "link": row.link,
    }
    return {key: value for key, value in shown.items() if value is not None}
