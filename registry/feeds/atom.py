"""The Atom Syndication Format, RFC 4287."""

from datetime import UTC, datetime

from lxml import etree

from registry.feeds.feed import Author, Entry, Feed
from registry.feeds.xml import ATOM, LANGUAGE, add, rfc3339, write

SUFFIX = "atom"
MEDIA_TYPE = "application/atom+xml"
# A feed must say when it was updated, also one that never was; the time must not move from fetch to fetch.
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def _name(tag: str) -> str:
    return f"{{{ATOM}}}{tag}"


def write_atom(feed: Feed) -> bytes:
    root = etree.Element(_name("feed"), {LANGUAGE: "en"}, nsmap={None: ATOM})  # type: ignore[dict-item]
    add(root, _name("id"), feed.id)
    add(root, _name("title"), feed.title, type="text")
    add(root, _name("subtitle"), feed.description, type="text")
    add(root, _name("updated"), rfc3339(feed.updated or _NEVER))
    # Entries without an author of their own, the anonymous ones, take this one (RFC 4287, 4.2.1).
    _author(root, feed.registry)
    add(root, _name("generator"), "Candor")
    add(root, _name("link"), rel="self", type=MEDIA_TYPE, href=feed.url)
    add(root, _name("link"), rel="alternate", type="text/html", href=feed.home)
    for entry in feed.entries:
        _entry(root, entry, full=feed.full)
    return write(root)


def _author(parent: etree._Element, author: Author) -> None:
    person = add(parent, _name("author"))
    add(person, _name("name"), author.name)
    if author.url:
        add(person, _name("uri"), author.url)


def _entry(root: etree._Element, entry: Entry, *, full: bool) -> None:
    node = add(root, _name("entry"))
    node.set(LANGUAGE, entry.language)
    add(node, _name("id"), entry.id)
    add(node, _name("title"), entry.title, type="text")
    add(node, _name("published"), rfc3339(entry.published))
    add(node, _name("updated"), rfc3339(entry.updated))
    for author in entry.authors:
        _author(node, author)
    for category in entry.categories:
        add(node, _name("category"), term=category.term, scheme=category.scheme, label=category.label)
    add(node, _name("link"), rel="alternate", type="text/html", href=entry.url)
    add(node, _name("link"), rel="alternate", type="application/json", href=entry.document_url)
    if entry.via:
        add(node, _name("link"), rel="via", href=entry.via)
    if entry.source is not None:
        # Whoever takes an entry from a feed says from which (RFC 4287, 4.2.11); its author stands for entries
        # that name none.
        source = add(node, _name("source"))
        add(source, _name("id"), entry.source.feed_id)
        add(source, _name("title"), entry.source.origin, type="text")
        add(source, _name("updated"), rfc3339(entry.updated))
        _author(source, Author(entry.source.origin, entry.source.home))
        add(source, _name("link"), rel="self", type=MEDIA_TYPE, href=f"{entry.source.feed_url}.{SUFFIX}")
        add(source, _name("link"), rel="alternate", type="text/html", href=entry.source.home)
    if entry.rights:
        add(node, _name("rights"), entry.rights, type="text")
    add(node, _name("summary"), entry.summary, type="text")
    if full:
        add(node, _name("content"), entry.content, type="html")
