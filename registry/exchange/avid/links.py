"""The files of AVID, and which of its reports and vulnerabilities belong to each other."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from registry.exchange import files
from registry.exchange.pieces import line

SUFFIXES = (".jsonl", ".json")
_UNPUBLISHED = re.compile(r"(^|[/_.-])(review|unpublished)([/_.-]|$)")


def is_unpublished(short: str) -> bool:
    """Whether a file, named relative to what is imported, holds what AVID still reviews."""
    return _UNPUBLISHED.search(short.lower()) is not None


@dataclass(frozen=True, slots=True)
class Links:
    """Which reports belong to which vulnerabilities, as far as the files at hand tell."""

    reports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    vulnerabilities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    moved: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    known: frozenset[str] = frozenset()


class _Metadata(msgspec.Struct):
    report_id: str | None = None
    vuln_id: str | None = None


class _Value(msgspec.Struct):
    value: str | None = None


class _Problem(msgspec.Struct):
    description: _Value | None = None


class _Named(msgspec.Struct):
    report_id: str | None = None
    name: str | None = None


class _Outline(msgspec.Struct):
    """As much of an entry as is needed to see who belongs to whom."""

    metadata: _Metadata | None = None
    problemtype: _Problem | None = None
    reports: list[_Named] | None = None


def entries(path: Path) -> Iterator[tuple[str, bytes | None]]:
    """Name and bytes of each entry under `path`; no bytes for a line that is too long."""
    for file in published(path):
        short = files.short(file, path)
        if file.suffix.lower() == ".jsonl":
            for entry in files.lines(file):
                if entry.data is None or entry.data.strip():
                    yield f"{short}:{entry.number}", entry.data
        else:
            data = files.read_whole(file, files.MAX_LINE)
            # A folder may hold other JSON beside the entries, such as the enums.
            if b'"data_type"' in data:
                yield short, data


def published(path: Path) -> Iterator[Path]:
    for file in files.find(path, SUFFIXES):
        if not is_unpublished(files.short(file, path)):
            yield file


def links_of(path: Path) -> Links:
    """Match vulnerabilities and reports by what both files say. One pass over the outlines of each."""
    outlines = [
        outline
        for file in published(path)
        if "report" not in file.name.lower() and "-r" not in file.name.lower()
        for outline in _outlines(file)
        if outline.metadata and outline.metadata.vuln_id
    ]
    known = frozenset(
        outline.metadata.vuln_id for outline in outlines if outline.metadata and outline.metadata.vuln_id
    )
    claims = [
        (outline.metadata.vuln_id, named.report_id, line(named.name or ""))
        for outline in outlines
        for named in outline.reports or ()
        if outline.metadata and outline.metadata.vuln_id and named.report_id
    ]
    names = {name for _, _, name in claims if name}
    titles: dict[str, str] = {}
    if claims:
        numbers = {number for _, number, _ in claims}
        for file in published(path):
            for outline in _outlines(file):
                number = outline.metadata.report_id if outline.metadata else None
                title = line(
                    ((outline.problemtype and outline.problemtype.description) or _Value()).value or ""
                )
                if number and (number in numbers or title in names):
                    titles[number] = title
    by_title = {title: number for number, title in titles.items()}
    reports: dict[str, list[str]] = {}
    vulnerabilities: dict[str, list[str]] = {}
    moved: dict[str, list[tuple[str, str]]] = {}
    for vulnerability, number, name in claims:
        target = number if titles.get(number) == name else by_title.get(name, number)
        if target != number:
            moved.setdefault(vulnerability, []).append((number, target))
        reports.setdefault(vulnerability, []).append(target)
        vulnerabilities.setdefault(target, []).append(vulnerability)
    return Links(
        {key: tuple(value) for key, value in reports.items()},
        {key: tuple(value) for key, value in vulnerabilities.items()},
        {key: tuple(value) for key, value in moved.items()},
        known,
    )


def _outlines(file: Path) -> Iterator[_Outline]:
    """The outlines of what can be read; what cannot is reported when it is read in earnest."""
    decode = msgspec.json.Decoder(_Outline).decode
    for _, data in entries(file):
        if data:
            try:
                yield decode(data)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue
