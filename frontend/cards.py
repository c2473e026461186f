"""A record in a list: what helps to decide whether to open it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from frontend.templating import items, shortened
from frontend.urls import Urls
from registry import markdown
from registry.records.queries import Stored

SUMMARY = 260

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of plain text, marked where it is what was looked for."""

    text: str
    mark: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """One record. `title`, `summary` and `passage` are pieces of plain text; `at` is when it last changed.

    `when` is what the record says of its own time, a partial date. `passage` is where in the rest of the
    record stands what was looked for. `origin` is the registry of a copy; `copies` are the (registry,
    address)es of what others made from the same source. `since` says what became of the record since the
    version that stands here, where lists are as of an earlier time.
    """

    id: str
    url: str
    kind: str
    language: str
    title: Sequence[Piece]
    summary: Sequence[Piece]
    provider: str
    basis: str
    published: str
    when: str
    severity: str
    assertion: str
    stance: str
    withdrawn: bool
    revised: bool
    at: datetime | None = None
    passage: Sequence[Piece] = ()
    origin: str = ""
    copies: Sequence[tuple[str, str]] = ()
    since: str = ""


def card(urls: Urls, row: Stored) -> Card:
    """The card of a stored version."""
    return of_document(urls, _decode(row.document), at=row.at)


def of_document(
    urls: Urls,
    document: Mapping[str, Any],
    *,
    at: datetime | None = None,
    title: Sequence[Piece] = (),
    summary: Sequence[Piece] = (),
    passage: Sequence[Piece] = (),
    copies: Sequence[tuple[str, str]] = (),
    version: int | None = None,
    since: str = "",
) -> Card:
    """The card of a public document; `title` and `summary` take the place of its own, to point out what was
    found. With `version` it leads to that one, and not to the newest.
    """
    content = document.get("content")
    content = content if isinstance(content, Mapping) else {}
    id, origin = str(document.get("id", "")), str(document.get("origin", ""))
    return Card(
        id=id,
        url=urls.record(id, origin) if version is None else urls.version(id, str(version), origin),
        kind=str(document.get("kind", "")),
        language=str(document.get("language", "")),
        title=title or (Piece(str(document.get("title") or id)),),
        summary=summary or (Piece(_summary(document, content)),),
        provider=_provider(document),
        basis=str(document.get("basis", "")),
        published=str(document.get("published", "")),
        when=_when(content),
        severity=_text(content.get("severity")),
        assertion=_text(_member(content, "assertion", "status")),
        stance=_text(content.get("stance")),
        withdrawn="withdrawal" in document,
        revised=document.get("version") not in (1, "1", None),
        at=at,
        passage=passage,
        origin=origin if origin and origin != urls.origin else "",
        copies=[(other, urls.record(id, other)) for other, id in copies],
        since=since,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _member(value: Mapping[str, Any], *steps: str) -> Any:
    found: Any = value
    for step in steps:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _provider(document: Mapping[str, Any]) -> str:
    names = [document.get("provider"), *items(document.get("co_providers"))]
    return ", ".join(str(one["name"]) for one in names if isinstance(one, Mapping) and one.get("name"))


def _summary(document: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    for text in (document.get("summary"), content.get("text"), content.get("what_happened")):
        if isinstance(text, str) and text:
            return shortened(text, SUMMARY)
    told = document.get("narrative")
    return markdown.plain(told, SUMMARY) if isinstance(told, str) else ""


def _when(content: Mapping[str, Any]) -> str:
    times = content.get("times")
    if isinstance(times, Mapping):
        for name in ("started", "detected", "discovered", "ended"):
            if isinstance(times.get(name), str):
                return str(times[name])
    return _text(_member(content, "effective", "from"))
