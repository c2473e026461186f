"""OAuth 2 on Authlib's framework-neutral core: tokens for clients (RFC 6749, 4.4), revocation (RFC 7009) and
introspection (RFC 7662), with `client_secret_basic` or `private_key_jwt`.

Authlib's server is synchronous and asks for the client and saves the token by callbacks. So one small server
is made per request around what was already read from the database, and what it wants saved is written after
it returned.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from argon2.exceptions import Argon2Error, InvalidHashError
from authlib.common.security import generate_token
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientCredentialsGrant, ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidScopeError, OAuth2Error
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from registry.auth.actors import usable
from registry.auth.assertions import METHOD, Assertions, Signed
from registry.auth.models import Token
from registry.auth.tokens import LIFETIME
from registry.db import now
from registry.providers.clients import Machine
from registry.providers.models import ClientKey, ClientSecret
from registry.providers.service import HASHER

BASIC = "client_secret_basic"
METHODS = (BASIC, METHOD)
TOKEN, REVOCATION, INTROSPECTION = "token", "revocation", "introspection"


@cache
def _no_secret() -> str:
    """Checked when there is no such client, so that a guessed id costs and takes what a real one does."""
    return HASHER.hash("no client has this secret")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a client showed: one of its secrets, or an assertion signed with one of its keys."""

    secret: int | None = None
    assertion: Signed | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint says, and what is to be written before it is said.

    `shown` is there when a client was recognised; `granted` is the token to keep, `revoked` the one to end.
    """

    status: int
    body: Any
    headers: Mapping[str, str]
    shown: Shown | None = None
    granted: Mapping[str, Any] | None = None
    revoked: Token | None = None


class _OAuthClient(ClientMixin):  # type: ignore[misc]  # Authlib ships no types
    def __init__(self, client_id: str, machine: Machine | None) -> None:
        self.client_id = client_id
        self.machine = machine
        self.usable = machine is not None and usable(machine.provider)
        self.secret: int | None = None

    def get_client_id(self) -> str:
        return self.client_id

    def check_client_secret(self, client_secret: str) -> bool:
        chosen = _secret_meant(self.machine.secrets if self.machine else (), client_secret)
        try:
            HASHER.verify(chosen.secret_hash if chosen else _no_secret(), client_secret)
        except (Argon2Error, InvalidHashError):
            return False
        self.secret = chosen.pk if chosen else None
        return chosen is not None and self.usable

    @property
    def keys(self) -> Mapping[str, ClientKey]:
        return {key.kid: key for key in self.machine.keys} if self.machine and self.usable else {}

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(self.machine.client.scopes if self.machine else ())

    def get_allowed_scope(self, scope: str | None) -> str:
        return " ".join(sorted(self.scopes & set(scope.split()) if scope else self.scopes))


def _secret_meant(held: tuple[ClientSecret, ...], text: str) -> ClientSecret | None:
    """The secret that a text names. Those made before there could be several name none, and are the first."""
    id, dot, _ = text.partition(".")
    named = next((one for one in held if dot and one.id == id), None)
    return named or (held[0] if held and not dot else None)


class _ClientCredentials(ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS


class _AToken:
    """A token as Authlib's endpoints look at it."""

    def __init__(self, row: Token, client_id: str | None) -> None:
        self.row = row
        self.client_id = client_id

    def check_client(self, client: _OAuthClient) -> bool:
        return client.machine is not None and client.machine.provider.pk == self.row.provider_pk

    def is_expired(self) -> bool:
        return self.row.expires_at <= now()

    def is_revoked(self) -> bool:
        return self.row.revoked_at is not None


