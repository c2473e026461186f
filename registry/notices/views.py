from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from registry.clock import instant
from registry.db import now
from registry.notices.models import Notice, NoticeAnswer
from registry.records.models import Record


def received(notice: Notice, receipt: str) -> dict[str, Any]:
    """The answer to a notice: the same whatever there is under the id that it names."""
    return {
        "number": notice.number,
        "receipt": receipt,
        "status": f"/api/v1/notices/{receipt}",
        "page": f"/notices/{receipt}",
        "state": notice.state,
    }


def status(notice: Notice, answers: Sequence[NoticeAnswer]) -> dict[str, Any]:
    """What its sender reads. Not the text: the address may be seen by others in their house."""
    return {
        "number": notice.number,
        "kind": notice.kind,
        "about": notice.about,
        "state": notice.state,
        "received": instant(notice.at),
        "answers": [_answer(one) for one in answers],
    }


def _answer(one: NoticeAnswer) -> dict[str, Any]:
    told = {"at": instant(one.at), "action": one.action, "text": one.text, "response": one.response_id}
    return {name: value for name, value in told.items() if value is not None}


def in_queue(notice: Notice, record: Record | None) -> dict[str, Any]:
    """What stewards see of a notice; `exists` tells whether there is a record under the id."""
    until = notice.first_answer_at or now()
    told: dict[str, Any] = {
        "number": notice.number,
        "kind": notice.kind,
        "about": notice.about,
        "record": notice.record_id,
        "exists": record is not None,
        "suppressed": record.suppressed if record is not None else None,
        "text": notice.text,
        "contact": notice.contact,
        "language": notice.language,
        "state": notice.state,
        "received": instant(notice.at),
        "age_seconds": int((now() - notice.at).total_seconds()),
        "waited_seconds": int((until - notice.at).total_seconds()),
        "first_answer": instant(notice.first_answer_at) if notice.first_answer_at else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def listing(
    rows: Sequence[tuple[Notice, Record | None]], following: str | None, median: timedelta | None
) -> dict[str, Any]:
    return {
        "items": [in_queue(*row) for row in rows],
        "next": following,
        "median_seconds_to_first_answer": int(median.total_seconds()) if median is not None else None,
    }
