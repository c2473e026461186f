"""What a format hands over: items, one for each thing that its source holds, and the description of the
format itself.

Reading is pure: no database, no network, no clock. An item holds a submission, or the reason why there is
none.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.errors import Finding, Severity, has_errors
from registry.taxonomies.vocabulary import Taxonomy

Key = tuple[str, str]
"""What an outside item is known by: the scheme of its source, and its id there."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a source holds.

    `name` says where it stands (`reports.jsonl:12`). `key` is None only where nothing identifies it.
    `submission` is None when there is nothing to import: with an error among `findings` the item is rejected,
    with warnings alone it is left out on purpose (a duplicate, unpublished material). `line_of` turns a JSON
    pointer into a line of the file.
    """

    name: str
    key: Key | None
    submission: dict[str, Any] | None
    findings: tuple[Finding, ...] = ()
    line_of: Callable[[str], int] | None = None

    @property
    def rejected(self) -> bool:
        return has_errors(self.findings) or (self.submission is None and not self.findings)


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator may say about a source.

    `mapping` is the TOML file of the `table` format. `retrieved` tells when the source was fetched (a partial
    date); it is written into `source.retrieved` and never makes a revision by itself.
    """

    mapping: Path | None = None
    retrieved: str | None = None


Reader = Callable[[Path, Options], Iterator[Item]]


@dataclass(frozen=True, slots=True)
class Format:
    """One way in. `count` tells how many items `read` will yield, as far as that is cheap to know.

    `strict` formats are held to the whole of the record's rules; the others keep unknown tags and fields.
    `taxonomies` reads the vocabularies that stand in the same source.
    """

    name: str
    title: str
    read: Reader
    count: Callable[[Path, Options], int | None]
    strict: bool = False
    taxonomies: Callable[[Path], tuple[Taxonomy, ...]] | None = None


def refused(name: str, finding: Finding, key: Key | None = None) -> Item:
    """An item that cannot be imported, and why."""
    return Item(name, key, None, (finding,))


def left_out(
    name: str, code: str, message: str, key: Key | None = None, suggestion: str | None = None
) -> Item:
    """An item that is not imported on purpose, and why."""
    return Item(name, key, None, (warning(code, "", message, suggestion),))


def warning(code: str, pointer: str, message: str, suggestion: str | None = None) -> Finding:
    return Finding(code, pointer, message, suggestion, Severity.WARNING)


Row = Mapping[str, str]