class _Revocation(RevocationEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> _AToken | None:
        asked: _AToken | None = self.server.asked
        return asked

    def revoke_token(self, token: _AToken, request: OAuth2Request) -> None:
        self.server.revoked = token.row


class _Introspection(IntrospectionEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> _AToken | None:
        asked: _AToken | None = self.server.asked
        return asked

    def check_permission(self, token: _AToken, client: _OAuthClient, request: OAuth2Request) -> bool:
        return token.check_client(client)

    def introspect_token(self, token: _AToken) -> dict[str, Any]:
        return described(token.row, token.client_id)


class _Server(AuthorizationServer):  # type: ignore[misc]
    def __init__(self, request: "Asked", client: _OAuthClient) -> None:
        super().__init__()
        self._known = client
        self.asked = _AToken(*request.token) if request.token else None
        self.granted: Mapping[str, Any] | None = None
        self.revoked: Token | None = None
        self.assertions = Assertions(list(request.audiences), lambda jti: jti in request.used)
        self.register_client_auth_method(METHOD, self.assertions)
        self.register_grant(_ClientCredentials)
        self.register_endpoint(_Revocation)
        self.register_endpoint(_Introspection)
        self.register_token_generator("default", _bearer)
        self.recognised = False

    def authenticate_client(self, request: OAuth2Request, methods: Any, endpoint: str = TOKEN) -> Any:
        # One way at a time (RFC 6749, 2.3): two that disagree would be a question of order.
        if request.headers.get("Authorization") and request.form.get("client_assertion"):
            raise InvalidClientError(description="Show a secret or an assertion, not both.")
        if request.form.get("client_id", self._known.client_id) != self._known.client_id:
            raise InvalidClientError(description="The form names another client.")
        client = super().authenticate_client(request, methods, endpoint)
        self.recognised = True
        return client

    def query_client(self, client_id: str) -> _OAuthClient:
        # Never "there is no such client": one that is not there fails as one with a wrong secret does.
        known = self._known
        return known if client_id == known.client_id else _OAuthClient(client_id, None)

    def validate_requested_scope(self, scope: str | None) -> None:
        if refused := sorted(set((scope or "").split()) - self._known.scopes):
            raise InvalidScopeError(description=f"This client may not ask for {refused[0][:40]!r}.")

    def save_token(self, token: Mapping[str, Any], request: OAuth2Request) -> None:
        self.granted = dict(token)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> Answer:
        content = json.loads(body) if isinstance(body, str) else body
        # RFC 6749 leaves 400 or 401 open where no header was sent; one refusal is easier to read than two.
        status = 401 if isinstance(content, dict) and content.get("error") == "invalid_client" else status
        shown = Shown(self._known.secret, self.assertions.signed) if self.recognised else None
        return Answer(status, content, dict(headers), shown, self.granted, self.revoked)


def _bearer(*, client: _OAuthClient, scope: str | None = None, **_: Any) -> dict[str, Any]:
    return {
        "token_type": "Bearer",
        "access_token": generate_token(48),
        "expires_in": int(LIFETIME.total_seconds()),
        "scope": client.get_allowed_scope(scope),
    }


class _Request(OAuth2Request):  # type: ignore[misc]
    def __init__(self, asked: "Asked") -> None:
        # The scheme is what the proxy in front speaks; the neutral core only checks that it is a safe one.
        super().__init__("POST", "https://candor.invalid/oauth", headers=dict(asked.headers))
        self.payload = BasicOAuth2Payload(dict(asked.form))

    @property
    def form(self) -> Mapping[str, str]:
        form: Mapping[str, str] = self.payload.data
        return form


@dataclass(frozen=True, slots=True)
class Asked:
    """The parts of a request that the endpoints read, and what was read from the database for it.

    `used` are hashes of assertions that the client used; `token` is the one asked about, with its client's
    id.
    """

    audiences: tuple[str, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    used: frozenset[str] = frozenset()
    token: tuple[Token, str | None] | None = None


def answer(endpoint: str, asked: Asked, client_id: str, machine: Machine | None) -> Answer:
    """Run an endpoint. Slow on purpose (a password hash): call it in a worker thread."""
    server = _Server(asked, _OAuthClient(client_id, machine))
    request = _Request(asked)
    result: Answer = (
        server.create_token_response(request)
        if endpoint == TOKEN
        else server.create_endpoint_response(endpoint, request)
    )
    return result


def refusal(description: str) -> Answer:
    """The answer to a client that is not, or no longer, recognised."""
    error: OAuth2Error = InvalidClientError(description=description)
    _, body, headers = error()
    return Answer(401, json.loads(body) if isinstance(body, str) else body, dict(headers))


def described(token: Token, client_id: str | None) -> dict[str, Any]:
    """What introspection tells of a token (RFC 7662, 2.2)."""
    told = {
        "active": True,
        "scope": " ".join(token.scopes),
        "client_id": client_id,
        "token_type": "Bearer",
        "exp": int(token.expires_at.timestamp()),
        "iat": int(token.issued_at.timestamp()),
        "jti": token.id,
    }
    return {name: value for name, value in told.items() if value is not None}
