"""Search over HTTP. The engine runs in worker threads; here is only reading parameters and writing JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.openapi.spec import Operation, Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import SkipValidation

from registry.canonical import digest
from registry.errors import Malformed
from registry.http import JSON_TYPE, AnyRequest, prepared
from registry.problems import problem_responses
from search.document import FILTERS
from search.finder import SearchFinder
from search.meanings import CROSSWALKS, FOLLOWED
from search.question import MAX_CHARACTERS
from search.request import MAX_LIMIT, MAX_OFFSET, RANGES, SORTS, parse, read_suggest
from search.results import encode

MAX_PARAMETERS = 500

Finders = NamedDependency[SkipValidation[SearchFinder]]


def parameter(name: str, about: str, *, many: bool = False, **schema: Any) -> Parameter:
    """A parameter in the address, as OpenAPI tells it."""
    one = Schema(**({"type": OpenAPIType.STRING} | schema))
    whole = Schema(type=OpenAPIType.ARRAY, items=one) if many else one
    return Parameter(name=name, param_in="query", description=about, schema=whole)


# Read by `search.request`, so that feeds, saved questions and this address understand the same; told to
# OpenAPI here.
SEARCH = (
    parameter("q", 'Words, "phrases" and -exclusions.', max_length=MAX_CHARACTERS),
    *(parameter(name, f"Only records with any of these values of {name}.", many=True) for name in FILTERS),
    *(parameter(name, "A partial date: 2023, 2023-04, 2023-04-17 or a time.") for name in RANGES),
    parameter(
        "crosswalks",
        "Whether a tag also finds the terms of other taxonomies that mean the same (exact), or nearly so too "
        f"(close); {FOLLOWED} when not given.",
        enum=list(CROSSWALKS),
    ),
    parameter(
        "as_of",
        "Answer from what was public then: a public sequence number (`position`), or the end of a month, "
        "a day or a moment (2024-12, 2024-05-17, 2024-05-17T09:30:00Z).",
    ),
    parameter("sort", "relevance when not given.", enum=list(SORTS)),
    parameter(
        "limit", "Hits on a page; 20 when not given.", type=OpenAPIType.INTEGER, minimum=0, maximum=MAX_LIMIT
    ),
    parameter("offset", "Hits to pass over.", type=OpenAPIType.INTEGER, minimum=0, maximum=MAX_OFFSET),
    parameter("facets", "Filters to count, or * for all of them.", many=True),
)
_SUGGEST = (
    parameter("q", "What was typed so far.", max_length=MAX_CHARACTERS),
    parameter("limit", "8 when not given.", type=OpenAPIType.INTEGER, minimum=1, maximum=20),
)


@dataclass
class _SearchOperation(Operation):
    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or ()), *SEARCH]


@dataclass
class _SuggestOperation(Operation):
    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or ()), *_SUGGEST]


class SearchController(Controller):
    """Questions to the index."""

    path = "/api/v1"
    tags: Sequence[str] = ("search",)

    @get(
        "/search",
        operation_id="search",
        operation_class=_SearchOperation,
        responses=problem_responses(400, 503),
    )
    async def search(self, request: AnyRequest, search_finder: Finders) -> Response[bytes]:
        """Published records that hold all words and pass all filters, with facets and a timeline.

        A filter may be repeated: any of its values will do. Each facet is counted as if its own filter
        were not set. A tag finds what is tagged with a narrower term, and what is tagged with the terms of
        other taxonomies that `query.equivalents` names; as a value of a facet it counts what bears it.

        With `as_of` the versions answer that were public then, whatever became of them: each hit tells its
        `version`, and in `since_then` whether that is `current`, `revised` or `withdrawn`. What was erased or
        is withheld since never shows; `as_of.erased` counts such records, whatever was asked.

        With `as_of` the versions answer that were public then, whatever became of them: each hit tells its
        `version`, and in `since_then` whether that is `current`, `revised` or `withdrawn`. What was erased or
        is withheld since never shows; `as_of.erased` counts such records, whatever was asked.

        Everything in one answer comes from one state of the index; a changed `position` between two pages
        tells that it has moved. `findings` tells of words that were read otherwise than they were written.
        """
        body = encode(await search_finder.search(parse(given(request))))
        return answer(request, body)

    @get(
        "/suggest",
        operation_id="suggest",
        operation_class=_SuggestOperation,
        responses=problem_responses(400, 503),
    )
    async def suggest(self, request: AnyRequest, search_finder: Finders) -> Response[bytes]:
        """What was typed so far may become: records by title or id, and values of filters by what they
        are called.
        """
        typed, limit = read_suggest(given(request))
        found = await search_finder.suggest(typed, limit=limit)
        body = {"items": [item.as_json() for item in found.items], "position": found.position}
        return answer(request, msgspec.json.encode(body))


def given(request: AnyRequest) -> dict[str, list[str]]:
    """The parameters of a request, each with its values in order. Raises `Malformed` for very many."""
    text = request.scope["query_string"].decode("latin-1")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise Malformed(f"More than {MAX_PARAMETERS} parameters are not read.") from error
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def answer(request: AnyRequest, body: bytes) -> Response[bytes]:
    """JSON with a validator."""
    # Not kept by the front: the index follows the changelog, so a change there comes before the change here.
    return prepared(request, body, JSON_TYPE, etag=digest(body)[:32])
