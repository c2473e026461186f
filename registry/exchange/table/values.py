"""From what stands in a cell to what stands in a record: paths, null markers, dates, tables of values, types.
Pure.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from registry.exchange.pieces import line, literal
from registry.exchange.table.mapping import Texts, Value
from registry.records.content.partial import PartialDate

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_BOOLEANS = {
    "true": True,
    "yes": True,
    "y": True,
    "1": True,
    "false": False,
    "no": False,
    "n": False,
    "0": False,
}
_PRECISIONS = {"year": 4, "month": 7, "day": 10}
# Directives that tell more than the month; a format without them names a month, or only a year.
_DAYS = re.compile(r"%-?[djuUVWxcaA]")
_MONTHS = re.compile(r"%-?[mbB]")
_HOURS = re.compile(r"%-?[HIcX]")


@dataclass(frozen=True, slots=True)
class Wrong(Exception):
    """A cell that cannot be used."""

    code: str
    column: str
    message: str
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Where names are looked up: `here` is the row, or an element of it; `^name` is always the row's."""

    row: Any
    here: Any
    nulls: frozenset[str]
    tables: Mapping[str, Mapping[str, Any]]

    def inside(self, element: Any) -> "Scope":
        return Scope(self.row, element, self.nulls, self.tables)

    def find(self, path: str) -> Any:
        """What stands at a path; None for nothing and for null markers. `value` is a bare element itself."""
        if path.startswith("^"):
            return self._clean(look_up(self.row, path[1:]))
        if path == "value" and not isinstance(self.here, Mapping):
            return self._clean(self.here)
        return self._clean(look_up(self.here, path))

    def first(self, paths: Texts) -> tuple[str, Any]:
        """The first of several paths that holds something, with what it holds."""
        names = [paths] if isinstance(paths, str) else paths
        for name in names:
            if (value := self.find(name)) is not None:
                return name, value
        return names[0], None

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            value = value.strip()
            return None if value.casefold() in self.nulls else value
        if isinstance(value, list):
            kept = [item for item in map(self._clean, value) if item is not None]
            return kept or None
        return value


def look_up(value: Any, path: str) -> Any:
    """What stands at a dotted path. A name with dots in it wins over a path; `*` takes all elements of a
    list.
    """
    if isinstance(value, Mapping) and path in value:
        return value[path]
    step, _, rest = path.partition(".")
    if isinstance(value, Mapping):
        found = value.get(step)
    elif isinstance(value, list) and step == "*":
        several = [look_up(item, rest) if rest else item for item in value]
        return [item for item in several if item is not None]
    elif isinstance(value, list) and step.isdecimal() and len(step) < 10:
        found = value[int(step)] if int(step) < len(value) else None
    else:
        return None
    return look_up(found, rest) if rest and found is not None else found if not rest else None


def make(rule: Value, scope: Scope) -> Any:
    """The value that a rule makes: None for nothing, a list where several stand. Raises `Wrong`."""
    column, raw = scope.first(rule.from_) if rule.from_ is not None else ("", None)
    if rule.from_ is None:
        return _typed(rule, fill(rule.template, scope, None), column) if rule.template else None
    if raw is None:
        return None
    many = isinstance(raw, list)
    values = list(raw) if isinstance(raw, list) else [raw]
    if rule.split is not None:
        values = [part for value in values for part in _split(value, rule.split, column)]
        many = True
    made = [result for value in values if (result := _one(rule, value, scope, column)) is not None]
    if rule.join is not None:
        return rule.join.join(str(value) for value in made) or None
    if many:
        return list(dict.fromkeys(made)) if all(isinstance(item, str) for item in made) else made
    return made[0] if made else None


def _split(value: Any, separator: str, column: str) -> Iterator[str]:
    if not isinstance(value, str):
        raise Wrong("not-text", column, f"{_shown(value)} is no text that could be split.")
    for part in value.split(separator):
        if part.strip():
            yield part.strip()


def _one(rule: Value, value: Any, scope: Scope, column: str) -> Any:
    if isinstance(value, str) and value.casefold() in scope.nulls:
        return None
    if rule.match is not None:
        found = re.search(rule.match, str(value))
        if found is None:
            return None
        value = found[1] if found.re.groups else found[0]
        if value is None:
            return None
    if rule.map is not None:
        value = _mapped(rule, value, scope, column)
        if value is None:
            return None
    if rule.date not in (None, False):
        value = _date(rule, value, scope, column)
    value = _typed(rule, value, column)
    return fill(rule.template, scope, value) if rule.template else value


