"""What leaves the audit trail, as JSON and as rows of a table."""

import csv
import io
from collections.abc import Iterable
from typing import Any

import msgspec

from registry.audit.models import Act
from registry.clock import instant

COLUMNS = (
    "at",
    "actor",
    "actor_provider",
    "topic",
    "action",
    "subject",
    "version",
    "commit",
    "address",
    "request",
    "detail",
)
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def act(row: Act, reader: str | None) -> dict[str, Any]:
    """One act. `reader` is the slug of the organisation that reads; None for stewards.

    An address is told to stewards, and to an organisation for those who act for it: where others sit is not
    its business.
    """
    shown: dict[str, Any] = {
        "at": instant(row.at),
        "actor": row.actor,
        "actor_provider": row.actor_provider,
        "topic": row.topic,
        "action": row.action,
        "subject": row.subject,
        "version": row.version,
        "commit": row.commit,
        "request": row.request,
        "detail": row.detail or None,
    }
    if reader is None or row.actor_provider == reader:
        shown["address"] = row.address
    return {name: value for name, value in shown.items() if value is not None}


def as_line(shown: dict[str, Any]) -> bytes:
    """One act as a line of NDJSON."""
    return msgspec.json.encode(shown) + b"\n"


def as_row(shown: dict[str, Any]) -> bytes:
    """One act as a row of CSV that no spreadsheet takes for a formula."""
    return _row(_cell(shown.get(name)) for name in COLUMNS)


def head() -> bytes:
    return _row(COLUMNS)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"'{text}" if text.startswith(_FORMULA) else text


def _row(cells: Iterable[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue().encode()
