"""JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/).

What the format has no word for stands in `_candor`: of the feed `about` and `origin`; of an item `record`,
`kind`, `version`, `event`, `basis`, `document` (the address of the version's JSON) and, where they are known,
`severity`, `license` and `revision` {type, note}. An item tells its `origin` and `language` where they are
not the feed's: readers like their feeds below 100 KB.
"""

import json
from typing import Any

from registry.feeds.feed import Author, Entry, Feed
from registry.feeds.xml import rfc3339

SUFFIX = "json"
MEDIA_TYPE = "application/feed+json"
LANGUAGE = "en"
VERSION = "https://jsonfeed.org/version/1.1"


def write_json_feed(feed: Feed) -> bytes:
    value = {
        "version": VERSION,
        "title": feed.title,
        "description": feed.description,
        "home_page_url": feed.home,
        "feed_url": feed.url,
        "language": LANGUAGE,
        "authors": [_author(feed.registry)],
        "_candor": {"about": feed.about, "origin": feed.origin},
        "items": [_item(entry, feed) for entry in feed.entries],
    }
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _author(author: Author) -> dict[str, str]:
    return {"name": author.name, "url": author.url} if author.url else {"name": author.name}


def _item(entry: Entry, feed: Feed) -> dict[str, Any]:
    full = feed.full
    kind, note = entry.revision
    extension = {
        "record": entry.record,
        "origin": entry.origin if entry.origin != feed.origin else None,
        "kind": entry.kind,
        "version": entry.version,
        "event": entry.event.value,
        "basis": entry.basis,
        "severity": entry.severity,
        "license": entry.rights,
        "document": entry.document_url,
        "revision": {key: value for key, value in (("type", kind), ("note", note)) if value},
    }
    item = {
        "id": entry.id,
        "url": entry.url,
        "external_url": entry.via,
        "title": entry.title,
        "content_html": entry.content if full else None,
        "content_text": None if full else entry.summary,
        "summary": entry.summary if full else None,
        "date_published": rfc3339(entry.published),
        "date_modified": rfc3339(entry.updated),
        "authors": [_author(author) for author in entry.authors],
        "tags": [category.term for category in entry.categories],
        "language": entry.language if entry.language != LANGUAGE else None,
        "_candor": {key: value for key, value in extension.items() if value},
    }
    return {key: value for key, value in item.items() if value}
