"""Writes an export while it is read: so many records at a time, and never all of them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from registry.extensions import Node
from registry.feeds.links import Links
from search.engine import Walk
from search.export.asked import Export
from search.export.formats import About, Writer
from search.export.queries import documents_at
from search.finder import SearchFinder


@dataclass(frozen=True, slots=True)
class Exporting:
    """An export that was begun: what it is of, and its bytes, with how many records each piece deals with.
    They can be had once.
    """

    about: About
    chunks: AsyncIterator[tuple[bytes, int]]


async def begin(node: Node, finder: SearchFinder, export: Export) -> Exporting:
    """Ask the index which records answer, all from one state of it. Raises `Unavailable` while there is none.

    Of each record comes out what it said at the position of that state. What was withdrawn, erased or
    withheld by the time it is its turn does not.
    """
    asked = await finder.understood(export.request)
    walk = await finder.walk(asked)
    position = walk.position if asked.position is None else asked.position
    pinned = asked.pinned(walk.position)
    links = Links(node.settings.url, node.origin)
    about = About(
        registry=node.settings.name,
        links=links,
        vocabulary=await node.vocabulary.current(),
        address=f"{node.settings.url}/records?{pinned.canonical}",
        canonical=pinned.canonical,
        position=position,
        total=walk.total,
        erased=finder.erased(asked),
        part=export.part,
        bom=export.bom,
    )
    return Exporting(about, _chunks(node, walk, about, export.format.writer(about)))


async def _chunks(node: Node, walk: Walk, about: About, writer: Writer) -> AsyncIterator[tuple[bytes, int]]:
    written, before = 0, writer.begin()
    async for batch in walk.batches:
        # A session for each batch: one that was held for as long as somebody reads would keep what is erased
        # meanwhile from leaving the database's files.
        async with node.database.read() as session:
            past = dict(zip(batch.keys, batch.versions, strict=True)) if batch.versions else None
            documents = await documents_at(session, batch.keys, about.position, past=past)
        text = before + await asyncio.to_thread(writer.write, documents)
        written, before = written + len(documents), ""
        yield text.encode(), len(batch.keys)
    yield (before + writer.end(written)).encode(), 0
