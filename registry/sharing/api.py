"""Sharing groups over HTTP, each organisation's under its own address."""

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example, OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import PathParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.errors import Finding, Invalid, Malformed
from registry.extensions import Node
from registry.http import JSON_TYPE, AnyRequest, private, read_json_body
from registry.idempotency import once
from registry.problems import problem_responses
from registry.providers.queries import by_slug
from registry.sharing import queries, service, views
from registry.sharing.membership import Move

MAX_BODY = 16 * 1024
ADMINISTERING = [{"oauth2": [Scope.PROVIDER_ADMIN.value]}]
Actors = NamedDependency[SkipValidation[Actor]]
Nodes = NamedDependency[SkipValidation[Node]]
Reading = NamedDependency[SkipValidation[AsyncSession]]
Slug = Annotated[str, PathParameter(description="Your organisation.")]
GroupSlug = Annotated[str, PathParameter(description="The group's short name, as `handling.groups` has it.")]
Member = Annotated[str, PathParameter(description="The organisation whose place in the group changes.")]


def _takes(required: tuple[str, ...], example: dict[str, str]) -> RequestBody:
    text = Schema(type=OpenAPIType.STRING)
    schema = Schema(
        type=OpenAPIType.OBJECT, required=list(required), properties=dict.fromkeys(required, text)
    )
    media = OpenAPIMediaType(schema=schema, examples={"example": Example(value=example)})
    return RequestBody(content={JSON_TYPE: media}, required=True)


@dataclass
class TakesGroup(Operation):
    def __post_init__(self) -> None:
        self.request_body = _takes(
            ("slug", "name"), {"slug": "bank-fraud-circle", "name": "Banks against voice clones"}
        )


@dataclass
class TakesInvitation(Operation):
    def __post_init__(self) -> None:
        self.request_body = _takes(("provider",), {"provider": "example-bank"})


