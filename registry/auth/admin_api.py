"""An organisation's members and machines over HTTP, for its administrators and for stewards."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, PathParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope, parse_scopes
from registry.auth import bodies, people, tokens, views
from registry.auth.assertions import read_key
from registry.auth.bodies import ADMIN, expiry, read_object, text
from registry.auth.roles import parse_roles
from registry.auth.session_api import OURS
from registry.clock import instant
from registry.errors import Finding, Invalid, NotFound
from registry.extensions import Node
from registry.http import JSON_TYPE, AnyRequest
from registry.idempotency import once
from registry.problems import problem_responses
from registry.providers import clients, service
from registry.providers.models import Client

Actors = NamedDependency[SkipValidation[Actor]]
Nodes = NamedDependency[SkipValidation[Node]]
Reading = NamedDependency[SkipValidation[AsyncSession]]
Slug = Annotated[str, PathParameter(description="The organisation's slug.")]
_READS = problem_responses(400, 401, 403, 404)
_WRITES = problem_responses(400, 401, 403, 404, 409, 413, 415, 422)
_ENDS = problem_responses(400, 401, 403, 404, 409)


class MembersController(Controller):
    """Who may act for an organisation."""

    path = "/api/v1/providers/{slug:str}/members"
    tags = ("providers",)
    security = ADMIN

    @get("/", operation_id="listMembers", responses=_READS)
    async def list_members(self, reading: Reading, actor: Actors, slug: Slug) -> Response[dict[str, Any]]:
        """The organisation's people and their roles."""
        provider = await people.managed(reading, actor, slug)
        found = [views.member(one) for one in await people.members(reading, provider)]
        return Response({"items": found, "next": None}, headers=OURS)

    @post("/", operation_id="addMember", operation_class=bodies.TakesMember, responses=_WRITES)
    async def add_member(self, request: AnyRequest, node: Nodes, actor: Actors, slug: Slug) -> Response[Any]:
        """Let somebody act for the organisation. They sign in with their address; nothing is mailed here."""
        people.require_admin(actor)
        body = await read_object(request, ["email", "roles", "name"])
        roles = parse_roles(body.get("roles"))
        name = text(body, "name")

        async def work(session: AsyncSession) -> Response[Any]:
            provider = await people.managed(session, actor, slug)
            made = await people.add_member(session, actor, provider, body.get("email"), roles, name)
            return _made(views.member(made))

        return await once(request, node, actor, work)

    @patch("/{id:str}", operation_id="changeMember", operation_class=bodies.TakesRoles, responses=_WRITES)
    async def change_member(
        self, request: AnyRequest, node: Nodes, actor: Actors, slug: Slug, id: FromPath[str]
    ) -> Response[dict[str, Any]]:
        """Give a member other roles. It takes effect at once; their sessions for the organisation end."""
        people.require_admin(actor)
        roles = parse_roles((await read_object(request, ["roles"])).get("roles"))
        async with node.database.write() as session:
            provider = await people.managed(session, actor, slug)
            changed = await people.change_member(session, actor, provider, _pk(id), roles)
        return Response(views.member(changed), headers=OURS)

    @delete("/{id:str}", operation_id="removeMember", status_code=204, responses=_ENDS)
    async def remove_member(
        self, node: Nodes, actor: Actors, slug: Slug, id: FromPath[str]
    ) -> Response[None]:
        """End a membership, at once. The last administrator stays."""
        people.require_admin(actor)
        async with node.database.write() as session:
            provider = await people.managed(session, actor, slug)
            await people.remove_member(session, actor, provider, _pk(id))
        return Response(None, headers=OURS)


