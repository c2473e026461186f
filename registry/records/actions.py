"""What can be done to a record besides writing its draft: one table, one line an action.

Each has a name, the scope that it takes, how its body is read, and the service that does it. The body is read
before the write begins; the service answers a draft as it stands then, or the version that it wrote.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.clock import read_instant
from registry.errors import Finding, Invalid
from registry.records import embargo, joint, publishing, review
from registry.records.content.common import Object, Revision
from registry.records.content.partial import Moment
from registry.records.content.submission import Slug, Withdrawal
from registry.records.content.values import Few, RecordId
from registry.records.drafts import DraftState
from registry.records.queries import Stored
from registry.records.versions import Desk

Outcome = DraftState | Stored | None
"""The draft as it stands after, the version that was written, or nothing that the actor may see any more."""
Do = Callable[[AsyncSession, Desk, Actor, str, Any, str | None], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class RecordAction:
    """One action. `read` makes of a body what `do` is given; it raises `Invalid`."""

    name: str
    scope: Scope
    read: Callable[[Mapping[str, Any]], Any]
    do: Do


class Comment(Object):
    """What a reviewer asks for, and where."""

    pointer: Annotated[str, StringConstraints(max_length=300, strip_whitespace=False)] = ""
    text: Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class Returned(Object):
    comments: Annotated[list[Comment], Field(min_length=1, max_length=200)]


class Scheduled(Object):
    at: Moment
    together: Few[RecordId] = Field(default=[], alias="with")
    signature: str | None = None


class Invited(Object):
    provider: Slug


def _checked(model: type[BaseModel], raw: Mapping[str, Any], problem: str, hint: str) -> Any:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        findings = [
            Finding("bad-field", "".join(f"/{step}" for step in item["loc"]), f"{item['msg']}.", hint)
            for item in error.errors()
        ]
        raise Invalid(problem, findings=findings) from error


def _nothing(raw: Mapping[str, Any]) -> None:
    return None


def _signature(raw: Mapping[str, Any]) -> str | None:
    """The optional detached JWS over the draft's bytes; `registry.signing` says what is wrong with it."""
    return raw.get("signature")


def _comments(raw: Mapping[str, Any]) -> list[dict[str, str]]:
    hint = 'Such as {"comments": [{"pointer": "/title", "text": "Say where."}]}.'
    body = _checked(Returned, raw, "A draft is returned with what is to be changed in it.", hint)
    return [comment.model_dump() for comment in body.comments]


def _schedule(raw: Mapping[str, Any]) -> tuple[Any, list[str], str | None]:
    hint = 'Such as {"at": "2030-05-01T09:00:00Z", "with": ["CIR-..."]}.'
    body = _checked(Scheduled, raw, "A schedule says when.", hint)
    at = read_instant(str(body.at))
    # Documents and answers tell milliseconds.
    return (
        at.replace(microsecond=at.microsecond // 1000 * 1000),
        list(dict.fromkeys(body.together)),
        body.signature,
    )


def _withdrawal(raw: Mapping[str, Any]) -> dict[str, Any]:
    hint = 'Such as {"code": "duplicate", "text": "...", "replaced_by": {"id": "CIR-..."}}.'
    body = _checked(Withdrawal, raw, "A withdrawal says why.", hint)
    said: dict[str, Any] = body.model_dump(mode="json", exclude_none=True)
    return said


def _note(raw: Mapping[str, Any]) -> str:
    hint = 'Such as {"note": "The doubts were cleared up."}.'
    said = _checked(Revision, {"type": "status", **raw}, "A reinstatement may bear a note.", hint)
    return said.note or ""


def _guest(raw: Mapping[str, Any]) -> str:
    hint = 'Such as {"provider": "example-lab"}.'
    slug: str = _checked(Invited, raw, "An invitation names an organisation by its slug.", hint).provider
    return slug


async def _submit(s: AsyncSession, desk: Desk, actor: Actor, id: str, _: None, match: str | None) -> Outcome:
    return await review.submit(s, desk, actor, id, if_match=match)


async def _return(
    s: AsyncSession, desk: Desk, actor: Actor, id: str, comments: list[dict[str, str]], match: str | None
) -> Outcome:
    return await review.return_to_authors(s, desk, actor, id, comments, if_match=match)


async def _approve(
    s: AsyncSession, desk: Desk, actor: Actor, id: str, jws: str | None, match: str | None
) -> Outcome:
    return await review.approve(s, desk, actor, id, if_match=match, signature=jws)


async def _publish(
    s: AsyncSession, desk: Desk, actor: Actor, id: str, jws: str | None, match: str | None
) -> Outcome:
    return await publishing.publish(s, desk, actor, id, if_match=match, signature=jws)


async def _schedule_it(
    s: AsyncSession,
    desk: Desk,
    actor: Actor,
    id: str,
    body: tuple[Any, list[str], str | None],
    match: str | None,
) -> Outcome:
    at, together, jws = body
    return await embargo.schedule(s, desk, actor, id, at, together, if_match=match, signature=jws)


async def _cancel(s: AsyncSession, desk: Desk, actor: Actor, id: str, _: None, match: str | None) -> Outcome:
    return await embargo.cancel(s, desk, actor, id, if_match=match)


async def _withdraw(
    s: AsyncSession, desk: Desk, actor: Actor, id: str, words: dict[str, Any], match: str | None
) -> Outcome:
    return await publishing.withdraw(s, desk, actor, id, words, if_match=match)


async def _reinstate(
    s: AsyncSession, desk: Desk, actor: Actor, id: str, words: str, match: str | None
) -> Outcome:
    return await publishing.reinstate(s, desk, actor, id, words, if_match=match)


async def _invite(
    s: AsyncSession, desk: Desk, actor: Actor, id: str, slug: str, match: str | None
) -> Outcome:
    return await joint.invite(s, desk, actor, id, slug, if_match=match)


async def _leave(s: AsyncSession, desk: Desk, actor: Actor, id: str, _: None, match: str | None) -> Outcome:
    return await joint.leave(s, desk, actor, id, if_match=match)


# What stewards do to a record has routes of its own: `api_suppression`.
ACTIONS: Mapping[str, RecordAction] = {
    action.name: action
    for action in (
        RecordAction("submit", Scope.RECORDS_WRITE, _nothing, _submit),
        RecordAction("return", Scope.RECORDS_REVIEW, _comments, _return),
        RecordAction("approve", Scope.RECORDS_REVIEW, _signature, _approve),
        RecordAction("publish", Scope.RECORDS_PUBLISH, _signature, _publish),
        RecordAction("schedule", Scope.RECORDS_PUBLISH, _schedule, _schedule_it),
        RecordAction("cancel", Scope.RECORDS_PUBLISH, _nothing, _cancel),
        RecordAction("withdraw", Scope.RECORDS_PUBLISH, _withdrawal, _withdraw),
        RecordAction("reinstate", Scope.RECORDS_PUBLISH, _note, _reinstate),
        RecordAction("invite", Scope.RECORDS_WRITE, _guest, _invite),
        RecordAction("leave", Scope.RECORDS_PUBLISH, _nothing, _leave),
    )
}