class SharingController(Controller):
    """Circles of organisations that read what is sent to them at TLP:AMBER."""

    path = "/api/v1/providers/{slug:str}/sharing-groups"
    tags = ("sharing",)

    @get(
        "/",
        operation_id="listSharingGroups",
        security=ADMINISTERING,
        responses=problem_responses(400, 401, 403, 404),
    )
    async def list_groups(self, reading: Reading, actor: Actors, slug: Slug) -> Response[Any]:
        """The groups that the organisation owns, belongs to or was invited to."""
        service.may_administer(actor, slug)
        found = await queries.all_groups(reading, await by_slug(reading, slug))
        return private({"items": [views.group(one) for one in found], "next": None})

    @post(
        "/",
        operation_id="beginSharingGroup",
        operation_class=TakesGroup,
        status_code=201,
        security=ADMINISTERING,
        responses=problem_responses(400, 401, 403, 404, 409, 413, 415, 422),
    )
    async def begin(self, request: AnyRequest, actor: Actors, node: Nodes, slug: Slug) -> Response[Any]:
        """Begin a group. Its owner is its first member, and invites the others."""
        service.may_administer(actor, slug)
        group, name = _texts(await read_json_body(request, limit=MAX_BODY), "slug", "name")

        async def work(session: AsyncSession) -> Response[Any]:
            made = await service.begin(session, actor, slug, group, name, origin=node.origin)
            where = f"/api/v1/providers/{slug}/sharing-groups/{made.slug}"
            return private(views.group(made), status=201, headers={"Location": where})

        return await once(request, node, actor, work)

    @get(
        "/{group:str}",
        operation_id="readSharingGroup",
        security=ADMINISTERING,
        responses=problem_responses(400, 401, 403, 404),
    )
    async def read_group(
        self, reading: Reading, actor: Actors, slug: Slug, group: GroupSlug
    ) -> Response[Any]:
        """One group. Who was invited is shown its owner, and the other members once they accepted."""
        service.may_administer(actor, slug)
        return private(views.group(await queries.group(reading, await by_slug(reading, slug), group)))

    @delete(
        "/{group:str}",
        operation_id="closeSharingGroup",
        status_code=204,
        security=ADMINISTERING,
        responses=problem_responses(400, 401, 403, 404),
    )
    async def close(self, actor: Actors, node: Nodes, slug: Slug, group: GroupSlug) -> None:
        """Close a group that the organisation owns. Nobody reads through it any more, and its name stays
        taken.
        """
        service.may_administer(actor, slug)
        async with node.database.write() as session:
            await service.close(session, actor, slug, group, origin=node.origin)

    @get(
        "/{group:str}/members",
        operation_id="listGroupMembers",
        security=ADMINISTERING,
        responses=problem_responses(400, 401, 403, 404),
    )
    async def list_members(
        self, reading: Reading, actor: Actors, slug: Slug, group: GroupSlug
    ) -> Response[Any]:
        """Who is in the group and who was invited, for its members."""
        service.may_administer(actor, slug)
        found = await queries.group(reading, await by_slug(reading, slug), group)
        return private({"items": views.group(found)["members"], "next": None})

    @post(
        "/{group:str}/members",
        operation_id="inviteToGroup",
        operation_class=TakesInvitation,
        status_code=201,
        security=ADMINISTERING,
        responses=problem_responses(400, 401, 403, 404, 409, 413, 415, 422),
    )
    async def invite(
        self, request: AnyRequest, actor: Actors, node: Nodes, slug: Slug, group: GroupSlug
    ) -> Response[Any]:
        """Invite an approved organisation. It reads nothing before it accepts."""
        service.may_administer(actor, slug)
        (member,) = _texts(await read_json_body(request, limit=MAX_BODY), "provider")
        return await _move(request, node, actor, slug, group, member, Move.INVITE, status=201)

    @post(
        "/{group:str}/members/{member:str}/{answer:str}",
        operation_id="answerInvitation",
        status_code=200,
        security=ADMINISTERING,
        responses=problem_responses(400, 401, 403, 404, 409, 413),
    )
    async def answer(
        self,
        request: AnyRequest,
        actor: Actors,
        node: Nodes,
        slug: Slug,
        group: GroupSlug,
        member: Member,
        answer: Annotated[str, PathParameter(description="accept or decline")],
    ) -> Response[Any]:
        """Accept or decline an invitation to your organisation. Takes no body."""
        service.may_administer(actor, slug)
        await read_json_body(request, limit=MAX_BODY, optional=True)
        if answer not in (Move.ACCEPT, Move.DECLINE):
            raise Malformed(f"An invitation is answered by accept or decline, not by {answer[:40]!r}.")
        return await _move(request, node, actor, slug, group, member, Move(answer))

    @delete(
        "/{group:str}/members/{member:str}",
        operation_id="endMembership",
        status_code=204,
        security=ADMINISTERING,
        responses=problem_responses(400, 401, 403, 404, 409),
    )
    async def end(self, actor: Actors, node: Nodes, slug: Slug, group: GroupSlug, member: Member) -> None:
        """Leave a group; or, as its owner, remove a member or take an invitation back. Takes effect at
        once.
        """
        service.may_administer(actor, slug)
        wanted = Move.LEAVE if member.lower() == slug.lower() else Move.REMOVE
        async with node.database.write() as session:
            await service.change(session, actor, slug, group, member, wanted, origin=node.origin)


async def _move(
    request: AnyRequest,
    node: Node,
    actor: Actor,
    slug: str,
    group: str,
    member: str,
    wanted: Move,
    *,
    status: int = 200,
) -> Response[Any]:
    async def work(session: AsyncSession) -> Response[Any]:
        found = await service.change(session, actor, slug, group, member, wanted, origin=node.origin)
        return private(views.group(found), status=status)

    return await once(request, node, actor, work)


def _texts(raw: Any, *names: str) -> list[str]:
    """The texts of a body that holds just these. Raises `Invalid` with every finding."""
    if not isinstance(raw, dict):
        raise Malformed("The body is a JSON object.")
    findings = [
        Finding("wrong-type", f"/{name}", f"{name} is a text.", "Send it.")
        for name in names
        if not isinstance(raw.get(name), str)
    ]
    findings += [
        Finding(
            "unknown-field",
            f"/{name[:80]}",
            "There is no such field here.",
            f"There are: {', '.join(names)}.",
        )
        for name in raw
        if name not in names
    ]
    if findings:
        raise Invalid("The body cannot be read.", findings=findings)
    return [raw[name] for name in names]
