"""OAuth 2 `client_credentials` (RFC 6749, section 4.4) on Authlib's framework-neutral core.

Authlib's server is synchronous and asks for the client and saves the token by callbacks. So one small server
is made per request around what was already read from the database, and what it wants saved is written after
it returned.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from argon2.exceptions import Argon2Error, InvalidHashError
from authlib.common.security import generate_token
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientCredentialsGrant, ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidScopeError
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from registry.providers.models import Client, Provider
from registry.providers.onboarding import MAY_HOLD_TOKENS, State
from registry.providers.service import HASHER

LIFETIME = timedelta(hours=1)


@cache
def _no_secret() -> str:
    """Checked when there is no such client, so that a guessed id costs and takes what a real one does."""
    return HASHER.hash("no client has this secret")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the token endpoint says, and the token to keep when it granted one."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]
    granted: Mapping[str, Any] | None


class _OAuthClient(ClientMixin):  # type: ignore[misc]  # Authlib ships no types
    def __init__(self, client_id: str, client: Client | None, provider: Provider | None) -> None:
        self.client_id = client_id
        self._client = client
        self._usable = provider is not None and State(provider.state) in MAY_HOLD_TOKENS

    def get_client_id(self) -> str:
        return self.client_id

    def check_client_secret(self, client_secret: str) -> bool:
        stored = self._client.secret_hash if self._client else _no_secret()
        try:
            HASHER.verify(stored, client_secret)
        except (Argon2Error, InvalidHashError):
            return False
        return self._client is not None and self._usable

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(self._client.scopes if self._client else ())

    def get_allowed_scope(self, scope: str | None) -> str:
        return " ".join(sorted(self.scopes & set(scope.split()) if scope else self.scopes))


class _ClientCredentials(ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)


class _Server(AuthorizationServer):  # type: ignore[misc]
    def __init__(self, client: _OAuthClient) -> None:
        super().__init__()
        self._known = client
        self.granted: Mapping[str, Any] | None = None
        self.register_grant(_ClientCredentials)
        self.register_token_generator("default", _bearer)

    def query_client(self, client_id: str) -> _OAuthClient:
        # Never "there is no such client": one that is not there fails as one with a wrong secret does.
        known = self._known
        return known if client_id == known.client_id else _OAuthClient(client_id, None, None)

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
        return Answer(status, content, dict(headers), self.granted)


def _bearer(*, client: _OAuthClient, scope: str | None = None, **_: Any) -> dict[str, Any]:
    return {
        "token_type": "Bearer",
        "access_token": generate_token(48),
        "expires_in": int(LIFETIME.total_seconds()),
        "scope": client.get_allowed_scope(scope),
    }


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """The parts of an HTTP request that the token endpoint reads."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)


def answer(request: TokenRequest, client_id: str, found: tuple[Client, Provider] | None) -> Answer:
    """Run the token endpoint. Slow on purpose (a password hash): call it in a worker thread."""
    client, provider = found or (None, None)
    server = _Server(_OAuthClient(client_id, client, provider))
    oauth = OAuth2Request("POST", request.url, headers=dict(request.headers))
    oauth.payload = BasicOAuth2Payload(dict(request.form))
    result: Answer = server.create_token_response(oauth)
    return result