def _mapped(rule: Value, value: Any, scope: Scope, column: str) -> Any:
    table = scope.tables[rule.map] if isinstance(rule.map, str) else rule.map or {}
    text = str(value).strip()
    for key in (text, text.casefold()):
        if key in table:
            return table[key] if table[key] != "" else None
    for key, result in table.items():
        if key.casefold() == text.casefold():
            return result if result != "" else None
    if rule.otherwise == "error":
        known = ", ".join(list(table)[:10])
        raise Wrong(
            "unknown-value", column, f"{_shown(value)} is in no table of values.", f"Known are: {known}."
        )
    return value if rule.otherwise == "keep" else None


def _date(rule: Value, value: Any, scope: Scope, column: str) -> str:
    formats = [rule.date] if isinstance(rule.date, str) else rule.date if isinstance(rule.date, list) else []
    found = read_date(str(value), tuple(formats))
    if found is None:
        wanted = ", ".join(formats) or "ISO 8601 (2024, 2024-05, 2024-05-17)"
        raise Wrong(
            "wrong-date", column, f"{_shown(value)} fits none of: {wanted}.", "Add its format to `date`."
        )
    if rule.precision is not None:
        length = _PRECISIONS.get(str(scope.find(rule.precision)).casefold())
        if length is not None and len(found) > length:
            return found[:length]
    return found


@lru_cache(maxsize=8192)
def read_date(text: str, formats: tuple[str, ...]) -> str | None:
    """The partial date that a text is under the first format that it fits; ISO 8601 without formats."""
    tidy = " ".join(text.split())
    for form in formats:
        try:
            moment = datetime.strptime(tidy, form)  # noqa: DTZ007 - most formats are days, without a zone
        except ValueError:
            continue
        if not moment.year >= 1000:
            continue
        if _HOURS.search(form):
            aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
            return aware.isoformat(timespec="seconds").replace("+00:00", "Z")
        day = f"{moment.year:04}-{moment.month:02}-{moment.day:02}"
        return day if _DAYS.search(form) else day[:7] if _MONTHS.search(form) else day[:4]
    if formats:
        return None
    try:
        return str(PartialDate.parse(tidy))
    except ValueError:
        return None


def _typed(rule: Value, value: Any, column: str) -> Any:
    if value is None or rule.type is None:
        return value
    if rule.type in ("text", "line", "plain"):
        if isinstance(value, dict | list):
            raise Wrong("not-text", column, f"{_shown(value)} is not text.")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return line(text) if rule.type == "line" else literal(text) if rule.type == "plain" else text
    if rule.type == "boolean":
        known = value if isinstance(value, bool) else _BOOLEANS.get(str(value).casefold())
        if known is None:
            raise Wrong("not-boolean", column, f"{_shown(value)} is neither yes nor no.")
        return known
    return _number(rule.type, value, column)


def _number(kind: str, value: Any, column: str) -> int | float:
    text = re.sub(r"[\s,_'\u202f\u00a0](?=\d{3}(\D|$))", "", str(value))
    try:
        number = int(text) if kind == "integer" else float(text)
    except ValueError:
        number = float("nan")
    if isinstance(value, bool) or not abs(number) <= 2**53 - 1:
        raise Wrong("not-a-number", column, f"{_shown(value)} is no {kind}.")
    return int(number) if float(number).is_integer() else number


def fill(template: str, scope: Scope, value: Any) -> str | None:
    """A template, filled; None when one of its placeholders is empty. Parts of addresses are quoted."""
    address = re.match(r"https?://", template) is not None
    parts = []
    end = 0
    for found in _PLACEHOLDER.finditer(template):
        name = found[1]
        held = value if name == "value" and value is not None else scope.find(name)
        if held is None or isinstance(held, dict | list):
            return None
        parts += [template[end : found.start()], quote(str(held), safe="") if address else str(held)]
        end = found.end()
    return "".join([*parts, template[end:]])


def _shown(value: Any) -> str:
    return repr(line(str(value), 60))
