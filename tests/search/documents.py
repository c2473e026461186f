"""Hand-made documents, and an embedded engine that holds some."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from registry.canonical import canonical
from registry.taxonomies.own import load_own
from registry.taxonomies.vocabulary import Vocabulary
from search.document import Projection, Projector
from search.embedded import EmbeddedEngine
from search.engine import Place
from search.request import Request, parse
from search.results import Answer

ORIGIN = "registry.example/log"


@cache
def vocabulary() -> Vocabulary:
    return Vocabulary(load_own())


@cache
def projector() -> Projector:
    return Projector(vocabulary())


def document(id: str = "CIR-0000000001", **fields: Any) -> dict[str, Any]:
    """A public document with little in it but what is given."""
    return {
        "schema": "candor-record/1",
        "id": id,
        "version": 1,
        "origin": ORIGIN,
        "kind": "incident",
        "title": "A record",
        "content": {},
        "published": "2024-01-01T00:00:00Z",
        "modified": "2024-01-01T00:00:00Z",
        "updated": "2024-01-01T00:00:00Z",
        **fields,
    }


def project(fields: Mapping[str, Any]) -> Projection:
    return projector().project(fields, canonical(dict(fields)))


def named(*titles: str, **fields: Any) -> list[dict[str, Any]]:
    """Documents with these titles; ids count from 1, each a minute later than the one before."""
    return [
        document(f"CIR-{number:010}", title=title, published=f"2024-01-01T00:{number:02}:00Z", **fields)
        for number, title in enumerate(titles, start=1)
    ]


async def fill(
    engine: EmbeddedEngine, documents: Sequence[Mapping[str, Any]], *, position: int = 1
) -> EmbeddedEngine:
    """Give the engine a new index that holds exactly these documents."""
    async with engine.rebuild() as rebuild:
        await rebuild.add([project(fields) for fields in documents])
        async with rebuild.finishing():
            await rebuild.publish(place(position))
    return engine


async def update(
    engine: EmbeddedEngine,
    documents: Sequence[Mapping[str, Any]] = (),
    gone: Sequence[str] = (),
    *,
    position: int,
) -> None:
    async with engine.writing():
        keys = [(ORIGIN, id) for id in gone]
        await engine.update([project(fields) for fields in documents], keys, place(position))


def place(position: int) -> Place:
    return Place(position, position * 2, projector().digest)


async def engine_with(folder: Path, documents: Sequence[Mapping[str, Any]]) -> EmbeddedEngine:
    return await fill(EmbeddedEngine(folder / "index"), documents)


def asked(q: str = "", **parameters: Any) -> Request:
    """A request as its URL would make it; a filter may have one value or a list."""
    given = {name: value if isinstance(value, list) else [str(value)] for name, value in parameters.items()}
    return parse({"q": [q], **given})


def ids(answer: Answer) -> list[str]:
    return [hit.id for hit in answer.hits]


def numbers(answer: Answer) -> list[int]:
    """The hits of `named` documents, as their places in that list, from 1."""
    return [int(hit.id.removeprefix("CIR-")) for hit in answer.hits]


def counted(answer: Answer, facet: str) -> dict[str, int]:
    return {value.value: value.count for value in answer.facets[facet]}
