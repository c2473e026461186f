"""A first mapping for a table that nobody has described yet: guesses from its headings and its first rows, to
be read.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from registry.canonical import forbidden_characters
from registry.errors import Malformed
from registry.exchange import files
from registry.exchange.pieces import line
from registry.exchange.table.mapping import NULLS, FileRule
from registry.exchange.table.rows import format_of, read_rows
from registry.exchange.table.values import read_date
from registry.taxonomies.sources.loaded import slug

SAMPLE = 500
_FEW = 12
_MANY = 60
_HEADER = """\
# A first mapping for {name}, written from its first {rows} rows. Read it, correct it, then run
#     candor import table {name} --map THIS-FILE.toml --dry-run
# Lines that begin with # are guesses that need a decision, or columns that found no place.

null = [{nulls}]   # these mean: nothing

[source]
scheme = {scheme}   # a short name for where this comes from; never change it later
id = {id}   # the column that tells one row from another, and stays the same when the table is published again
# url = "https://example.org/items/{{{id_name}}}"   # the page of one row
"""
_CONSTANTS = """\
[constants]
kind = "incident"   # or weakness, evaluation, mitigation, lesson, guideline, response
language = "en"
license = "LicenseRef-unknown"   # an SPDX id such as CC-BY-4.0: what the publisher of the table allows
# credits = [{ name = "Who made the table", url = "https://example.org" }]
"""
# Heading, as words -> field of an incident. The first that fits decides.
_FIELDS: tuple[tuple[str, str], ...] = (
    (r"^(title|headline|name|incident title)$", "title"),
    (r"^(summary|abstract|short description|tl;?dr)$", "summary"),
    (r"^(description|details?|narrative|text|body|full description|account)$", "narrative"),
    (r"^(language|lang)$", "language"),
    (r"(end|until|to) date|date (end|to)|^ended$", "content.times.ended"),
    (r"(report|publi[cs]|disclos)\w* ?(date|on|at)?$|date (reported|published)", "content.times.disclosed"),
    (r"\b(date|when|occurred|started|year|month)\b", "content.times.started"),
    (r"\bcountr(y|ies)\b", "content.countries"),
    (r"\b(sector|industry|industries)\b", "content.sectors"),
    (r"\bplatforms?\b", "content.platforms"),
)
_LISTS: tuple[tuple[str, str, str], ...] = (
    (r"\b(url|link|source|reference|citation)s?\b", "references", "url"),
    (r"\b(developers?|vendors?|makers?|providers?)\b", "systems", "developer"),
    (r"\b(deployers?|operators?)\b", "systems", "deployer"),
    (r"\b(systems?|models?|products?|technolog(y|ies))\b", "systems", "name"),
    (r"\b(victims?|affected|harmed)\b", "content.affected", "group"),
    (r"\b(actors?|perpetrators?|attackers?)\b", "content.actors", "name"),
)
_TAGS = re.compile(
    r"\b(tags?|categor(y|ies)|types?|topics?|class(ification)?|domain|subdomain|sub domain|issues?)\b"
)
_FORMATS = (
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
    "%d-%m-%Y",
    "%d %B %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%B %Y",
    "%b %Y",
    "%b-%y",
    "%b-%Y",
    "%m/%Y",
    "%m-%Y",
    "%m.%Y",
)


@dataclass(slots=True)
class _Column:
    name: str
    values: list[str] = field(default_factory=list)
    lists: int = 0
    objects: int = 0

    @property
    def words(self) -> str:
        """The heading as words. A path is called by its last step that says something."""
        steps = [self.name] if " " in self.name else self.name.split(".")
        while len(steps) > 1 and steps[-1] in ("value", "text", "en"):
            steps.pop()
        return " ".join(re.sub(r"(?<=[a-z])(?=[A-Z])|[_\-/.()]+", " ", steps[-1]).lower().split())


def suggest_map(path: Path) -> str:
    """The text of a mapping file. Raises `NotFound`, and `Malformed` when no row can be read."""
    root = files.resolve(path)
    rule, found_rows = _rule(root)
    columns, rows = _columns(root, rule)
    if not columns:
        raise Malformed(f"No row of {path.name} can be read, so there is nothing to guess from.")
    identity = _identity(columns, rows)
    parts = [
        _HEADER.format(
            name=_plain(root.name),
            rows=rows,
            nulls=", ".join(_quoted(marker) for marker in _nulls(columns)),
            scheme=_quoted(slug(root.stem)[:40].strip("-.") or "table"),
            id=_quoted(identity.name),
            id_name=_plain(identity.name),
        ),
        _file(root, rule, found_rows),
        _CONSTANTS,
        *_rules(columns, identity),
    ]
    return "\n".join(part for part in parts if part).rstrip() + "\n"


def _rule(root: Path) -> tuple[FileRule, bool]:
    """How the file is to be read: which list in a JSON or YAML object holds the rows, which separator a CSV
    has.
    """
    if root.is_dir():
        return FileRule(), False
    shape = format_of(root, FileRule())
    if shape in ("json", "yaml"):
        first = next(iter(read_rows(root, FileRule())), None)
        if first is not None and first.value is not None:
            lists = {
                name: len(value)
                for name, value in first.value.items()
                if isinstance(value, list) and value and all(isinstance(item, dict) for item in value[:5])
            }
            # A file that is one row with lists in it looks the same, but for its own id or title.
            if lists and not any(re.fullmatch(r"(?i)_?id|title", name) for name in first.value):
                return FileRule(rows=max(lists, key=lambda name: lists[name])), True
    if shape == "csv":
        with files.open_file(root) as file:
            start = file.read(4096)
        heading = start.splitlines()[0] if start else b""
        if heading.count(b";") > heading.count(b",") and heading.count(b";") > 0:
            return FileRule(delimiter=";"), True
        if b"\t" in heading and b"," not in heading:
            return FileRule(delimiter="\t"), True
    return FileRule(), False


def _columns(root: Path, rule: FileRule) -> tuple[list[_Column], int]:
    columns: dict[str, _Column] = {}
    count = 0
    for row in islice(read_rows(root, rule), SAMPLE):
        if row.value is None:
            continue
        count += 1
        for name, value in _flat(row.value):
            column = columns.setdefault(name, _Column(name))
            if isinstance(value, list):
                column.lists += 1
                column.objects += any(isinstance(item, Mapping) for item in value)
                column.values += [str(item) for item in value if not isinstance(item, list | Mapping)]
            elif value is not None:
                column.values.append(str(value))
    return list(columns.values()), count


def _flat(row: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _identity(columns: list[_Column], rows: int) -> _Column:
    """The column that looks most like an id: named so, and different in every row."""

    def score(column: _Column) -> tuple[int, int]:
        held = [value for value in column.values if value.strip()]
        unique = len(held) == rows and len(set(held)) == rows and not column.lists
        named = bool(re.search(r"\b(id|no|nr|number|key|ref|identifier)\b", column.words))
        return (unique * 2 + named, named)

    return max(columns, key=score)


def _nulls(columns: list[_Column]) -> list[str]:
    seen = {value.strip().casefold() for column in columns for value in column.values}
    more = [marker for marker in ("unknown", "none", "not available", "tbd", "?", "--") if marker in seen]
    return [*NULLS, *more]


def _file(root: Path, rule: FileRule, found: bool) -> str:
    if not found:
        return ""
    lines = ["[file]"]
    if rule.rows:
        lines.append(f"rows = {_quoted(rule.rows)}   # where the list of rows stands")
    if rule.delimiter:
        lines.append(f"delimiter = {_quoted(rule.delimiter)}")
    return "\n".join(lines) + "\n"


def _rules(columns: list[_Column], identity: _Column) -> Iterator[str]:
    taken: set[str] = set()
    lists: dict[str, list[tuple[str, _Column]]] = {}
    left: list[_Column] = []
    for column in columns:
        if column is identity and not re.search(r"\b(title|name)\b", column.words):
            continue
        target = next((to for pattern, to in _FIELDS if re.search(pattern, column.words)), None)
        listed = next(((to, part) for pattern, to, part in _LISTS if re.search(pattern, column.words)), None)
        if column.objects:
            left.append(column)
        elif target is not None and target not in taken and _fits(column, target):
            taken.add(target)
            yield _field(column, target)
        elif listed is not None and listed[1] not in {part for part, _ in lists.get(listed[0], ())}:
            lists.setdefault(listed[0], []).append((listed[1], column))
        elif _TAGS.search(column.words) and len(set(column.values)) <= _MANY:
            yield _tag(column)
        else:
            left.append(column)
    if "title" not in taken:
        yield f'# No column looks like a title.\n[[field]]\nto = "title"\nfrom = {_quoted(identity.name)}\n'
    for to, parts in lists.items():
        yield _list(to, parts)
    if left:
        yield _left(left)


def _fits(column: _Column, target: str) -> bool:
    """Whether a column holds what its heading promises: most of a date column can be read as dates."""
    if not target.startswith("content.times"):
        return not column.objects
    held = [value for value in column.values if value.strip().casefold() not in NULLS]
    return 2 * sum(any(read_date(value, forms) for forms in ((), _FORMATS)) for value in held) >= len(held)


def _field(column: _Column, target: str) -> str:
    lines = ["[[field]]", f"to = {_quoted(target)}", f"from = {_quoted(column.name)}"]
    if target.startswith("content.times"):
        lines.append(_dates(column))
    elif target in ("content.countries", "content.sectors", "content.platforms"):
        lines.append(_split(column))
        if target == "content.countries":
            lines.append('# Countries are ISO 3166 codes; names need a table: map = { Germany = "DE" }')
    return _joined(lines)


def _dates(column: _Column) -> str:
    values = [
        value.strip() for value in column.values if value.strip() and value.strip().casefold() not in NULLS
    ]
    if not values:
        return "date = true   # the column is empty in these rows"
    wanted: list[str] = []
    open_values = [value for value in values if read_date(value, ()) is None]
    iso = len(open_values) < len(values)
    while open_values:
        fits = Counter(
            {form: sum(read_date(value, (form,)) is not None for value in open_values) for form in _FORMATS}
        )
        form, count = fits.most_common(1)[0]
        if not count:
            break
        wanted.append(form)
        open_values = [value for value in open_values if read_date(value, (form,)) is None]
    note = f"   # fits none: {line(open_values[0], 40)!r}" if open_values else ""
    if not wanted:
        return f"date = true{note}"
    if iso:
        wanted += ["%Y-%m-%d", "%Y-%m", "%Y"]
    if "%d/%m/%Y" in wanted or "%m/%d/%Y" in wanted:
        note += "   # check which comes first, day or month"
    return "date = [" + ", ".join(_quoted(form) for form in wanted) + f"]{note}"


def _split(column: _Column) -> str:
    """A separator, when most values that hold it hold it between short parts."""
    if column.lists:
        return ""
    for separator in ("\n", ";", "|", ","):
        holding = [value for value in column.values if separator in value]
        parts = {part.strip() for value in column.values for part in value.split(separator)}
        # Where parts do not repeat, the separator belongs to the words.
        if holding and len(parts) < len(set(column.values)) and all(len(part) < 60 for part in parts):
            return f"split = {_quoted(separator)}"
    return f"split = {_quoted(';')}   # the field is a list"


def _tag(column: _Column) -> str:
    namespace = slug(column.words) or "topic"
    values = [part for value in column.values if (part := value.strip())]
    lines = ["[[tag]]", f"from = {_quoted(column.name)}"]
    split = "" if column.lists else _split(column)
    if split and "#" not in split:
        lines.append(split)
    lines += [
        'by = "who classified"   # or leave it out',
        'otherwise = "drop"   # or error, to be told of every other value',
    ]
    common = [value for value, _ in Counter(values).most_common(_FEW)]
    lines.append(
        "[tag.map]   # value = a tag: one of the registry's own where it fits, or of your own namespace"
    )
    lines += [
        f"{_quoted(line(value, 200))} = {_quoted(f'{namespace}:{slug(value) or _stand_in(value)}')}"
        for value in common
    ]
    rest = len(set(values)) - len(common)
    if rest > 0:
        lines.append(f"# … and {rest} more values")
    return _joined(lines)


def _stand_in(value: str) -> str:
    """A stand-in for a value of which no letter or digit of a tag is left."""
    return f"value-{sum(map(ord, value)) % 10_000}"


def _list(to: str, parts: list[tuple[str, _Column]]) -> str:
    lines = ["[[list]]", f"to = {_quoted(to)}"]
    if len(parts) == 1:
        part, column = parts[0]
        lines.append(f"from = {_quoted(column.name)}")
        split = "" if column.lists else _split(column)
        if split and "#" not in split:
            lines.append(split)
        lines += ["[[list.field]]", f"to = {_quoted(part)}", 'from = "value"']
        if to == "systems" and part != "name":
            lines += ["[[list.field]]", 'to = "name"', 'template = "unnamed system of {value}"']
    else:
        if to == "systems":
            lines.append('needs = ["name"]')
        for part, column in parts:
            lines += ["[[list.field]]", f"to = {_quoted(part)}", f"from = {_quoted(column.name)}"]
            if column.lists:
                lines.append('join = ", "')
        if to == "systems" and "name" not in {part for part, _ in parts}:
            maker = parts[0][1].name
            lines += [
                "[[list.field]]",
                'to = "name"',
                f"template = {_quoted(f'unnamed system of {{{maker}}}')}",
            ]
    return _joined(lines)


def _left(columns: list[_Column]) -> str:
    lines = ["# Columns without a place:"]
    for column in columns[:100]:
        example = next((value for value in column.values if value.strip()), "")
        kind = " (a list of objects: [[list]] with each)" if column.objects else ""
        lines.append(
            f"#   {_plain(column.name)}{kind}" + (f", such as {_plain(line(example, 60))}" if example else "")
        )
    return _joined(lines)


def _joined(lines: list[str]) -> str:
    return "\n".join(text for text in lines if text) + "\n"


def _plain(text: str) -> str:
    """Text for a comment: TOML allows no control characters there."""
    for name in forbidden_characters(text):
        text = text.replace(chr(int(name[2:], 16)), "")
    return " ".join(text.split())


def _quoted(text: str) -> str:
    """A basic string of TOML. JSON's escapes are a subset of its own, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
