"""From the versions that a selection yields to a feed. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from registry.feeds.body import Label
from registry.feeds.entries import entry
from registry.feeds.feed import Author, Event, Feed
from registry.feeds.formats import Format
from registry.feeds.links import Links, feed_urn
from registry.feeds.selection import Options, Selection, Topic

_EVENTS = {
    "published": Event.NEW,
    "revised": Event.REVISED,
    "withdrawn": Event.WITHDRAWN,
    "reinstated": Event.REINSTATED,
}


@dataclass(frozen=True, slots=True)
class Row:
    """A version that stands in a feed.

    Its canonical bytes, what made it, and whether its entry is about it alone.
    """

    document: bytes
    action: str
    single_version: bool = False


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a feed holds now, newest first. `name` is what the selection is called: an organisation, a
    record's title.

    `changed` is when anything in it changed last, leaving included; None while nothing ever did.
    """

    rows: Sequence[Row]
    name: str
    changed: datetime | None


@dataclass(frozen=True, slots=True)
class Registry:
    """What a feed says of where it comes from."""

    name: str
    links: Links
    label: Label


def assemble(
    registry: Registry, selection: Selection, options: Options, format: Format, gathered: Gathered
) -> Feed:
    links = registry.links
    title, description = _titles(registry.name, selection, gathered.name)
    return Feed(
        id=feed_urn(links.origin, selection.address),
        title=title,
        description=description,
        url=links.feed(selection.path, format.suffix, (*selection.query, *options.query)),
        home=home_of(links, selection),
        registry=Author(registry.name, links.home()),
        origin=links.origin,
        about=links.feeds_page(),
        updated=gathered.changed,
        full=options.full,
        entries=tuple(
            entry(
                json.loads(row.document),
                links,
                label=registry.label,
                event=_EVENTS.get(row.action),
                single_version=row.single_version,
            )
            for row in gathered.rows
        ),
    )


def title_of(registry: str, selection: Selection, name: str) -> str:
    return _titles(registry, selection, name)[0]


def _titles(registry: str, selection: Selection, name: str) -> tuple[str, str]:
    """Title and description of a feed, in plain text."""
    imports = " Imported records are left out." if not selection.holds_imports else ""
    of = f" ({selection.origin})" if selection.origin else ""
    match selection.topic:
        case Topic.ALL:
            return (
                f"{registry}: everything{of}",
                f"What is disclosed at {selection.origin or registry}, the newest change first.{imports}",
            )
        case Topic.KIND:
            kinds = _plural(selection.value)
            return (
                f"{registry}: {kinds}{of}",
                f"All {kinds} disclosed at {selection.origin or registry}, the newest change first.{imports}",
            )
        case Topic.PROVIDER:
            where = selection.origin or registry
            return f"{registry}: {name}{of}", f"What {name} publishes at {where}, the newest change first."
        case Topic.TAG:
            return (
                f"{registry}: {name}{of}",
                f"What is classified as {name} ({selection.value}) or a part of it, the newest change first.",
            )
        case Topic.RECORD:
            return (
                f"{registry}: {name}",
                f"Every version of {selection.value} ({name}) and every response to it.",
            )
        case Topic.SEARCH:
            return (
                f"{registry}: {name}",
                "The records that hold all the words and pass all filters, newest first.",
            )


def search_name(parameters: Sequence[tuple[str, str]]) -> str:
    """A search in words: its own words in quotes, then its filters."""
    words = [f"“{value}”" for key, value in parameters if key == "q"]
    filters = [f"{key} {value}" for key, value in parameters if key != "q"]
    return ", ".join([" ".join(["search for", *words]) if words else "search", *filters])


def _plural(kind: str) -> str:
    return {"weakness": "weaknesses"}.get(kind, f"{kind}s")


def home_of(links: Links, selection: Selection) -> str:
    """The page that shows to a person what the feed shows to a program."""
    match selection.topic:
        case Topic.ALL:
            return links.records(selection.parameters) if selection.origin else links.home()
        case Topic.KIND:
            return links.records((("kind", selection.value), *selection.parameters))
        case Topic.PROVIDER:
            return links.provider(selection.value, selection.origin)
        case Topic.TAG:
            return links.term(selection.value)
        case Topic.RECORD:
            return links.record(selection.value, selection.origin)
        case Topic.SEARCH:
            return links.records(selection.parameters)
