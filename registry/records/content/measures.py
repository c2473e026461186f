"""What every rule is given, and the rules about dates and numbers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cvss import CVSS2, CVSS3, CVSS4, CVSSError

from registry.errors import Finding, Severity
from registry.records.content.common import CountRange, Metric, Quantity, Score, Span
from registry.records.content.incident import ChainStep, IncidentTimes, Indicator
from registry.records.content.outline import Parts
from registry.records.content.partial import PartialDate
from registry.records.content.weakness import WeaknessTimes
from registry.taxonomies.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a rule may know beside the record."""

    vocabulary: Vocabulary | None = None
    own_id: str | None = None
    sources: bool = False
    lenient: bool = False


Rule = Callable[[Parts, Circumstances], Iterator[Finding]]


def warning(code: str, pointer: str, message: str, suggestion: str | None = None) -> Finding:
    return Finding(code, pointer, message, suggestion, Severity.WARNING)


_ORDER: dict[type, tuple[tuple[str, str, bool], ...]] = {
    Span: (("from", "to", True),),
    IncidentTimes: (
        ("started", "ended", True),
        ("started", "detected", False),
        ("started", "contained", False),
        ("started", "resolved", False),
        ("detected", "contained", False),
    ),
    WeaknessTimes: (("discovered", "fixed", False), ("discovered", "acknowledged", False)),
    Indicator: (("first_seen", "last_seen", True),),
}


def _date(value: Any) -> PartialDate | None:
    if isinstance(value, PartialDate):
        return value
    try:
        return PartialDate.parse(value) if isinstance(value, str) else None
    except ValueError:
        return None


def dates_in_order(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """Nothing ends before it starts, at the precision that is given."""
    for kind, pairs in _ORDER.items():
        for pointer, item in parts.of(kind):
            for first, second, must in pairs:
                start, end = _date(item.get(first)), _date(item.get(second))
                if start is None or end is None or end.latest() >= start.earliest():
                    continue
                sure = must and not (start.uncertain or end.uncertain)
                yield Finding(
                    "end-before-start" if must else "dates-out-of-order",
                    f"{pointer}/{second}",
                    f"{second} ({end}) is before {first} ({start}).",
                    "Exchange them or correct one.",
                    Severity.ERROR if sure else Severity.WARNING,
                )
    last: PartialDate | None = None
    for pointer, step in parts.of(ChainStep):
        at = _date(step.get("at"))
        if at is not None and last is not None and at.latest() < last.earliest():
            yield warning(
                "dates-out-of-order", f"{pointer}/at", f"This step ({at}) is before the one above ({last})."
            )
        last = at or last


def _numeric(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def metrics_make_sense(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """A metric says one number, its range is upright, and a percentage is one."""
    for pointer, metric in parts.of(Metric):
        value, high = _numeric(metric.get("value")), _numeric(metric.get("high"))
        comparator = metric.get("comparator")
        above, below = _numeric(metric.get("numerator")), _numeric(metric.get("denominator"))
        if comparator and value is None and "value" not in metric:
            yield Finding(
                "comparator-without-value",
                f"{pointer}/comparator",
                f"comparator {comparator} has no value to compare with.",
                "Add value.",
            )
        if comparator == "range" and high is None and "high" not in metric:
            yield Finding("range-without-high", pointer, "A range needs its upper end.", "Add high.")
        if high is not None:
            if value is None:
                yield Finding("range-without-value", pointer, "high stands without value.", "Add value.")
            elif high < value:
                yield Finding(
                    "high-below-value",
                    f"{pointer}/high",
                    f"high ({high}) is below value ({value}).",
                    "Exchange them.",
                )
            elif comparator not in (None, "range"):
                yield warning(
                    "comparator-with-high", f"{pointer}/comparator", "high belongs to a range.", "Use range."
                )
        if str(metric.get("unit", "")).strip().lower() in ("percent", "%"):
            for name, number in (("value", value), ("high", high)):
                if number is not None and not 0 <= number <= 100:
                    yield Finding(
                        "percentage-out-of-range",
                        f"{pointer}/{name}",
                        f"{number} is not a percentage of something.",
                        "Percentages run from 0 to 100; for a growth write the unit percent-change.",
                    )
            if above is not None and below and value is not None and comparator in (None, "eq", "approx"):
                share = 100 * above / below
                if abs(share - value) > max(0.5, 0.05 * abs(value)):
                    yield warning(
                        "metric-does-not-add-up",
                        f"{pointer}/value",
                        f"{above} of {below} is {share:.4g} percent, not {value}.",
                    )
        if below == 0:
            yield Finding("zero-denominator", f"{pointer}/denominator", "Nothing can be a share of zero.")


def ranges_upright(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """The most is not below the least."""
    for kind in (CountRange, Quantity):
        for pointer, item in parts.of(kind):
            low, high = _numeric(item.get("min")), _numeric(item.get("max"))
            if low is not None and high is not None and high < low:
                yield Finding(
                    "max-below-min", f"{pointer}/max", f"max ({high}) is below min ({low}).", "Exchange them."
                )


@lru_cache(maxsize=2048)
def _cvss(vector: str) -> float | str:
    """The base score of a CVSS vector, or what is wrong with it."""
    reader = CVSS4 if vector.startswith("CVSS:4") else CVSS3 if vector.startswith("CVSS:3") else CVSS2
    try:
        score = reader(vector)
    except CVSSError as error:
        return str(error)
    return float(score.base_score if reader is CVSS4 else score.scores()[0])


def scores_readable(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """CVSS vectors are ones, and the value beside them is theirs."""
    for pointer, score in parts.of(Score):
        if not str(score.get("scheme", "")).strip().lower().startswith("cvss"):
            continue
        value, vector = _numeric(score.get("value")), score.get("vector")
        if value is not None and not 0 <= value <= 10:
            yield Finding("out-of-range", f"{pointer}/value", f"A CVSS score runs from 0 to 10, not {value}.")
        if not isinstance(vector, str):
            continue
        base = _cvss(vector.strip())
        if isinstance(base, str):
            yield Finding("wrong-cvss-vector", f"{pointer}/vector", f"Not a CVSS vector: {base}.")
        elif value is not None and abs(base - value) > 0.05:
            yield warning(
                "score-mismatch",
                f"{pointer}/value",
                f"The vector's base score is {base}, not {value}.",
                f"Write {base}.",
            )
