"""How a page announces its feeds: `<link rel="alternate" type="…" title="…" href="…">`."""

from collections.abc import Iterable
from dataclasses import dataclass

from registry.feeds.formats import FORMATS
from registry.feeds.links import Links
from registry.feeds.selection import Selection


@dataclass(frozen=True, slots=True)
class Alternate:
    """One `link` element of a page's head."""

    type: str
    title: str
    href: str


def alternates(links: Links, feeds: Iterable[tuple[str, Selection]]) -> tuple[Alternate, ...]:
    """The elements for each (title, selection), in every format.

    Readers offer the first, so put the narrowest there.
    """
    return tuple(
        Alternate(
            format.media_type,
            f"{title} ({format.name})",
            links.feed(selection.path, format.suffix, selection.query),
        )
        for title, selection in feeds
        for format in FORMATS
    )
