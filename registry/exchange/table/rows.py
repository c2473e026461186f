"""Rows out of files of any shape, one at a time: CSV, TSV, JSON, JSON Lines, YAML, or a folder of JSON or
YAML files.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.canonical import read_json, scan
from registry.errors import CandorError, Finding, Malformed
from registry.exchange import files
from registry.exchange.delimited import read_table
from registry.exchange.table.mapping import FileRule, check_columns
from registry.exchange.table.mapping import Mapping as Rules
from registry.exchange.table.values import look_up
from registry.yaml import Limits, read_yaml

_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".yaml": "yaml",
    ".yml": "yaml",
}
_IN_FOLDERS = (".json", ".yaml", ".yml")
_YAML = Limits(bytes=files.MAX_WHOLE_FILE, values=2_000_000)


@dataclass(frozen=True, slots=True)
class RowAt:
    """One row. `name` is for the report, `where` for messages. `value` is None when findings say why."""

    name: str
    where: str
    value: Mapping[str, Any] | None
    findings: tuple[Finding, ...] = ()


def read_rows(path: Path, rule: FileRule, rules: Rules | None = None) -> Iterator[RowAt]:
    """The rows at a path, in order.

    Raises `NotFound`, and `Malformed` for a kind of file that is not read, a file without heading, and
    columns that `rules` names and a table does not have. Other trouble stays with the row or the file that
    has it.
    """
    root = files.resolve(path)
    if root.is_dir():
        found = False
        for file in files.find(root, _IN_FOLDERS):
            found = True
            yield from _whole_file(file, files.short(file, root), FileRule(rows=rule.rows))
        if not found:
            raise Malformed(f"{path} holds no JSON and no YAML files.")
        return
    shape = format_of(root, rule)
    if shape in ("csv", "tsv"):
        yield from _delimited(root, shape, rule, rules)
    elif shape == "jsonl":
        yield from _json_lines(root)
    else:
        yield from _whole_file(root, root.name, rule)


def format_of(path: Path, rule: FileRule) -> str:
    """What a file is, by the mapping or by its name. Raises `Malformed`."""
    shape = rule.format or _SUFFIXES.get(path.suffix.lower())
    if shape is None:
        raise Malformed(f"{path.name} is not known by its name; say in [file] what its format is.")
    return shape


def _delimited(path: Path, shape: str, rule: FileRule, rules: Rules | None) -> Iterator[RowAt]:
    delimiter = rule.delimiter or ("\t" if shape == "tsv" else ",")
    table = read_table(path, delimiter=delimiter, encoding=rule.encoding)
    if rules is not None:
        check_columns(rules, table.columns, path.name)
    for record in table.rows:
        name, where = f"{path.name}:{record.line}", f"Row at line {record.line}"
        if record.findings:
            yield RowAt(name, where, None, record.findings)
        elif len(record.cells) != len(table.columns):
            yield RowAt(name, where, None, (_ragged(where, record.cells, table.columns),))
        else:
            yield RowAt(name, where, dict(zip(table.columns, record.cells, strict=True)))


def _ragged(where: str, cells: list[str], columns: tuple[str, ...]) -> Finding:
    if len(cells) > len(columns):
        hint = "A cell that holds the separator must stand in quotes."
    else:
        hint = f"The first column that is missing is {columns[len(cells)]!r}."
    return Finding("ragged-row", "", f"{where}: {len(cells)} cells under {len(columns)} headings.", hint)


def _json_lines(path: Path) -> Iterator[RowAt]:
    for entry in files.lines(path):
        name, where = f"{path.name}:{entry.number}", f"Line {entry.number}"
        if entry.data is None:
            message = f"{where}: longer than {files.MAX_LINE:,} bytes."
            yield RowAt(name, where, None, (Finding("too-large", "", message),))
        elif entry.data.strip():
            try:
                yield _row(name, where, read_json(entry.data))
            except CandorError as error:
                yield RowAt(name, where, None, _told(where, error))


def _whole_file(path: Path, short: str, rule: FileRule) -> Iterator[RowAt]:
    """The row, or the list of rows, that one JSON or YAML file is."""
    try:
        data = files.read_whole(path)
        value = read_yaml(data, _YAML) if format_of(path, rule) == "yaml" else _json(data)
    except CandorError as error:
        yield RowAt(short, short, None, _told(short, error))
        return
    if rule.rows is not None:
        value = look_up(value, rule.rows)
        if not isinstance(value, list):
            message = f"{short}: no list stands at {rule.rows!r}."
            yield RowAt(short, short, None, (Finding("no-rows", "", message),))
            return
    if not isinstance(value, list):
        yield _row(short, short, value)
        return
    for number, row in enumerate(value, start=1):
        yield _row(f"{short}:{number}", f"{short}, row {number}", row)


def _json(data: bytes) -> Any:
    """Strict JSON, but for what is wrong with single values: that is found again in their rows."""
    try:
        return read_json(data, limit=files.MAX_WHOLE_FILE)
    except Malformed as error:
        if not error.findings:
            raise
        return json.loads(data.decode("utf-8-sig"))


def _row(name: str, where: str, value: Any) -> RowAt:
    if not isinstance(value, Mapping):
        return RowAt(name, where, None, (Finding("not-an-object", "", f"{where}: a row is an object."),))
    findings = tuple(
        Finding(found.code, found.pointer, f"{where}, {found.pointer}: {found.message}", found.suggestion)
        for found in scan(value)
    )
    return RowAt(name, where, None if findings else value, findings)


def _told(where: str, error: CandorError) -> tuple[Finding, ...]:
    return (Finding(error.code, "", f"{where}: {error.detail}"), *error.findings)


def count_rows(path: Path, rule: FileRule) -> int | None:
    """How many rows there are, where that is known without reading all of them into memory."""
    root = files.resolve(path)
    if root.is_dir():
        return sum(1 for _ in files.find(root, _IN_FOLDERS)) if rule.rows is None else None
    shape = format_of(root, rule)
    if shape == "jsonl":
        return files.count_lines(root)
    if shape in ("csv", "tsv"):
        delimiter = rule.delimiter or ("\t" if shape == "tsv" else ",")
        return sum(1 for _ in read_table(root, delimiter=delimiter, encoding=rule.encoding).rows)
    return None
