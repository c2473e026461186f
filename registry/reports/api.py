"""Reports over HTTP."""

from typing import Annotated, Literal

import msgspec
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, PathParameter, QueryParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.canonical import digest
from registry.db import now
from registry.http import JSON_TYPE, AnyRequest, prepared
from registry.problems import problem_responses
from registry.reports import queries, views
from registry.reports.regimes import REGIMES, regime_named, report

MARKDOWN_TYPE = "text/markdown; charset=utf-8"


class ReportsController(Controller):
    """Incidents as the law of several places asks for them."""

    path = "/api/v1"
    tags = ("reports",)

    @get(
        "/records/{id:str}/report/{regime:str}",
        operation_id="reportRecord",
        responses=problem_responses(400, 401, 403, 404),
    )
    async def read_report(
        self,
        request: AnyRequest,
        reading: NamedDependency[SkipValidation[AsyncSession]],
        actor: NamedDependency[SkipValidation[Actor]],
        id: FromPath[str],
        regime: Annotated[
            str, PathParameter(description=f"One of {', '.join(each.name for each in REGIMES)}.")
        ],
        origin: Annotated[
            str | None, QueryParameter(description="Whose record, where two registries hold the same id.")
        ] = None,
        draft: Annotated[bool, QueryParameter(description="Of the draft, for those who work on it.")] = False,
        format: Annotated[
            Literal["json", "md"] | None, QueryParameter(description="Instead of the Accept header.")
        ] = None,
    ) -> Response[bytes]:
        """An incident in the fields of a reporting regime: what is there, what is missing or lossy, what is
        due. As JSON, or as Markdown to work on. A drafting aid, made of what the reader may see.
        """
        chosen = regime_named(regime)
        if draft:
            document, version = await queries.draft_incident(reading, actor, id)
        else:
            document, version = await queries.readable_incident(reading, actor, id, origin)
        made = report(chosen, document, version=version, now=now())
        if format == "md" or (format is None and _prefers_markdown(request.headers.get("accept", ""))):
            body, media_type = views.as_markdown(made).encode(), MARKDOWN_TYPE
        else:
            body, media_type = msgspec.json.encode(views.as_json(made)), JSON_TYPE
        # Kept by nobody: whether a time limit has passed is true of one moment.
        answer = prepared(request, body, media_type, etag=digest(body)[:32])
        answer.headers["Vary"] = ", ".join(filter(None, ("Accept", answer.headers.get("Vary"))))
        return answer


def _prefers_markdown(accept: str) -> bool:
    ranges = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return "text/markdown" in ranges and JSON_TYPE not in ranges
