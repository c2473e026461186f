"""OPML 2.0 (http://opml.org/spec2.opml): a list of feeds that a reader takes in at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from registry.feeds.xml import add, write

MEDIA_TYPE = "text/x-opml"


@dataclass(frozen=True, slots=True)
class Outline:
    """One feed: `url` is the feed's, `home` the page's; both absolute."""

    title: str
    url: str
    home: str


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    outlines: Sequence[Outline]


def write_opml(title: str, groups: Sequence[Group]) -> bytes:
    """Groups become folders.

    Empty ones are left out. `type` is `rss` for RSS and Atom alike, as the format wants it.
    """
    root = etree.Element("opml", {"version": "2.0"})
    add(add(root, "head"), "title", title)
    body = add(root, "body")
    for group in groups:
        if not group.outlines:
            continue
        folder = add(body, "outline", text=group.title)
        for outline in group.outlines:
            add(
                folder,
                "outline",
                text=outline.title,
                title=outline.title,
                type="rss",
                xmlUrl=outline.url,
                htmlUrl=outline.home,
            )
    return write(root)
