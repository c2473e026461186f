"""An organisation's signing keys over HTTP: for its administrators, and for everybody who verifies."""

from typing import Annotated, Any

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, PathParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.auth.bodies import ADMIN, TakesSigningKey, read_object
from registry.auth.people import managed, require_admin
from registry.auth.session_api import OURS
from registry.canonical import digest
from registry.extensions import Node
from registry.http import JSON_TYPE, AnyRequest, json_bytes, prepared
from registry.idempotency import once
from registry.problems import problem_responses
from registry.providers.queries import by_slug
from registry.signing import queries, service, views

Actors = NamedDependency[SkipValidation[Actor]]
Nodes = NamedDependency[SkipValidation[Node]]
Reading = NamedDependency[SkipValidation[AsyncSession]]
Slug = Annotated[str, PathParameter(description="The organisation's slug.")]
KEY_SET_TYPE = "application/jwk-set+json"


class SigningKeysController(Controller):
    """The keys with which an organisation signs what it publishes."""

    path = "/api/v1/providers/{slug:str}"
    tags = ("providers",)

    @get("/jwks.json", operation_id="readSigningKeys", responses=problem_responses(400, 404))
    async def key_set(self, request: AnyRequest, reading: Reading, slug: Slug) -> Response[bytes]:
        """The organisation's public keys as a JWK set, past ones with their period (`nbf`, `exp`). It
        publishes the same file at `https://<its domain>/.well-known/candor-keys.json`.
        """
        provider = await by_slug(reading, slug, public=True)
        body = json_bytes(views.key_set(await queries.keys_of(reading, provider)))
        scopes = (f"provider:{provider.slug}",)
        return prepared(request, body, KEY_SET_TYPE, etag=digest(body)[:32], scopes=scopes)

    @get(
        "/keys",
        operation_id="listSigningKeys",
        security=ADMIN,
        responses=problem_responses(400, 401, 403, 404),
    )
    async def list_keys(self, reading: Reading, actor: Actors, slug: Slug) -> Response[dict[str, Any]]:
        """The organisation's keys, the newest first, those that ended among them."""
        provider = await managed(reading, actor, slug)
        found = [views.key(row) for row in await queries.keys_of(reading, provider)]
        return Response({"items": found, "next": None}, headers=OURS)

    @post(
        "/keys",
        operation_id="addSigningKey",
        operation_class=TakesSigningKey,
        security=ADMIN,
        responses=problem_responses(400, 401, 403, 404, 409, 413, 415, 422),
    )
    async def add_key(self, request: AnyRequest, node: Nodes, actor: Actors, slug: Slug) -> Response[Any]:
        """Register an Ed25519 key. `proof` shows that you hold it: a JWT that the key signs, with the type
        `candor-key-proof+jwt` and the claims `aud` (this registry's origin), `sub` (the organisation's slug),
        `iat` (now) and `cnf` (`{"jkt": thumbprint of the key, RFC 7638}`).
        """
        require_admin(actor)
        body = await read_object(request, ["key", "proof"])

        async def work(session: AsyncSession) -> Response[Any]:
            provider = await managed(session, actor, slug)
            row = await service.add_key(
                session, actor, provider, body.get("key"), body.get("proof"), origin=node.origin
            )
            return Response(views.key(row), status_code=201, media_type=JSON_TYPE, headers=OURS)

        return await once(request, node, actor, work)

    @delete(
        "/keys/{kid:str}",
        operation_id="endSigningKey",
        status_code=204,
        security=ADMIN,
        responses=problem_responses(400, 401, 403, 404, 409),
    )
    async def end_key(self, node: Nodes, actor: Actors, slug: Slug, kid: FromPath[str]) -> Response[None]:
        """End a key. It stays in the key set with its period, and what it signed stays signed."""
        require_admin(actor)
        async with node.database.write() as session:
            provider = await managed(session, actor, slug)
            await service.end_key(session, actor, provider, kid, origin=node.origin)
        return Response(None, headers=OURS)
