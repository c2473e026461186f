"""Puts the `Actor` on the request before any guard runs. Anonymous requests cost no look at the database."""

from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any

import structlog
from litestar.datastructures import Headers
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPReceiveMessage, Receive, Scope, Send

from registry.actor import ANONYMOUS, Actor
from registry.auth import cookies, csrf
from registry.auth.checks import Checks, Uses
from registry.auth.sessions import SignedIn, signed_in
from registry.auth.tokens import actor_of
from registry.canonical import MAX_DOCUMENT_BYTES, digest
from registry.db import Database
from registry.errors import TooLarge, Unauthenticated
from registry.settings import Settings

# These read the same header for credentials of their own: a client's secret, the metrics token.
_OWN_CREDENTIALS = ("/oauth/", "/metrics")
# What is only read leaves no trace: where it came from is nobody's business.
_READING = ("GET", "HEAD", "OPTIONS")
_FORM = "application/x-www-form-urlencoded"
SIGNED_IN = "signed_in"
"""Key in the scope's state: the `SignedIn` of the request's cookie, also while its second factor is owed."""

STILL = "still"
"""Key in the scope's state: who a known sender is by now, for what takes longer than a moment. Raises
`Unauthenticated` once they are nobody.
"""


class ActorMiddleware(ASGIMiddleware):
    """Reads `Authorization`, or else the session's cookie, once per request.

    What it says stands in `scope["state"]["actor"]`. A cookie that is not, or no longer, good is nobody's:
    the browser goes on sending it. A token that is not good is refused, since its sender would not notice.
    """

    def __init__(
        self, database: Database, settings: Settings, secret: bytes, checks: Checks, uses: Uses
    ) -> None:
        self.database = database
        self.settings = settings
        self.secret = secret
        self.checks = checks
        self.uses = uses

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        state: dict[str, Any] = scope["state"]
        state["actor"], state[SIGNED_IN] = ANONYMOUS, None
        method: str = scope.get("method", "GET")  # type: ignore[assignment]  # a WebSocket has none
        authorization = cookie = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == b"cookie":
                cookie = value if cookie is None else cookie + b"; " + value
        if authorization is not None:
            if not scope["path"].startswith(_OWN_CREDENTIALS):
                state["actor"] = await self._holder(authorization)
                state[STILL] = partial(self._holder, authorization)
        elif cookie is not None and (held := await self._session(cookie)) is not None:
            state["actor"], state[SIGNED_IN] = held.actor, held
            state[STILL] = partial(self._still_signed_in, cookie)
            if method not in _READING:
                receive = await self._meant(scope, receive, held)
        if method not in _READING:
            state["actor"] = _from(scope, state["actor"])
        await next_app(scope, receive, send)

    async def _holder(self, authorization: bytes) -> Actor:
        key = sha256(authorization).digest()
        found = self.checks.find(key)
        if isinstance(found, Actor):
            return found
        since = self.checks.moment()
        text = authorization.decode("latin-1")
        async with self.database.read() as session:
            actor = await actor_of(session, text)
        self.checks.keep(key, actor, since)
        self.uses.token(digest(text.partition(" ")[2].strip().encode()))
        return actor

    async def _session(self, header: bytes) -> SignedIn | None:
        value = cookies.read(self.settings, header.decode("latin-1"), cookies.SESSION)
        if not value:
            return None
        key = sha256(b"session " + value.encode("latin-1")).digest()
        found = self.checks.find(key)
        if isinstance(found, SignedIn):
            return found
        since = self.checks.moment()
        async with self.database.read() as session:
            held = await signed_in(
                session,
                value,
                secret=self.secret,
                stewards_need_second_factor=self.settings.steward_second_factor,
            )
        if held is not None:
            self.checks.keep(key, held, since)
            self.uses.session(held.pk)
        return held

    async def _still_signed_in(self, header: bytes) -> Actor:
        held = await self._session(header)
        if held is None:
            raise Unauthenticated("The session has ended. Sign in again.")
        return held.actor

    async def _meant(self, scope: Scope, receive: Receive, held: SignedIn) -> Receive:
        """Check that the request was meant. A form is read for its token, and then given to the handler."""
        headers = Headers.from_scope(scope)
        csrf.require_same_site(self.settings, headers)
        sent = headers.get(csrf.HEADER)
        if sent is None and headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
            body = await _whole(receive)
            csrf.require_token(held.csrf, csrf.field_of(body))
            return _again(body, receive)
        csrf.require_token(held.csrf, sent)
        return receive


def acting_from(scope: Scope, held: SignedIn | None = None) -> Actor:
    """Who signs in or out, and from where: of that a trace is left, also of a GET that leads back here."""
    return _from(scope, held.actor if held is not None else ANONYMOUS)


def _from(scope: Scope, actor: Actor) -> Actor:
    client = scope.get("client")
    request = structlog.contextvars.get_contextvars().get("request_id")
    return replace(actor, address=client[0] if client else None, request=request)


async def _whole(receive: Receive) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        body += message.get("body", b"")
        if len(body) > MAX_DOCUMENT_BYTES:
            raise TooLarge(f"More than the {MAX_DOCUMENT_BYTES:,} bytes that are read here.")
        more = message.get("more_body", False)
    return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """A stream that gives the body once more, and then what comes after it."""
    given = False

    async def replay() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        message: HTTPReceiveMessage = {"type": "http.request", "body": body, "more_body": False}
        return message

    return replay
