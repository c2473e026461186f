"""Organisations over HTTP: what everybody may see of them, applications, and the decisions on them."""

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Response, patch, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example, OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import PathParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.auth.tokens import Purpose, make_token
from registry.clock import instant
from registry.db import now
from registry.errors import Finding, Forbidden, Invalid, NotFound, Unauthenticated
from registry.extensions import Node
from registry.http import JSON_TYPE, AnyRequest, private, read_json_body, read_json_object
from registry.idempotency import once
from registry.problems import problem_responses
from registry.providers import applications, queries, service, views
from registry.providers.api import Reads, own_etag
from registry.providers.models import Provider
from registry.providers.onboarding import ONLY_LOOKING, Decision, State
from registry.records.preconditions import match_etag

MAX_BODY = 16 * 1024
DECISIONS = tuple(decision.value for decision in Decision)
ACTIONS = ("prove", *DECISIONS, "hold", "release")
Actors = NamedDependency[SkipValidation[Actor]]
Nodes = NamedDependency[SkipValidation[Node]]
Slug = Annotated[str, PathParameter(description="The organisation; while it applies, the slug it was given.")]
_STRINGS = {"type": OpenAPIType.STRING}


def _body(fields: dict[str, Schema], required: list[str], examples: dict[str, Any]) -> RequestBody:
    schema = Schema(type=OpenAPIType.OBJECT, required=required, properties=fields)  # type: ignore[arg-type]
    shown: Any = {name: Example(value=value) for name, value in examples.items()}
    return RequestBody(content={JSON_TYPE: OpenAPIMediaType(schema=schema, examples=shown)}, required=True)


def _text(about: str) -> Schema:
    return Schema(type=OpenAPIType.STRING, description=about)


_FIELDS = {
    "name": _text("In any script; one line."),
    "domain": _text("Its domain, such as example.org. Organisations have one."),
    "sector": _text("Its sector, such as sector:J."),
    "usage_policy": _text("Where everybody can read what its systems may not be used for."),
    "contact": _text("An e-mail address; shown to stewards only."),
}


@dataclass
class TakesApplication(Operation):
    def __post_init__(self) -> None:
        more = {
            "slug": _text("The short name wished for; made from the name when left out."),
            "kind": Schema(type=OpenAPIType.STRING, enum=["organisation", "researcher"]),
            "note": _text("What stewards should know."),
        }
        self.request_body = _body(
            _FIELDS | more,
            ["name", "contact"],
            {
                "organisation": {
                    "name": "Example Lab",
                    "kind": "organisation",
                    "domain": "lab.example",
                    "sector": "sector:J",
                    "usage_policy": "https://lab.example/usage-policy",
                    "contact": "disclosure@lab.example",
                }
            },
        )


@dataclass
class TakesChange(Operation):
    def __post_init__(self) -> None:
        four_eyes = Schema(
            type=OpenAPIType.BOOLEAN, description="Whether publishing takes somebody else than the authors."
        )
        self.request_body = _body(_FIELDS | {"four_eyes": four_eyes}, [], {"rule": {"four_eyes": True}})


@dataclass
class TakesDecision(Operation):
    def __post_init__(self) -> None:
        fields = {
            "reason": _text("Why; the organisation reads it. Not needed to prove a domain."),
            "slug": _text(
                "admit, approve: the slug to let an application in under, instead of the wished one."
            ),
        }
        self.request_body = _body(
            fields, [], {"approve": {"reason": "Domain and usage policy were checked."}}
        )
        self.request_body.required = False


