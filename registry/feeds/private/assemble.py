"""From what a private feed holds to the feed. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from registry.feeds.assemble import Gathered, Registry, Row, assemble
from registry.feeds.feed import Category, Entry, Feed
from registry.feeds.formats import Format
from registry.feeds.links import Links, feed_urn
from registry.feeds.private.queries import Line
from registry.feeds.selection import Options, Selection, Topic


def private_feed(
    registry: Registry, key_id: str, name: str, options: Options, format: Format, lines: Sequence[Line]
) -> Feed:
    """The feed of a key. Nothing in it holds the key: whoever is shown an entry is not shown the way in."""
    rows = [Row(line.stored.document, line.stored.action) for line in lines]
    changed = max((line.stored.at for line in lines), default=None)
    selection = Selection(Topic.ALL, imported=True)
    feed = assemble(registry, selection, options, format, Gathered(rows, name, changed))
    return replace(
        feed,
        id=feed_urn(registry.links.origin, f"private/{key_id}"),
        title=f"{registry.name}: {name}",
        description="What you may see, the newest change first. It is for you alone: do not pass it on.",
        url=registry.links.feeds_page(),
        entries=tuple(
            _marked(entry, line, registry.links) for entry, line in zip(feed.entries, lines, strict=True)
        ),
    )


def _marked(entry: Entry, line: Line, links: Links) -> Entry:
    """An entry below TLP:CLEAR says so in its title, where every reader shows it, and in a category."""
    if line.tlp is None:
        return entry
    mark, stored = f"TLP:{line.tlp}", line.stored
    return replace(
        entry,
        title=f"[{mark}] {entry.title}",
        document_url=links.shared_document(stored.id, stored.number),
        categories=(Category(f"tlp:{line.tlp}", links.feeds_page("tlp"), mark), *entry.categories),
    )
