"""RSS 2.0 (RSS Advisory Board, 2.0.11) after the board's best practices profile."""

from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape

from lxml import etree

from registry.feeds.feed import Entry, Feed
from registry.feeds.xml import ATOM, CONTENT, DC, add, add_plain, rfc3339, write

SUFFIX = "rss"
MEDIA_TYPE = "application/rss+xml"


def write_rss(feed: Feed) -> bytes:
    root = etree.Element("rss", {"version": "2.0"}, nsmap={"atom": ATOM, "dc": DC, "content": CONTENT})
    channel = add(root, "channel")
    add_plain(channel, "title", feed.title)
    add(channel, "link", feed.home)
    # Descriptions are HTML to every reader, so that plain text is escaped once for HTML and once for XML.
    add(channel, "description", escape(feed.description, quote=False))
    add(channel, "language", "en")
    if feed.updated is not None:
        add(channel, "lastBuildDate", rfc822(feed.updated))
    add(channel, "generator", "Candor")
    add(channel, "docs", "https://www.rssboard.org/rss-specification")
    add(channel, f"{{{ATOM}}}link", href=feed.url, rel="self", type=MEDIA_TYPE)
    for entry in feed.entries:
        _item(channel, entry, full=feed.full)
    return write(root)


def rfc822(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _item(channel: etree._Element, entry: Entry, *, full: bool) -> None:
    item = add(channel, "item")
    add_plain(item, "title", entry.title)
    add(item, "link", entry.url)
    add(item, "guid", entry.id, isPermaLink="false")
    add(item, "pubDate", rfc822(entry.published))
    add(item, f"{{{ATOM}}}updated", rfc3339(entry.updated))
    for author in entry.authors:
        add_plain(item, f"{{{DC}}}creator", author.name)
    for category in entry.categories:
        add_plain(item, "category", category.term, domain=category.scheme)
    add(item, f"{{{DC}}}language", entry.language)
    if entry.source is not None:
        add_plain(item, "source", entry.source.origin, url=f"{entry.source.feed_url}.{SUFFIX}")
    if entry.rights:
        add_plain(item, f"{{{DC}}}rights", entry.rights)
    add(item, "description", escape(entry.summary, quote=False))
    if full:
        add(item, f"{{{CONTENT}}}encoded", entry.content)
