"""From the public document of a version to a neutral entry. Pure: no format and no HTTP."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from registry.feeds.body import Label, content, items, mapping, text, web_address
from registry.feeds.feed import Author, Category, Entry, Event, Source
from registry.feeds.links import Links, feed_urn, record_urn, registry_at, version_urn
from registry.records.documents import tags_of

MAX_TITLE = 250
MAX_SUMMARY = 500
# `provider` is left out of such documents. Should one carry it all the same, a feed is the last to tell.
_NAMELESS = ("sector", "anonymous")
# The lexical rule of XML Schema for `xml:lang`; what a peer calls a language may be anything.
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")


def entry(
    document: Mapping[str, Any],
    links: Links,
    *,
    label: Label,
    event: Event | None = None,
    single_version: bool = False,
) -> Entry:
    """The entry of a document.

    `label` turns a tag into words. `event` is what made this version, where the caller knows; from the
    document alone a reinstatement reads as a revision. With `single_version` the entry stands for just this
    version: it has an id and an address of its own, and its title tells the number.
    """
    origin, id, version = document["origin"], document["id"], int(document["version"])
    event = event or _event(document)
    record_page = links.record(id, origin)
    title = _cut(text(document.get("title")) or id, MAX_TITLE)
    if single_version and version > 1:
        title = f"Version {version}: {title}"
    if event is Event.WITHDRAWN:
        title = f"Withdrawn: {title}"
    withdrawn = event is Event.WITHDRAWN
    inner = {} if withdrawn else mapping(document.get("content"))
    revision = mapping(document.get("revision"))
    updated = _time(document["updated"])
    return Entry(
        id=version_urn(origin, id, version) if single_version else record_urn(origin, id),
        event=event,
        title=title,
        summary=_withdrawal(document) if withdrawn else _summary(document),
        content=content(document, event, links, label, record_page),
        url=links.version(id, version, origin) if single_version else record_page,
        document_url=links.document(id, version, origin),
        published=updated if single_version else _time(document.get("published") or document["updated"]),
        updated=updated,
        origin=origin,
        record=id,
        kind=text(document.get("kind")),
        version=version,
        basis=text(document.get("basis")),
        language=_language(document),
        authors=tuple(_authors(document, links, label)),
        categories=tuple(_categories(document, event, links, label)),
        via=None if withdrawn else web_address(mapping(document.get("source")).get("url")),
        rights=text(document.get("license")) or None,
        severity=text(inner.get("severity")) or None,
        revision=(text(revision.get("type")) or None, text(revision.get("note")) or None),
        source=_source(origin) if origin != links.origin else None,
    )


def _source(origin: str) -> Source:
    home = registry_at(origin)
    return Source(origin, feed_urn(origin, "all"), f"{home}/feeds/all", f"{home}/")


def _event(document: Mapping[str, Any]) -> Event:
    if document.get("withdrawal"):
        return Event.WITHDRAWN
    return Event.NEW if int(document["version"]) == 1 else Event.REVISED


def _authors(document: Mapping[str, Any], links: Links, label: Label) -> Iterator[Author]:
    """The organisations that publish. Where they are not named: their sector at most, else nobody."""
    if document.get("attribution") in _NAMELESS:
        if sector := text(document.get("provider_sector")):
            yield Author(f"An organisation in the sector: {label(sector)}")
        return
    providers = [mapping(document.get("provider")), *items(document.get("co_providers"))]
    for provider in providers:
        if name := text(provider.get("name")) or text(provider.get("slug")):
            slug = text(provider.get("slug"))
            yield Author(name, links.provider(slug, document["origin"]) if slug else None)


def _categories(document: Mapping[str, Any], event: Event, links: Links, label: Label) -> Iterator[Category]:
    if kind := text(document.get("kind")):
        yield Category(f"kind:{kind}", links.feeds_page("kind"), kind.capitalize())
    yield Category(f"event:{event}", links.feeds_page("event"), event.capitalize())
    if event is Event.WITHDRAWN:
        return
    # All under which the record is found, so that whoever reads the feed of a tag sees that tag on each
    # entry.
    for tag in tags_of(document):
        yield Category(tag, links.taxonomy(tag.partition(":")[0]), label(tag))


def _language(document: Mapping[str, Any]) -> str:
    language = text(document.get("language")) or "en"
    return language if _LANGUAGE.fullmatch(language) else "und"


def _summary(document: Mapping[str, Any]) -> str:
    return _cut(text(document.get("summary")) or text(document.get("title")) or document["id"], MAX_SUMMARY)


def _withdrawal(document: Mapping[str, Any]) -> str:
    reason = text(mapping(document.get("withdrawal")).get("text"))
    return _cut(f"This record was withdrawn. {reason}".strip(), MAX_SUMMARY)


def _cut(words: str, limit: int) -> str:
    if len(words) <= limit:
        return words
    shortened = words[:limit]
    # Some scripts do without spaces: cut at a space only when one is near.
    space = shortened.rfind(" ", limit // 2)
    return shortened[: space if space > 0 else limit - 1].rstrip(" ,.;:") + "…"


def _time(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
