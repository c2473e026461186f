"""What a citation says, whatever the format. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.canonical import one_line
from registry.feeds.links import Links
from registry.records.content.partial import PartialDate

ANONYMOUS = "Anonymous"
_MOST_KEYWORDS = 50


@dataclass(frozen=True, slots=True)
class Cited:
    """One thing to cite. Texts are single lines of plain text.

    `key` is what programs call it by: letters, digits and `-.:_`, the same for one version of one record
    everywhere. `authors` are organisations, never people. `what` says what sort of thing it is, and `number`
    what it is called by at the publisher. `issued` is when it came out, `original` when that did which it was
    made from; both as far as they are known.
    """

    key: str
    authors: tuple[str, ...]
    title: str
    what: str
    number: str
    publisher: str
    address: str
    issued: PartialDate | None = None
    original: PartialDate | None = None
    version: str = ""
    abstract: str = ""
    keywords: tuple[str, ...] = ()
    language: str = ""
    note: str = ""

    @property
    def year(self) -> str:
        return self.issued[:4] if self.issued else ""


def cited(document: Mapping[str, Any], *, registry: str, links: Links, label: str | None = None) -> Cited:
    """A version by its document: who published it, when, what, where, and never as a statement of whom it
    speaks of. `label` is what the version is addressed by, where that is not its number.

    Documents of other registries may hold anything anywhere.
    """
    id, origin = line(document.get("id")), line(document.get("origin"))
    version = line(label or document.get("version"))
    publishers = [document.get("provider"), *listed(document.get("co_providers"))]
    names = [line(one.get("name")) for one in publishers if isinstance(one, Mapping)]
    kind = line(document.get("kind"))
    source = document.get("source")
    return Cited(
        key=_key(id, version, origin, links.origin),
        authors=tuple(filter(None, names)) or (ANONYMOUS,),
        title=line(document.get("title")) or id,
        what=f"{kind or 'record'}".capitalize(),
        number=f"{id}, version {version}",
        publisher=registry,
        address=links.version(id, version, origin or None),
        issued=_date(document.get("updated")),
        original=_date(source.get("published")) if isinstance(source, Mapping) else None,
        version=version,
        abstract=line(document.get("summary")),
        keywords=tuple(filter(None, map(line, listed(document.get("tags")))))[:_MOST_KEYWORDS],
        language=line(document.get("language")),
        note="Withdrawn" if "withdrawal" in document else "",
    )


def _key(id: str, version: str, origin: str, home: str) -> str:
    key = f"{id}-v{version}"
    if origin and origin != home:
        # Several registries may hold one id. An origin is a host and a path.
        key += f":{origin.replace('/', ':')}"
    return "".join(char if char.isascii() and (char.isalnum() or char in "-.:_") else "_" for char in key)


def line(value: Any) -> str:
    """A text, or a number, on one line, without control characters; of anything else, nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return one_line(str(value))


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _date(value: Any) -> PartialDate | None:
    try:
        return PartialDate.parse(value) if isinstance(value, str) else None
    except ValueError:
        return None


def parts(date: PartialDate) -> list[int]:
    """Year, month and day, as far as they are known."""
    return [int(part) for part in date.rstrip("~?%")[:10].split("-")]
