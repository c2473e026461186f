"""The second layer of the check: what the shape cannot say. Each rule is a function over one walked record.

A rule yields findings and changes nothing. It meets content that has other mistakes too, so it looks before
it takes. To add one: write it here or in a neighbour, and name it in `RULES`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cvss import CVSS2, CVSS3, CVSS4, CVSSError

from registry.errors import Finding, Severity
from registry.records.content.common import (
    Absent,
    Alias,
    CountRange,
    Element,
    Metric,
    Quantity,
    Reference,
    Score,
    Span,
    Translation,
)
from registry.records.content.incident import ChainStep, Filing, IncidentTimes, Indicator
from registry.records.content.outline import Parts, known_path
from registry.records.content.partial import PartialDate
from registry.records.content.submission import KINDS, Handling, Restricted
from registry.records.content.values import looks_like_tag
from registry.records.content.weakness import WeaknessTimes
from registry.taxonomies.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a rule may know beside the record."""

    vocabulary: Vocabulary | None = None
    own_id: str | None = None
    sources: bool = False


Rule = Callable[[Parts, Circumstances], Iterator[Finding]]


def _warning(code: str, pointer: str, message: str, suggestion: str | None = None) -> Finding:
    return Finding(code, pointer, message, suggestion, Severity.WARNING)


