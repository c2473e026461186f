"""Numbers as records state them, in words that add no precision and drop no caution."""

import math
import re
from collections.abc import Mapping
from typing import Any

_COMPARATORS = {
    "lt": "less than ",
    "le": "at most ",
    "approx": "about ",
    "ge": "at least ",
    "gt": "more than ",
}
_CURRENCY = re.compile(r"[A-Z]{3}")
# A line must not break between a number and its unit.
_GAP = "\u00a0"
_UNITS = {
    "percent": f"{_GAP}%",
    "percent-change": f"{_GAP}% change",
    "percentage-points": f"{_GAP}percentage points",
}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def number(value: Any) -> str:
    """Grouped by thousands: `3,000,000`, `0.05`, `−55`; anything but a number as it stands."""
    if not is_number(value):
        return str(value)
    return (f"{value:,}" if isinstance(value, int) else f"{value:,.12g}").replace("-", "−", 1)


def with_unit(text: str, unit: Any) -> str:
    """`30 %`, `1,000 people per week`, `HKD 200,000,000`."""
    if not isinstance(unit, str) or not unit:
        return text
    if _CURRENCY.fullmatch(unit):
        return f"{unit}{_GAP}{text}"
    return text + _UNITS.get(unit, f"{_GAP}{unit.replace('-', ' ')}")


def extent(value: Any) -> str:
    """`{min, max, unit}` as `HKD 12,000 to 15,000`, `at least 3`, `3`; empty when it holds no number."""
    if not isinstance(value, Mapping):
        return ""
    low, high, unit = value.get("min"), value.get("max"), value.get("unit")
    if is_number(low) and is_number(high):
        return with_unit(number(low) if low == high else f"{number(low)} to {number(high)}", unit)
    if is_number(low):
        return "at least " + with_unit(number(low), unit)
    return "at most " + with_unit(number(high), unit) if is_number(high) else ""


def metric(value: Any) -> str:
    """The number of a metric with its comparator and unit, as it was stated: `less than 0.05 %`."""
    if not isinstance(value, Mapping):
        return ""
    comparator, unit = value.get("comparator"), value.get("unit")
    low, high = value.get("value"), value.get("high")
    if not is_number(low):
        return share(value)
    if comparator == "range" and is_number(high):
        return with_unit(f"{number(low)} to {number(high)}", unit)
    rises = unit == "percent-change" and comparator is None and float(low or 0) > 0
    signed = f"+{number(low)}" if rises else number(low)
    return _COMPARATORS.get(str(comparator), "") + with_unit(signed, unit)


def share(value: Mapping[str, Any]) -> str:
    """`10 of 400`, or what there is of it."""
    top, bottom = value.get("numerator"), value.get("denominator")
    if is_number(top) and is_number(bottom):
        return f"{number(top)} of {number(bottom)}"
    if is_number(top):
        return number(top)
    return f"of {number(bottom)}" if is_number(bottom) else ""


def confidence(value: Any) -> str:
    """A fraction as a percentage; empty for anything else."""
    return f"{round(float(value) * 100)}{_GAP}%" if is_number(value) else ""
