"""Search over what is shared with the reader, over HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.openapi.spec import Operation
from litestar.params import SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.http import AnyRequest
from registry.problems import problem_responses
from search.api import SEARCH, Finders, answer, given
from search.request import for_now, parse
from search.restricted.search import RestrictedSearch, SharedHit
from search.results import facets_as_json, highlights_as_json


@dataclass
class _Operation(Operation):
    def __post_init__(self) -> None:
        told = [one for one in SEARCH if one.name != "as_of"]
        self.parameters = [*(self.parameters or ()), *told]


class RestrictedSearchController(Controller):
    """Questions about what is shared with the reader."""

    path = "/api/v1/restricted"
    tags: Sequence[str] = ("search",)

    @get(
        "/search",
        operation_id="searchRestricted",
        operation_class=_Operation,
        security=[{"oauth2": [Scope.RECORDS_READ.value]}],
        responses=problem_responses(400, 401, 403),
    )
    async def search(
        self,
        request: AnyRequest,
        actor: NamedDependency[SkipValidation[Actor]],
        reading: NamedDependency[SkipValidation[AsyncSession]],
        search_finder: Finders,
        restricted_search: NamedDependency[SkipValidation[RestrictedSearch]],
    ) -> Response[bytes]:
        """Records below TLP:CLEAR that are shared with you and hold all words and pass all filters.

        Words are matched as they are written. The order, the counts and the facets are made from what you may
        see alone. `bounded` tells that there are more candidates than are looked at: then the newest of them
        were, and `total` and the counts may be too small.
        """
        actor.require(Scope.RECORDS_READ)
        asked = await search_finder.understood(for_now(parse(given(request))))
        found = await restricted_search.search(reading, actor, asked)
        body = {
            "hits": [_hit(hit) for hit in found.hits],
            "total": found.total,
            "bounded": found.bounded,
            "facets": facets_as_json(found.facets),
        }
        if asked.notes:
            body["findings"] = [finding.as_json() for finding in asked.notes]
        return answer(request, msgspec.json.encode(body))


def _hit(hit: SharedHit) -> dict[str, Any]:
    return {
        "version": hit.stored.label,
        "tlp": hit.tlp,
        "highlights": highlights_as_json(hit.highlights),
        "record": msgspec.Raw(hit.stored.document),
    }
