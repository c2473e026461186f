from typing import Any

from registry.clock import instant
from registry.moderation.anomalies.models import Anomaly
from registry.moderation.anomalies.rules import RULES
from registry.providers.models import Provider

_ABOUT = {rule.name: rule.about for rule in RULES}


def anomaly(row: Anomaly, provider: Provider) -> dict[str, Any]:
    """What stewards see of one."""
    shown = {
        "number": row.pk,
        "provider": provider.slug,
        "rule": row.rule,
        "about": _ABOUT.get(row.rule),
        "detail": row.detail,
        "at": instant(row.at),
        "state": row.state,
        "answer": row.answer,
        "answered_by": row.answered_by,
        "reason": row.reason,
        "held": provider.held_at is not None,
    }
    return {key: value for key, value in shown.items() if value is not None}