class ProvidersController(Reads):
    """Who discloses here, and how to join."""

    path = "/api/v1/providers"
    tags = ("providers",)

    @post(
        "/",
        operation_id="applyAsProvider",
        operation_class=TakesApplication,
        status_code=201,
        security=[{}],
        responses=problem_responses(400, 409, 413, 415, 422, 429, 503),
    )
    async def apply(self, request: AnyRequest, actor: Actors, node: Nodes) -> Response[Any]:
        """Apply to disclose here. No account is needed.

        The answer holds, once, the onboarding key: a bearer token that shows where the application stands,
        asks for the domain proof, and makes clients and members once stewards let the organisation in. Nobody
        else can tell that the application exists.
        """
        raw = await read_json_body(request, limit=MAX_BODY)

        async def work(session: AsyncSession) -> Response[Any]:
            provider, application = await applications.apply(
                session, actor, raw, origin=node.origin, secret=node.secret
            )
            lifetime = applications.KEY_LIFETIME
            key = await make_token(session, provider.pk, Purpose.ONBOARDING, [Scope.PROVIDER_ADMIN], lifetime)
            proof = applications.proof_of(node.secret, provider)
            body = views.applied(provider, application, proof, key, instant(now() + lifetime))
            return private(body, status=201, headers={"Location": body["status"]})

        return await once(request, node, actor, work)

    @patch(
        "/{slug:str}",
        operation_id="changeProvider",
        operation_class=TakesChange,
        security=[{"oauth2": [Scope.PROVIDER_ADMIN.value]}],
        responses=problem_responses(400, 401, 403, 404, 412, 413, 415, 422, 428),
    )
    async def change(self, request: AnyRequest, actor: Actors, node: Nodes, slug: Slug) -> Response[Any]:
        """Change what an organisation tells of itself. Takes `If-Match` with the ETag of its own view.

        What was published keeps what it said: a new name stands in what is published from now on. A new
        domain has to be proven anew.
        """
        _require_known(actor)
        raw = await read_json_body(request, limit=MAX_BODY)
        if_match = request.headers.get("if-match")
        async with node.database.write() as session:
            provider = await _administered(session, actor, slug)
            match_etag(if_match, own_etag(await _own(session, node, provider, actor)))
            await applications.change(session, actor, provider, raw, origin=node.origin)
            body = await _own(session, node, provider, actor)
        return private(body, headers={"ETag": f'"{own_etag(body)}"'})

    @post(
        "/{slug:str}/actions/{action:str}",
        operation_id="decideOnProvider",
        operation_class=TakesDecision,
        status_code=200,
        security=[{"oauth2": [Scope.REGISTRY_STEWARD.value]}, {"oauth2": [Scope.PROVIDER_ADMIN.value]}],
        responses=problem_responses(400, 401, 403, 404, 409, 413, 415, 422, 502),
    )
    async def act(
        self,
        request: AnyRequest,
        actor: Actors,
        node: Nodes,
        slug: Slug,
        action: Annotated[str, PathParameter(description=", ".join(ACTIONS))],
    ) -> Response[Any]:
        """Prove the domain (the organisation itself), or decide on it (stewards, with a reason).

        `admit` lets it write, `approve` publish; `suspend` stops its tokens at once; `hold` lets it write and
        publish nothing until `release`; `decline` ends an application and `close` an account, and `reopen`
        takes either back.
        """
        _require_known(actor)
        if action not in ACTIONS:
            raise NotFound(f"There is no action {action[:40]!r}; there are: {', '.join(ACTIONS)}.")
        if action != "prove":
            actor.require(Scope.REGISTRY_STEWARD)
        raw = await read_json_object(request, "The body of an action", limit=MAX_BODY, optional=True)
        if action == "prove":
            return await self._prove(request, actor, node, slug)
        reason = raw.get("reason")
        if reason is None:
            finding = Finding("missing", "/reason", "A decision says why.", "The organisation reads it.")
            raise Invalid("The reason is missing.", findings=[finding])

        async def work(session: AsyncSession) -> Response[Any]:
            if action in DECISIONS:
                provider = await service.change_state(
                    session,
                    slug,
                    Decision(action),
                    origin=node.origin,
                    by=actor.name,
                    actor=actor,
                    reason=reason,
                    settle_as=raw.get("slug"),
                )
            else:
                decide = service.hold if action == "hold" else service.release
                provider = await decide(session, slug, origin=node.origin, actor=actor, reason=reason)
            await session.flush()
            return private(await _own(session, node, provider, actor))

        return await once(request, node, actor, work)

    async def _prove(self, request: AnyRequest, actor: Actor, node: Node, slug: str) -> Response[Any]:
        async with node.database.read() as session:
            proof = applications.proof_of(node.secret, await _administered(session, actor, slug))
        # The other server is asked outside of any transaction: it may take its time.
        await applications.look_for(proof)

        async def work(session: AsyncSession) -> Response[Any]:
            provider = await _administered(session, actor, slug)
            if proof is not None:
                await applications.keep_proof(
                    session, actor, provider, proof, origin=node.origin, secret=node.secret
                )
            return private(await _own(session, node, provider, actor))

        return await once(request, node, actor, work)


def _require_known(actor: Actor) -> None:
    if not actor.known:
        raise Unauthenticated("This needs a token or a session.")


async def _administered(session: AsyncSession, actor: Actor, slug: str) -> Provider:
    """The organisation, if the actor may act for it: by `provider:admin`, as a steward, or by the key of an
    application. Who may not learns of it what everybody may.
    """
    provider = await queries.find(session, slug)
    if provider is None or (not actor.steward and actor.provider != provider.pk):
        await queries.by_slug(session, slug, public=True)
        raise Forbidden("Only the organisation itself and stewards may do this.")
    if not actor.steward and State(provider.state) not in ONLY_LOOKING:
        actor.require(Scope.PROVIDER_ADMIN)
    return provider


async def _own(session: AsyncSession, node: Node, provider: Provider, actor: Actor) -> dict[str, Any]:
    return views.own(
        provider,
        await queries.application(session, provider),
        applications.proof_of(node.secret, provider),
        steward=actor.steward,
    )
