"""Exports and citations of searches over HTTP."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.openapi.spec import Operation
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import SkipValidation
from litestar.response import Stream

from registry.citations import formats as citations
from registry.citations.api import citation_answer
from registry.extensions import Node
from registry.http import HEAD_ONLY, AnyRequest
from registry.problems import problem_responses
from search.api import SEARCH, Finders, given, parameter
from search.export.asked import read_export
from search.export.citation import cite
from search.export.formats import FORMATS, PARTS
from search.export.stream import begin

Nodes = NamedDependency[SkipValidation[Node]]
_QUESTION = tuple(each for each in SEARCH if each.name not in ("limit", "offset", "facets"))
_HOW = (
    parameter("format", "ndjson when not given.", enum=[each.name for each in FORMATS]),
    parameter("part", "Of CSV: one row for each record, or for each value of its lists.", enum=list(PARTS)),
    parameter("bom", "Of CSV: begin with a byte order mark; true when not given.", type=OpenAPIType.BOOLEAN),
)


@dataclass
class _ExportOperation(Operation):
    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or ()), *_HOW, *_QUESTION]


@dataclass
class _CiteOperation(Operation):
    def __post_init__(self) -> None:
        names = [each.name for each in citations.FORMATS]
        asked = parameter("format", "text when not given.", enum=names)
        self.parameters = [*(self.parameters or ()), asked, *_QUESTION]


class ExportController(Controller):
    """Whole results."""

    path = "/api/v1/search"
    tags: Sequence[str] = ("search",)

    @get(
        "/export",
        operation_id="exportSearch",
        operation_class=_ExportOperation,
        responses=problem_responses(400, 503),
    )
    async def export(self, request: AnyRequest, node: Nodes, search_finder: Finders) -> Stream:
        """Every record that answers, as a file that is written while it is sent.

        All of it is from one state of the index, whose `position` stands in `Candor-Position`; the number of
        records that answer in `Candor-Total`. What is withdrawn or erased while it is sent does not come out.
        NDJSON begins with a line that has `export`, and ends with one that has `end`: a file without it was
        cut off.
        """
        export = read_export(given(request))
        exporting = await begin(node, search_finder, export)
        about, format = exporting.about, export.format
        name = format.file_name(about.position, about.part)
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Candor-Position": str(about.position),
            "Candor-Total": str(about.total),
            "Link": f'<{about.address}>; rel="canonical"',
            "Cache-Control": "no-store",
        }
        if request.scope["state"].get(HEAD_ONLY):
            return Stream(iter(()), media_type=format.media_type, headers=headers)
        # Once a byte is sent nothing can be told any more: what fails at once is told as a problem.
        first, _ = await anext(exporting.chunks)
        return Stream(_after(first, exporting.chunks), media_type=format.media_type, headers=headers)

    @get(
        "/citation",
        operation_id="citeSearch",
        operation_class=_CiteOperation,
        responses=problem_responses(400, 503),
    )
    async def cite(self, request: AnyRequest, node: Nodes, search_finder: Finders) -> Response[bytes]:
        """A question as a citation: its address as of a position, which finds the same for good, with the
        day and the number of records. Without `as_of` it is the present position.
        """
        parameters: dict[str, Any] = dict(given(request))
        wanted = parameters.pop("format", [None])
        format = citations.format_of(wanted[-1])
        return citation_answer(request, await cite(node, search_finder, parameters), format)


async def _after(first: bytes, rest: AsyncIterator[tuple[bytes, int]]) -> AsyncIterator[bytes]:
    yield first
    async for chunk, _ in rest:
        yield chunk
