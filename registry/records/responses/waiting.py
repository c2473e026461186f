"""Responses that wait for the owner of the record: a source of the queue."""

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.records.responses.queries import unanswered
from registry.waiting import MOST, QueueItem

_LONGEST_TITLE = 120


class _Said(msgspec.Struct):
    stance: str = ""


class _Response(msgspec.Struct):
    title: str = ""
    content: _Said = msgspec.field(default_factory=_Said)


_read = msgspec.json.Decoder(_Response).decode


async def responses_waiting(session: AsyncSession, actor: Actor) -> list[QueueItem]:
    """What others said to the organisation's records since it looked last, and was not replied to."""
    if actor.provider is None or Scope.RECORDS_WRITE not in actor.scopes:
        return []
    items = []
    for row, about in await unanswered(session, actor.provider, limit=MOST):
        said = _read(row.document)
        title, stance = said.title[:_LONGEST_TITLE], said.content.stance
        text = f"{title}: {stance} {about}. Reply with a response, or mark it seen."
        items.append(QueueItem("response", row.id, row.at, text, f"/api/v1/records/{about}/responses"))
    return items
