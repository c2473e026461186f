"""Taxonomies over HTTP: which there are, all of one, and one term with what lies around it."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, PathParameter, QueryParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from registry.canonical import digest
from registry.errors import NotFound
from registry.http import JSON_TYPE, AnyRequest, json_bytes, prepared
from registry.problems import problem_responses
from registry.taxonomies import queries, views
from registry.taxonomies.keeper import VocabularyKeeper

Keeper = NamedDependency[SkipValidation[VocabularyKeeper]]
Reading = NamedDependency[SkipValidation[AsyncSession]]
Path = Annotated[str, PathParameter(description="The id of a term; steps are divided by `/`.")]
Version = Annotated[
    str | None, QueryParameter(max_length=120, description="A stored version; the newest if left out.")
]
# A term's answer speaks of other taxonomies too, so any change of a taxonomy makes it stale.
SCOPES = ("taxonomies",)


class TaxonomiesController(Controller):
    """Public reads. Nothing here depends on who asks."""

    path = "/api/v1/taxonomies"
    tags = ("taxonomies",)

    @get("/", operation_id="listTaxonomies")
    async def list_taxonomies(self, request: AnyRequest, reading: Reading, keeper: Keeper) -> Response[bytes]:
        """The version in use of every taxonomy, without its terms."""
        vocabulary = await keeper.current(fresh=True)
        items = [
            views.summary(taxonomy, stored.loaded_at)
            for stored in await queries.newest_versions(reading)
            if (taxonomy := vocabulary.taxonomy(stored.namespace)) is not None
        ]
        return _answer(request, {"items": items, "next": None}, await queries.changed_at(reading))

    @get("/{namespace:str}", operation_id="readTaxonomy", responses=problem_responses(400, 404))
    async def read_taxonomy(
        self, request: AnyRequest, reading: Reading, namespace: FromPath[str], version: Version = None
    ) -> Response[bytes]:
        """One taxonomy with all its terms and crosswalks; an earlier version on request."""
        stored = await queries.versions(reading, namespace)
        wanted = next((one for one in stored if version in (None, one.version)), None)
        if wanted is None:
            what = f"version {version[:60]!r} of it" if stored and version else f"taxonomy {namespace[:60]!r}"
            raise NotFound(f"There is no {what} here.")
        taxonomy = (await queries.taxonomies(reading, [wanted.id]))[wanted.id]
        return _answer(request, views.whole(taxonomy, wanted.loaded_at, stored), stored[0].loaded_at)

    @get("/{namespace:str}/{term:path}", operation_id="readTerm", responses=problem_responses(400, 404))
    async def read_term(
        self, request: AnyRequest, reading: Reading, keeper: Keeper, namespace: FromPath[str], term: Path
    ) -> Response[bytes]:
        """One term of the version in use, with broader and narrower ones and its crosswalks."""
        vocabulary = await keeper.current(fresh=True)
        tag = f"{namespace}:{term.strip('/')}"
        found = vocabulary.term(tag)
        if found is None:
            near = vocabulary.nearest(tag[:200])
            hint = f" Nearest: {', '.join(near)}." if near else ""
            raise NotFound(f"There is no term {tag[:200]!r} here.{hint}")
        return _answer(request, views.one_term(vocabulary, tag, found), await queries.changed_at(reading))


def _answer(request: AnyRequest, body: dict[str, Any], changed: datetime | None) -> Response[bytes]:
    data = json_bytes(body)
    return prepared(request, data, JSON_TYPE, etag=digest(data)[:32], last_modified=changed, scopes=SCOPES)