def known_tags(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """Tags are terms of a vocabulary that is loaded here, and of one that belongs in the field."""
    vocabulary = around.vocabulary
    if vocabulary is None:
        return
    for pointer, value, field in parts.tags:
        tag = value.strip()
        namespace, colon, _ = tag.partition(":")
        if not colon or not looks_like_tag(tag):
            if not field.or_text:
                continue
            if (full := f"{field.namespaces[0]}:{tag}" if field.namespaces else "") and vocabulary.known(
                full
            ):
                yield _warning("tag-as-text", pointer, f"{tag!r} is a known term.", f"Write {full}.")
            continue
        if vocabulary.known(tag):
            term = vocabulary.term(tag)
            if term is not None and term.deprecated_by:
                yield _warning(
                    "deprecated-tag", pointer, f"{tag} is out of use.", f"Use {term.deprecated_by}."
                )
        elif field.open and namespace in field.namespaces:
            continue
        elif vocabulary.version(namespace) is None and (field.or_text or namespace in field.namespaces):
            continue  # plain words with a colon, or a vocabulary that this registry has not loaded
        else:
            near = nearest_tags(vocabulary, tag)
            yield Finding(
                "unknown-tag",
                pointer,
                f"{tag} is not in a vocabulary that this registry knows.",
                f"Nearest: {', '.join(near)}." if near else None,
            )
            continue
        if field.namespaces and namespace not in field.namespaces:
            usual = " or ".join(f"{name}:" for name in field.namespaces)
            yield _warning(
                "unusual-namespace", pointer, f"{tag} is unusual here.", f"This field takes {usual} tags."
            )


@lru_cache(maxsize=4096)
def nearest_tags(vocabulary: Vocabulary, tag: str) -> tuple[str, ...]:
    """The known tags nearest to one, best first. Imports ask for the same ones again and again."""
    return tuple(vocabulary.nearest(tag))


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
    Filing: (),
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
            yield _warning(
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
                yield _warning(
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
                    yield _warning(
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
            yield _warning(
                "score-mismatch",
                f"{pointer}/value",
                f"The vector's base score is {base}, not {value}.",
                f"Write {base}.",
            )


def ids_unique(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """No two elements of a list bear one id, and no record is referred to twice in one list."""
    for pointer, items, kind in parts.lists:
        if not (issubclass(kind, Element) or kind in (Reference, Alias)):
            continue
        seen: dict[Any, int] = {}
        for index, item in enumerate(items):
            if not isinstance(item, dict) or item.get("id") is None:
                continue
            key = (
                item["id"]
                if issubclass(kind, Element)
                else tuple(str(item.get(name)) for name in ("origin", "scheme", "id", "version", "part"))
            )
            first = seen.setdefault(key, index)
            if first == index:
                continue
            if issubclass(kind, Element):
                yield Finding(
                    "duplicate-element-id",
                    f"{pointer}/{index}/id",
                    f"The id {item['id']!r} is already that of element {first}.",
                    "Give it another one, or none to have one assigned.",
                )
            else:
                yield _warning(
                    "repeated", f"{pointer}/{index}", f"This repeats element {first}.", "Leave it out."
                )


def references_point_elsewhere(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """A record does not refer to itself, and a `part` names something that records have."""
    for pointer, reference in parts.of(Reference):
        id, part = reference.get("id"), reference.get("part")
        if isinstance(id, str) and id.startswith("source:") and not around.sources:
            yield Finding(
                "source-reference",
                f"{pointer}/id",
                "References by source are resolved in imports only.",
                "Write the id that this registry gave the record.",
            )
        if around.own_id and id == around.own_id and not reference.get("origin"):
            yield Finding(
                "self-relation", f"{pointer}/id", "The record refers to itself.", "Name another record."
            )
        if isinstance(part, str) and not known_path(KINDS, part):
            yield Finding(
                "dangling-part",
                f"{pointer}/part",
                f"No record has a part {part[:80]!r}.",
                "Name the fields and element ids on the way, such as /content/prohibited_uses/3.",
            )


def absences_true(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """What is declared absent is a field of this kind and is not there."""
    for pointer, absent in parts.of(Absent):
        target = absent.get("pointer")
        if not isinstance(target, str) or not target.startswith("/"):
            continue
        if not known_path((parts.kind,), target):
            yield Finding(
                "dangling-pointer", f"{pointer}/pointer", f"A {parts.kind} has no field {target[:80]!r}."
            )
        elif resolve(parts.data, target) is not None:
            yield _warning(
                "absent-but-present", f"{pointer}/pointer", f"{target[:80]} is there.", "Leave this out."
            )


def resolve(document: Any, part: str) -> Any:
    """What a part pointer names in a document: list elements by their `id`. None when there is nothing."""
    value = document
    for token in part.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list):
            value = next(
                (
                    item
                    for item in value
                    if (isinstance(item, dict) and item.get("id") == name) or item == name
                ),
                None,
            )
        else:
            return None
    return value


def translations_differ(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """One translation a language, and none into the record's own."""
    seen = {parts.data.get("language") or "en"}
    for pointer, translation in parts.of(Translation):
        language = translation.get("language")
        if language in seen:
            yield Finding(
                "repeated-language", f"{pointer}/language", f"{language} is there already.", "Keep one."
            )
        seen.add(language)


def handling_complete(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """Who is meant is named: groups for AMBER, people for RED."""
    for kind in (Handling, Restricted):
        for pointer, item in parts.of(kind):
            tlp = item.get("tlp")
            if tlp in ("AMBER", "AMBER+STRICT") and not item.get("groups") and not item.get("people"):
                yield _warning(
                    "nobody-named", pointer, f"TLP:{tlp} without groups is for nobody.", "Add groups."
                )
            if tlp == "RED" and not item.get("people"):
                yield _warning(
                    "nobody-named", pointer, "TLP:RED without people is for nobody.", "Add people."
                )


def stance_supported(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """A response brings what its stance announces."""
    content = parts.data.get("content")
    if parts.kind != "response" or not isinstance(content, dict):
        return
    stance = content.get("stance")
    proposes = content.get("proposes") or {}
    if stance == "evaluates" and not (content.get("effectiveness") or content.get("metrics")):
        yield _warning(
            "stance-without-support",
            "/content/stance",
            "An evaluation brings a result.",
            "Add effectiveness.",
        )
    if stance == "classifies" and not (isinstance(proposes, dict) and proposes.get("classifications")):
        yield _warning(
            "stance-without-support",
            "/content/stance",
            "A classification brings tags.",
            "Add proposes.classifications.",
        )


_RECOMMENDED: dict[str, tuple[str, ...]] = {
    "incident": (
        "/systems",
        "/content/severity",
        "/content/nature",
        "/content/setting",
        "/content/times",
        "/content/harms",
        "/content/assertion",
    ),
    "weakness": ("/systems", "/content/class", "/content/status", "/content/severity"),
    "evaluation": ("/systems", "/content/instrument", "/content/results"),
    "mitigation": ("/content/safeguard", "/content/status", "/content/applies_to"),
    "lesson": ("/content/what_happened", "/content/recommendations"),
    "guideline": ("/content/applies_to",),
    "response": ("/content/text",),
}


def recommended_present(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """What readers and reporting duties look for is there, or declared absent."""
    declared = {absent.get("pointer") for _, absent in parts.of(Absent)}
    for pointer in ("/summary", "/references", *_RECOMMENDED.get(parts.kind, ())):
        value: Any = parts.data
        for token in pointer.split("/")[1:]:
            value = value.get(token) if isinstance(value, dict) else None
        if value in (None, [], {}, "") and pointer not in declared:
            name = pointer.rpartition("/")[2]
            yield _warning(
                "missing-recommended",
                pointer,
                f"Readers look for {name}.",
                f"Add {name}, or say in absent[] why it is not there.",
            )


RULES: tuple[Rule, ...] = (
    known_tags,
    dates_in_order,
    metrics_make_sense,
    ranges_upright,
    scores_readable,
    ids_unique,
    references_point_elsewhere,
    absences_true,
    translations_differ,
    handling_complete,
    stance_supported,
)
AUTHORS_RULES: tuple[Rule, ...] = (recommended_present,)
"""Rules for who writes a record, which would only make noise where somebody else's is copied."""
