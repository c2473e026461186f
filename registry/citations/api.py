"""Citations over HTTP."""

from typing import Annotated

import msgspec
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, PathParameter, QueryParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.canonical import digest
from registry.citations.cited import Cited, cited
from registry.citations.formats import FORMATS, Format, format_of
from registry.extensions import Node
from registry.feeds.links import Links
from registry.http import AnyRequest, prepared
from registry.problems import problem_responses
from registry.records import queries
from registry.records.queries import Stored

Reading = NamedDependency[SkipValidation[AsyncSession]]
Actors = NamedDependency[SkipValidation[Actor]]
Nodes = NamedDependency[SkipValidation[Node]]
RecordId = Annotated[str, PathParameter(description="A record id; case does not matter.")]
Origin = Annotated[str | None, QueryParameter(max_length=255)]
FormatName = Annotated[
    str | None,
    QueryParameter(
        name="format",
        max_length=20,
        description=f"{', '.join(each.name for each in FORMATS)}; text when not given.",
    ),
]


class CitationsController(Controller):
    """How to cite a record."""

    path = "/api/v1/records/{id:str}"
    tags = ("records",)

    @get("/citation", operation_id="citeRecord", responses=problem_responses(400, 404, 451))
    async def cite_record(
        self,
        request: AnyRequest,
        reading: Reading,
        actor: Actors,
        node: Nodes,
        id: RecordId,
        format_name: FormatName = None,
        origin: Origin = None,
    ) -> Response[bytes]:
        """The newest version that the reader may see, as a citation. It names that version: what is cited
        stays what it was.
        """
        format = format_of(format_name)
        return _answer(request, node, await queries.newest(reading, actor, id, origin), format)

    @get(
        "/versions/{number:str}/citation",
        operation_id="citeVersion",
        responses=problem_responses(400, 404, 451),
    )
    async def cite_version(
        self,
        request: AnyRequest,
        reading: Reading,
        actor: Actors,
        node: Nodes,
        id: RecordId,
        number: FromPath[str],
        format_name: FormatName = None,
        origin: Origin = None,
    ) -> Response[bytes]:
        """One version as a citation."""
        format = format_of(format_name)
        return _answer(request, node, await queries.version(reading, actor, id, number, origin), format)


def _answer(request: AnyRequest, node: Node, row: Stored, format: Format) -> Response[bytes]:
    links = Links(node.settings.url, node.origin)
    document = msgspec.json.decode(row.document)
    found = cited(document, registry=node.settings.name, links=links, label=row.label)
    scopes = () if row.shared else (f"record:{row.id}",)
    return citation_answer(request, found, format, scopes=scopes)


def citation_answer(
    request: AnyRequest, found: Cited, format: Format, *, scopes: tuple[str, ...] = ()
) -> Response[bytes]:
    """A citation as a file to take along; as text, to read."""
    body = format.write(found).encode()
    answer = prepared(request, body, format.media_type, etag=digest(body)[:32], scopes=scopes)
    if format is not FORMATS[0]:
        name = found.key.replace(":", "_")
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{format.suffix}"'
    return answer