class ClientsController(Controller):
    """Machines that act for an organisation."""

    path = "/api/v1/providers/{slug:str}/clients"
    tags = ("providers",)
    security = ADMIN

    @get("/", operation_id="listClients", responses=_READS)
    async def list_clients(self, reading: Reading, actor: Actors, slug: Slug) -> Response[dict[str, Any]]:
        """The organisation's clients, the newest first, with when they were last used."""
        provider = await people.managed(reading, actor, slug)
        found = [views.client(one) for one in await clients.of_provider(reading, provider)]
        return Response({"items": found, "next": None}, headers=OURS)

    @post("/", operation_id="addClient", operation_class=bodies.TakesClient, responses=_WRITES)
    async def add_client(self, request: AnyRequest, node: Nodes, actor: Actors, slug: Slug) -> Response[Any]:
        """Make a client. Its secret is shown here and nowhere again."""
        people.require_admin(actor)
        body = await read_object(request, ["scopes", "name", "expires_at"])
        scopes, name, ends = _scopes(body.get("scopes")), text(body, "name", 120), expiry(body)

        async def work(session: AsyncSession) -> Response[Any]:
            provider = await people.managed(session, actor, slug)
            clients.require_giveable(actor, scopes)
            await clients.require_room(session, provider)
            made = await service.add_client(
                session,
                provider.slug,
                [scope.value for scope in scopes],
                origin=node.origin,
                by=actor.name,
                name=name,
                expires_at=ends,
                actor=actor,
            )
            told = views.client(await clients.by_id(session, made.client_id))
            return _made(told | {"client_secret": made.client_secret})

        return await once(request, node, actor, work)

    @delete("/{client_id:str}", operation_id="revokeClient", status_code=204, responses=_ENDS)
    async def revoke_client(
        self, node: Nodes, actor: Actors, slug: Slug, client_id: FromPath[str]
    ) -> Response[None]:
        """End a client with its secrets, keys and tokens, at once."""
        return await _end(
            node, actor, slug, client_id, lambda session, one: clients.revoke(session, actor, one)
        )

    @get("/{client_id:str}/secrets", operation_id="listClientSecrets", responses=_READS)
    async def list_secrets(
        self, reading: Reading, actor: Actors, slug: Slug, client_id: FromPath[str]
    ) -> Response[dict[str, Any]]:
        """When each secret was made, last used and ended: the secrets themselves are not kept."""
        client = await _client(reading, actor, slug, client_id)
        found = [views.secret(one) for one in await clients.secrets_of(reading, client)]
        return Response({"items": found, "next": None}, headers=OURS)

    @post(
        "/{client_id:str}/secrets",
        operation_id="addClientSecret",
        operation_class=bodies.TakesExpiry,
        responses=_WRITES,
    )
    async def add_secret(
        self, request: AnyRequest, node: Nodes, actor: Actors, slug: Slug, client_id: FromPath[str]
    ) -> Response[Any]:
        """Another secret beside those there are, shown once: use it, then end the old one."""
        people.require_admin(actor)
        ends = expiry(await read_object(request, ["expires_at"], optional=True))

        async def work(session: AsyncSession) -> Response[Any]:
            client = await _client(session, actor, slug, client_id)
            clients.require_giveable(actor, parse_scopes(client.scopes))
            made = await clients.add_secret(session, actor, client, ends)
            return _made(
                {"client_id": client_id, "id": made.id, "client_secret": made.secret, "expires_at": None}
                | ({"expires_at": instant(ends)} if ends else {})
            )

        return await once(request, node, actor, work)

    @delete(
        "/{client_id:str}/secrets/{id:str}",
        operation_id="revokeClientSecret",
        status_code=204,
        responses=_ENDS,
    )
    async def revoke_secret(
        self, node: Nodes, actor: Actors, slug: Slug, client_id: FromPath[str], id: FromPath[str]
    ) -> Response[None]:
        """End a secret, and every token of its client, at once: which secret brought which is not kept."""

        async def work(session: AsyncSession, client: Client) -> None:
            await clients.revoke_secret(session, actor, client, id)
            await tokens.revoke_tokens(session, client=client.pk)

        return await _end(node, actor, slug, client_id, work)

    @get("/{client_id:str}/keys", operation_id="listClientKeys", responses=_READS)
    async def list_keys(
        self, reading: Reading, actor: Actors, slug: Slug, client_id: FromPath[str]
    ) -> Response[dict[str, Any]]:
        """The client's public keys."""
        client = await _client(reading, actor, slug, client_id)
        found = [views.key(one) for one in await clients.keys_of(reading, client)]
        return Response({"items": found, "next": None}, headers=OURS)

    @post(
        "/{client_id:str}/keys",
        operation_id="addClientKey",
        operation_class=bodies.TakesKey,
        responses=_WRITES,
    )
    async def add_key(
        self, request: AnyRequest, node: Nodes, actor: Actors, slug: Slug, client_id: FromPath[str]
    ) -> Response[Any]:
        """Register a public key, with which the client signs instead of showing a secret."""
        people.require_admin(actor)
        body = await read_object(request, ["key", "alg", "expires_at"])
        key, ends = read_key(body.get("key"), text(body, "alg", 16)), expiry(body)

        async def work(session: AsyncSession) -> Response[Any]:
            client = await _client(session, actor, slug, client_id)
            clients.require_giveable(actor, parse_scopes(client.scopes))
            return _made(views.key(await clients.add_key(session, actor, client, key, ends)))

        return await once(request, node, actor, work)

    @delete(
        "/{client_id:str}/keys/{kid:str}", operation_id="revokeClientKey", status_code=204, responses=_ENDS
    )
    async def revoke_key(
        self, node: Nodes, actor: Actors, slug: Slug, client_id: FromPath[str], kid: FromPath[str]
    ) -> Response[None]:
        """End a key, and every token of its client, at once."""

        async def work(session: AsyncSession, client: Client) -> None:
            await clients.revoke_key(session, actor, client, kid)
            await tokens.revoke_tokens(session, client=client.pk)

        return await _end(node, actor, slug, client_id, work)


async def _client(session: AsyncSession, actor: Actor, slug: str, client_id: str) -> Client:
    """A client of an organisation that the actor manages."""
    return await clients.by_id(session, client_id, await people.managed(session, actor, slug))


async def _end(
    node: Node,
    actor: Actor,
    slug: str,
    client_id: str,
    work: Callable[[AsyncSession, Client], Awaitable[None]],
) -> Response[None]:
    people.require_admin(actor)
    async with node.database.write() as session:
        await work(session, await _client(session, actor, slug, client_id))
    return Response(None, headers=OURS)


def _made(body: dict[str, Any]) -> Response[Any]:
    return Response(body, status_code=201, media_type=JSON_TYPE, headers=OURS)


def _pk(id: str) -> int:
    if not (id.isascii() and id.isdecimal() and len(id) < 19):
        raise NotFound("There is no such member.")
    return int(id)


def _scopes(value: Any) -> frozenset[Scope]:
    words = value.split() if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        finding = Finding("no-scope", "/scopes", "No scope is given.", 'Such as ["records:write"].')
        raise Invalid("A client needs at least one scope.", findings=[finding])
    return parse_scopes(words)
