"""The audit trail over HTTP: an organisation's administrators read what concerns it, stewards everything."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation
from litestar.response import Stream
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit import queries, views
from registry.audit.queries import Wanted
from registry.clock import read_instant
from registry.errors import Forbidden, Malformed
from registry.extensions import Node
from registry.http import JSON_TYPE, PRIVATE_HEADERS
from registry.problems import problem_responses

MOST = 200
_SECURITY = [
    {"oauth2": [Scope.PROVIDER_ADMIN.value]},
    {"oauth2": [Scope.REGISTRY_STEWARD.value]},
]
Actors = NamedDependency[SkipValidation[Actor]]
Nodes = NamedDependency[SkipValidation[Node]]
Reading = NamedDependency[SkipValidation[AsyncSession]]
_Text = Annotated[str | None, QueryParameter(max_length=400)]
_Provider = Annotated[str | None, QueryParameter(max_length=64, description="Whom it concerns.")]
_Time = Annotated[str | None, QueryParameter(max_length=64, description="A date or an RFC 3339 time.")]


class AuditController(Controller):
    """Who did what, when, and from where."""

    path = "/api/v1/audit"
    tags = ("audit",)

    @get("/", operation_id="listAudit", security=_SECURITY, responses=problem_responses(400, 401, 403, 404))
    async def list_acts(
        self,
        reading: Reading,
        actor: Actors,
        node: Nodes,
        topic: _Text = None,
        action: _Text = None,
        subject: _Text = None,
        by: Annotated[str | None, QueryParameter(name="actor", max_length=400)] = None,
        provider: _Provider = None,
        since: _Time = None,
        until: _Time = None,
        cursor_: Annotated[str | None, QueryParameter(name="cursor", max_length=400)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=MOST)] = 50,
    ) -> Response[bytes]:
        """Acts, the newest first: an organisation's own for its administrators, all for stewards."""
        told = Wanted(None, topic, action, subject, by, _moment(since), _moment(until))
        wanted = await _allowed(reading, actor, told, provider)
        rows = await queries.acts(reading, wanted, before=_opened(node, cursor_), limit=limit + 1)
        shown = rows[:limit]
        body = {
            "items": [views.act(row, _reader(actor)) for row in shown],
            "next": _sealed(node, shown[-1].pk) if len(rows) > limit else None,
        }
        return Response(msgspec.json.encode(body), media_type=JSON_TYPE, headers=PRIVATE_HEADERS)

    @get(
        "/export",
        operation_id="exportAudit",
        security=_SECURITY,
        responses=problem_responses(400, 401, 403, 404),
    )
    async def export(
        self,
        reading: Reading,
        actor: Actors,
        node: Nodes,
        format: Annotated[str, QueryParameter(pattern="^(ndjson|csv)$")] = "ndjson",
        topic: _Text = None,
        action: _Text = None,
        subject: _Text = None,
        by: Annotated[str | None, QueryParameter(name="actor", max_length=400)] = None,
        provider: _Provider = None,
        since: _Time = None,
        until: _Time = None,
    ) -> Stream:
        """The same as a file: NDJSON, or CSV that no spreadsheet takes for formulas."""
        told = Wanted(None, topic, action, subject, by, _moment(since), _moment(until))
        wanted, reader = await _allowed(reading, actor, told, provider), _reader(actor)

        async def lines() -> AsyncIterator[bytes]:
            if format == "csv":
                yield views.head()
            write = views.as_row if format == "csv" else views.as_line
            async for row in queries.all_acts(node.database, wanted):
                yield write(views.act(row, reader))

        media = "text/csv" if format == "csv" else "application/x-ndjson"
        headers = {**PRIVATE_HEADERS, "Content-Disposition": f'attachment; filename="audit.{format}"'}
        return Stream(lines(), media_type=media, headers=headers)


async def _allowed(session: AsyncSession, actor: Actor, wanted: Wanted, provider: str | None) -> Wanted:
    """What is asked for, as far as the actor may read it."""
    if actor.steward:
        key = await queries.provider_key(session, provider) if provider else None
        return replace(wanted, provider=key)
    actor.require(Scope.PROVIDER_ADMIN)
    if actor.provider is None or (provider is not None and provider != actor.provider_slug):
        raise Forbidden("An organisation's administrators read what concerns it; stewards read the rest.")
    return replace(wanted, provider=actor.provider)


def _reader(actor: Actor) -> str | None:
    return None if actor.steward else actor.provider_slug


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = read_instant(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Malformed(f"{text[:40]!r} is not a date or an RFC 3339 time, such as 2026-05-01.") from None


# Keys of rows count the acts of everybody: from one page to the next they would tell how busy others are.
def _cursors(node: Node) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hmac.digest(node.secret, b"audit cursor", hashlib.sha256)))


def _sealed(node: Node, key: int) -> str:
    return _cursors(node).encrypt(str(key).encode()).decode()


def _opened(node: Node, cursor: str | None) -> int | None:
    if not cursor:
        return None
    try:
        return int(_cursors(node).decrypt(cursor.encode()))
    except (InvalidToken, ValueError):
        raise Malformed("The cursor is not one that was given out here. Start again without it.") from None
