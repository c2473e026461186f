"""The formats of exports: one list, one line each. A writer writes what it is given and keeps nothing of it.

`begin` and `end` say what the file is of, where the format has a place for that: a file that lacks its end
was cut off on the way.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from registry.citations import bibtex, csl, ris
from registry.citations.cited import Cited, cited
from registry.feeds.links import Links
from registry.taxonomies.vocabulary import Vocabulary
from search.export import cells, table
from search.export.queries import Said

RECORDS, LISTS = "records", "lists"
PARTS = (RECORDS, LISTS)

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class About:
    """What an export is of: `total` records that answer the question at `address`, as it stood at `position`.

    `erased` is how many records were public then, whatever was asked, and are not shown any more, for a
    question as of an earlier position. Nothing of it tells when it was written: one question as of one
    position is one file.
    """

    registry: str
    links: Links
    vocabulary: Vocabulary
    address: str
    canonical: str
    position: int
    total: int
    erased: int | None = None
    part: str = RECORDS
    bom: bool = True


class Writer(Protocol):
    """Writes one export. Its texts are sent in the order in which they were made."""

    def begin(self) -> str:
        """What comes before the first record."""

    def write(self, records: Sequence[Said]) -> str:
        """These records."""

    def end(self, written: int) -> str:
        """What comes after the last of `written` records."""


class _Lines:
    """NDJSON: the documents as they are stored, between a line that says of what and one that says how
    many.
    """

    def __init__(self, about: About) -> None:
        self.about = about
        self.withdrawn: list[str] = []

    def begin(self) -> str:
        about = self.about
        told: dict[str, Any] = {
            "question": about.canonical,
            "url": about.address,
            "position": about.position,
            "total": about.total,
        }
        if about.erased is not None:
            told["erased"] = about.erased
        return _line({"export": told})

    def write(self, records: Sequence[Said]) -> str:
        self.withdrawn += [_decode(each.document)["id"] for each in records if each.withdrawn]
        return "".join(f"{each.document.decode()}\n" for each in records)

    def end(self, written: int) -> str:
        told: dict[str, Any] = {"records": written, "left_out": self.about.total - written}
        if self.withdrawn:
            told["withdrawn_since"] = self.withdrawn
        return _line({"end": told})


def _line(value: Mapping[str, Any]) -> str:
    return f"{msgspec.json.encode(value).decode()}\n"


class _Table:
    def __init__(self, about: About) -> None:
        self.about = about
        self.lists = about.part == LISTS

    def begin(self) -> str:
        # Without it, spreadsheets take UTF-8 for whatever is usual where they run.
        mark = "\ufeff" if self.about.bom else ""
        return mark + cells.rows([table.LIST_COLUMNS if self.lists else table.COLUMNS])

    def write(self, records: Sequence[Said]) -> str:
        read = ((_decode(each.document), each.withdrawn) for each in records)
        if not self.lists:
            links = self.about.links
            return cells.rows(table.row(document, links, withdrawn) for document, withdrawn in read)
        known = self.about.vocabulary
        return cells.rows(line for document, _ in read for line in table.list_rows(document, known))

    def end(self, written: int) -> str:
        return ""


class _Citations:
    """Citations one after the other."""

    def __init__(self, about: About, write: Callable[[Cited], str]) -> None:
        self.about = about
        self.one = write

    def begin(self) -> str:
        return ""

    def write(self, records: Sequence[Said]) -> str:
        return "".join(map(self.one, self._cited(records)))

    def _cited(self, records: Sequence[Said]) -> list[Cited]:
        about = self.about
        found = [
            (cited(_decode(each.document), registry=about.registry, links=about.links), each)
            for each in records
        ]
        return [replace(one, note="Withdrawn since") if each.withdrawn else one for one, each in found]

    def end(self, written: int) -> str:
        return ""


class _Bibtex(_Citations):
    """BibTeX takes whatever stands between entries for a comment, as long as it holds no `@`."""

    def begin(self) -> str:
        about = self.about
        return _comment(f"{about.total} records that answer {about.address}, as of position {about.position}")

    def end(self, written: int) -> str:
        return _comment(f"End: {written} records")


def _comment(text: str) -> str:
    return f"% {text.replace('@', '%40')}\n\n"


class _CslJson(_Citations):
    """One array, whose items are separated and not ended."""

    def __init__(self, about: About) -> None:
        super().__init__(about, csl.encoded)
        self.begun = False

    def begin(self) -> str:
        return "["

    def write(self, records: Sequence[Said]) -> str:
        text = ",\n".join(map(self.one, self._cited(records)))
        mark = ",\n" if self.begun and text else ""
        self.begun = self.begun or bool(text)
        return mark + text

    def end(self, written: int) -> str:
        return "]\n"


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """`name` is the value of the parameter `format`, `title` what people call it."""

    name: str
    title: str
    media_type: str
    suffix: str
    writer: Callable[[About], Writer]

    def file_name(self, position: int, part: str) -> str:
        """What to call the file: exports of one question at several times lie side by side."""
        return f"candor-records-{position}{'-lists' if part == LISTS else ''}.{self.suffix}"


FORMATS = (
    ExportFormat("ndjson", "NDJSON", "application/x-ndjson", "ndjson", _Lines),
    ExportFormat("csv", "CSV", "text/csv", "csv", _Table),
    ExportFormat(
        "bibtex",
        "BibTeX",
        "application/x-bibtex; charset=utf-8",
        "bib",
        lambda about: _Bibtex(about, bibtex.write),
    ),
    ExportFormat(
        "ris",
        "RIS",
        "application/x-research-info-systems; charset=utf-8",
        "ris",
        lambda about: _Citations(about, ris.write),
    ),
    ExportFormat("csl-json", "CSL-JSON", "application/vnd.citationstyles.csl+json", "json", _CslJson),
)
BY_NAME: Mapping[str, ExportFormat] = MappingProxyType({format.name: format for format in FORMATS})
