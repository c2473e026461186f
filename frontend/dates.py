"""Dates as records state them, in words that keep what is not known."""

import calendar
import re
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

from registry.clock import read_instant
from registry.records.content.partial import PartialDate

_MONTHS = tuple(calendar.month_name)[1:]
_SUFFIX = re.compile(r"[~?%]$")


def in_words(text: str) -> str:
    """`2024-04~` as `about April 2024`, `2024-07?` as `July 2024 (uncertain)`; other text as it stands."""
    try:
        date = PartialDate.parse(text)
    except ValueError:
        return text
    bare = _SUFFIX.sub("", date)
    day = datetime.fromisoformat(bare) if date.precision == "moment" else None
    match date.precision:
        case "year":
            said = bare
        case "month":
            said = f"{_MONTHS[int(bare[5:7]) - 1]} {bare[:4]}"
        case "day":
            said = f"{int(bare[8:10])} {_MONTHS[int(bare[5:7]) - 1]} {bare[:4]}"
        case _:
            said = _moment(day) if day else bare
    if date[-1] in "~%":
        said = f"about {said}"
    return f"{said} (uncertain)" if date[-1] in "?%" else said


def _moment(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}, {at:%H:%M} UTC"


def when(value: Any) -> Markup:
    """A partial date as a `time` element; anything else as escaped text."""
    text = str(value)
    try:
        bare = _SUFFIX.sub("", PartialDate.parse(text))
    except ValueError:
        return escape(text)
    return Markup('<time datetime="{}">{}</time>').format(bare, in_words(text))


def day(value: Any) -> Markup:
    """The day, in UTC, of a moment that the registry stamped."""
    at = _read(value)
    if at is None:
        return escape(str(value))
    said = f"{at.day} {_MONTHS[at.month - 1]} {at.year}"
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), said)


def moment(value: Any) -> Markup:
    """A moment that the registry stamped, to the minute, with its zone."""
    at = _read(value)
    if at is None:
        return escape(str(value))
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), _moment(at))


def _read(value: Any) -> datetime | None:
    try:
        at = value if isinstance(value, datetime) else read_instant(str(value))
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def span(value: Any) -> Markup:
    """`{from, to}` as one phrase; empty when neither is there."""
    if not isinstance(value, dict):
        return Markup("")
    first, last = value.get("from"), value.get("to")
    if first and last and first == last:
        return when(first)
    if first and last:
        return Markup("{} to {}").format(when(first), when(last))
    if first:
        return Markup("from {}").format(when(first))
    return Markup("until {}").format(when(last)) if last else Markup("")
