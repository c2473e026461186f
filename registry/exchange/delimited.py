"""Rows out of CSV and TSV files, one at a time, each with the line on which it starts (RFC 4180, read
strictly).

Trouble stays with its row: bytes of another encoding, quotes that do not close, a line without end. The rows
around it are read. A byte order mark is skipped, and UTF-16 is recognised by its own.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from registry.errors import Finding, Malformed
from registry.exchange import files


@dataclass(frozen=True, slots=True)
class Record:
    """One row. `line` is where it starts, from 1. With findings, its cells must not be used."""

    line: int
    cells: list[str]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """The heading of a file and its rows, still to be read. A heading that repeats is numbered: `AI System
    (2)`.
    """

    columns: tuple[str, ...]
    rows: Iterator[Record]


class _Lines:
    """The lines of a file as text. Bytes that do not fit become lone surrogates, and `broken` is set."""

    def __init__(self, path: Path, encoding: str) -> None:
        self.broken = False
        self.too_long = False
        self._path = path
        self._encoding = encoding

    def __iter__(self) -> Iterator[str]:
        if self._encoding.startswith("utf-16"):
            yield from self._wide()
            return
        for line in files.lines(self._path):
            if line.data is None:
                self.too_long = True
                yield "\n"
                continue
            try:
                yield line.data.decode(self._encoding) + "\n"
            except UnicodeDecodeError:
                self.broken = True
                yield line.data.decode(self._encoding, "surrogateescape") + "\n"

    def _wide(self) -> Iterator[str]:
        # Two bytes a character: a line ends where the decoder says, not at a byte 0x0A.
        with files.open_file(self._path) as file, io.TextIOWrapper(file, "utf-16", newline=None) as text:
            try:
                while line := text.readline(files.MAX_LINE):
                    yield line
            except UnicodeError as error:
                raise Malformed(f"{self._path.name} begins as UTF-16 and is not: {error}.") from error


def read_table(path: Path, *, delimiter: str = ",", encoding: str | None = None) -> Table:
    """Open a file with a heading. Raises `Malformed` when it has none, `LookupError` never: see
    `check_encoding`.
    """
    records = _records(path, delimiter, check_encoding(encoding) if encoding else _encoding(path))
    heading = next(records, None)
    if heading is None:
        raise Malformed(f"{path.name} is empty; its first row names the columns.")
    if heading.findings:
        raise Malformed(f"The heading of {path.name} cannot be read.", findings=heading.findings)
    return Table(_columns(heading.cells), records)


def check_encoding(name: str) -> str:
    """The usual name of an encoding. Raises `Malformed` for one that there is not, or that is no text
    encoding.
    """
    try:
        found = codecs.lookup(name)
    except LookupError as error:
        raise Malformed(f"There is no encoding {name!r}; utf-8, cp1252 and utf-16 are usual.") from error
    if not found._is_text_encoding:
        raise Malformed(f"{name!r} is no encoding of text.")
    return found.name


def _encoding(path: Path) -> str:
    with files.open_file(path) as file:
        start = file.read(4)
    return "utf-16" if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8"


def _columns(cells: list[str]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    columns = []
    for cell in cells:
        name = " ".join(cell.split())
        seen[name] = seen.get(name, 0) + 1
        columns.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(columns)


def _records(path: Path, delimiter: str, encoding: str) -> Iterator[Record]:
    lines = _Lines(path, encoding)
    source = iter(lines)
    reader = csv.reader(_without_mark(source), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        lines.broken = lines.too_long = False
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Record(line, [], (_syntax(error, line),))
            continue
        if lines.too_long:
            message = f"Row at line {line}: longer than {files.MAX_LINE:,} bytes."
            yield Record(line, [], (Finding("too-large", "", message),))
        elif lines.broken:
            yield Record(line, cells, tuple(_wrong_bytes(cells, line, encoding)))
        elif cells:
            yield Record(line, cells)


def _without_mark(lines: Iterator[str]) -> Iterator[str]:
    first = next(lines, None)
    if first is not None:
        yield first.removeprefix("\ufeff")
        yield from lines


def _syntax(error: csv.Error, line: int) -> Finding:
    if "unexpected end" in str(error):
        return Finding(
            "half-written",
            "",
            f"Row at line {line}: the file breaks off inside a quoted cell.",
            "Fetch the file again, or close the quote.",
        )
    if "field larger" in str(error):
        return Finding(
            "too-large",
            "",
            f"Row at line {line}: a cell of more than {csv.field_size_limit():,} characters.",
            "A quote that does not close makes one cell of all that follows.",
        )
    return Finding(
        "csv-syntax",
        "",
        f"Row at line {line}: {error}.",
        'A quote inside a quoted cell is written twice: "".',
    )


def _wrong_bytes(cells: list[str], line: int, encoding: str) -> Iterator[Finding]:
    for place, cell in enumerate(cells, start=1):
        bad = [char for char in cell if "\udc80" <= char <= "\udcff"]
        if bad:
            value = ord(bad[0]) - 0xDC00
            yield Finding(
                "wrong-encoding",
                "",
                f"Row at line {line}, column {place}: byte 0x{value:02X} is not {encoding}.",
                "Save the file as UTF-8, or name its encoding, such as cp1252.",
            )
