"""What OpenAPI is told of the bodies that this room's handlers read by themselves, and how they read them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar.openapi.spec import Example, OpenAPIMediaType, Operation, Reference, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType

from registry.actor import Scope
from registry.clock import read_instant
from registry.db import now
from registry.errors import Finding, Invalid
from registry.http import JSON_TYPE, AnyRequest, read_json_body

LIMIT = 16 * 1024
ADMIN = [{"oauth2": [Scope.PROVIDER_ADMIN.value]}]
_LONGEST = timedelta(days=3660)


async def read_object(request: AnyRequest, known: Iterable[str], *, optional: bool = False) -> dict[str, Any]:
    """The body as a JSON object with these members and no other. Raises `Invalid`."""
    body = await read_json_body(request, limit=LIMIT, optional=optional)
    if not isinstance(body, dict):
        finding = Finding("not-an-object", "", "The body is not a JSON object.", "Such as {}.")
        raise Invalid("Send a JSON object.", findings=[finding])
    known = sorted(known)
    findings = [
        Finding("unknown-member", f"/{name[:60]}", f"{name[:60]!r} is not known here.", ", ".join(known))
        for name in sorted(set(body) - set(known))
    ]
    if findings:
        raise Invalid("The body has members that are not known here.", findings=findings)
    return body


def text(body: dict[str, Any], name: str, longest: int = 200) -> str | None:
    """An optional line of text. Raises `Invalid`."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= longest or not value.isprintable():
        finding = Finding("bad-text", f"/{name}", f"This is no line of 1 to {longest} characters.")
        raise Invalid("A member cannot be read.", findings=[finding])
    return value.strip()


def expiry(body: dict[str, Any]) -> datetime | None:
    """The optional member `expires_at`: a time to come. Raises `Invalid`."""
    value = body.get("expires_at")
    if value is None:
        return None
    try:
        at = read_instant(value).astimezone(UTC) if isinstance(value, str) else None
    except ValueError:
        at = None
    if at is None or not now() < at <= now() + _LONGEST:
        finding = Finding(
            "bad-time",
            "/expires_at",
            "This is no time within ten years from now.",
            "Such as 2030-01-31T12:00:00Z.",
        )
        raise Invalid("A member cannot be read.", findings=[finding])
    return at


def _body(properties: dict[str, str], required: list[str], example: dict[str, Any]) -> RequestBody:
    described: dict[str, Schema | Reference] = {
        name: Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.STRING), description=about)
        if isinstance(example.get(name), list)
        else Schema(
            type=OpenAPIType.OBJECT if isinstance(example.get(name), dict) else OpenAPIType.STRING,
            description=about,
        )
        for name, about in properties.items()
    }
    schema = Schema(type=OpenAPIType.OBJECT, required=required or None, properties=described)
    media = OpenAPIMediaType(schema=schema, examples={"example": Example(value=example)})
    return RequestBody(content={JSON_TYPE: media}, required=bool(required))


@dataclass
class TakesMember(Operation):
    """A new member."""

    def __post_init__(self) -> None:
        self.request_body = _body(
            {"email": "Their address.", "roles": "What they may do.", "name": "What they are called."},
            ["email", "roles"],
            {"email": "ada@example.org", "roles": ["author", "reviewer"]},
        )


@dataclass
class TakesRoles(Operation):
    """A member's roles."""

    def __post_init__(self) -> None:
        self.request_body = _body(
            {"roles": "All that they have from now on."}, ["roles"], {"roles": ["author"]}
        )


@dataclass
class TakesClient(Operation):
    """A new client."""

    def __post_init__(self) -> None:
        self.request_body = _body(
            {"scopes": "What it may do.", "name": "What it is called.", "expires_at": "When it ends."},
            ["scopes"],
            {"scopes": ["records:read", "records:write"], "name": "Nightly export"},
        )


@dataclass
class TakesExpiry(Operation):
    """A new secret."""

    def __post_init__(self) -> None:
        self.request_body = _body({"expires_at": "When it ends."}, [], {"expires_at": "2030-01-31T12:00:00Z"})


@dataclass
class TakesKey(Operation):
    """A public key."""

    def __post_init__(self) -> None:
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
        self.request_body = _body(
            {
                "key": "One public JWK (RFC 7517): Ed25519, P-256, or RSA of 2048 bits and more.",
                "alg": "EdDSA, ES256, RS256 or PS256; needed for RSA.",
                "expires_at": "When it ends.",
            },
            ["key"],
            {"key": jwk},
        )


@dataclass
class TakesSigningKey(Operation):
    """A public key to sign records with."""

    def __post_init__(self) -> None:
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
        self.request_body = _body(
            {
                "key": "One public Ed25519 JWK (RFC 8037).",
                "proof": "A JWT by that key, which shows that you hold it.",
            },
            ["key", "proof"],
            {"key": jwk, "proof": "eyJ..."},
        )


@dataclass
class TakesOrganisation(Operation):
    """The organisation to act for."""

    def __post_init__(self) -> None:
        self.request_body = _body(
            {"provider": "Its slug; null for none."}, ["provider"], {"provider": "example-lab"}
        )
