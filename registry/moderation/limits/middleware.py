"""Counts requests and turns away what is too much.

It stands behind the front, so that reads answered with prepared bytes are never counted. `Guesses` stands
before the actor is known and counts credentials that were refused; `Limits` stands behind it and counts by
who asks.
"""

import time
from contextlib import suppress
from typing import Any

import structlog
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from registry.actor import ANONYMOUS, Actor
from registry.counters import Counters, CountersDown
from registry.errors import TooMany, Unauthenticated
from registry.moderation.limits.policies import Quota, network_of, quotas_of, row_of
from registry.problems import RATE_LIMIT
from registry.settings import Settings

log = structlog.get_logger("candor.limits")

WRONG_CREDENTIALS = 60
"""Refused tokens from one network in a minute, after which no more are looked at in it."""
_NOT_SHARED = (b"private", b"no-store", b"no-cache")


class Guesses(ASGIMiddleware):
    """Turns away networks that keep sending credentials that are not good."""

    def __init__(self, settings: Settings, counters: Counters) -> None:
        self.on = settings.limits
        self.counters = counters

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        if not self.on or not any(name == b"authorization" for name, _ in scope["headers"]):
            await next_app(scope, receive, send)
            return
        key = f"guess/{_network(scope)}"
        try:
            if await self.counters.read(key) >= WRONG_CREDENTIALS:
                self.counters.refused["guesses"] += 1
                seconds = max(1, round(await self.counters.seconds_left(key)))
                raise TooMany("Too many tokens from your network were refused.", retry_after=seconds)
        except CountersDown:
            pass  # a token has more bits than anybody can guess: what is bounded here is the database's work
        try:
            await next_app(scope, receive, send)
        except Unauthenticated:
            with suppress(CountersDown):
                await self.counters.count(key, 60)
            raise


class Limits(ASGIMiddleware):
    """Counts each request under its policy, for the client and the organisation that it acts for, or for the
    address that a stranger comes from.
    """

    def __init__(self, settings: Settings, counters: Counters) -> None:
        self.quotas = quotas_of(settings)
        self.counters = counters

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        method: str = scope.get("method", "GET")  # type: ignore[assignment]  # a WebSocket has none
        row = row_of(method, scope["path"])
        quotas = self.quotas[row.policy] if row.policy else ()
        if not row.policy or not quotas:
            await next_app(scope, receive, send)
            return
        try:
            await self._count(scope, row.policy, quotas)
        except CountersDown:
            if row.closed:
                raise
            log.warning("not counted", policy=row.policy)
        headers = scope["state"].get(RATE_LIMIT)
        if headers is None:
            await next_app(scope, receive, send)
            return

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start" and _may_tell(method, message):
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        await next_app(scope, receive, tell)

    async def _count(self, scope: Scope, policy: str, quotas: tuple[Quota, ...]) -> None:
        """Count under every quota that applies, and keep what the answer tells. Raises `TooMany`."""
        actor: Actor = scope["state"].get("actor", ANONYMOUS)
        moment = time.time()
        tightest: tuple[float, Quota, int, int] | None = None
        for quota in quotas:
            key = _whose(quota, scope, actor)
            if key is None:
                continue
            window = int(moment // quota.seconds)
            # The window's number is part of the key, so that its end is known without asking.
            used = await self.counters.count(f"{policy}/{key}/{window}", quota.seconds)
            left = max(0, quota.requests - used)
            ends = max(1, int((window + 1) * quota.seconds - moment))
            if tightest is None or left / quota.requests < tightest[0]:
                tightest = (left / quota.requests, quota, left, ends)
            if used > quota.requests:
                scope["state"][RATE_LIMIT] = _headers(policy, quota, 0, ends)
                self.counters.refused[policy] += 1
                raise TooMany(
                    f"More than {quota.requests:,} requests ({policy.replace('_', '-')}) in "
                    f"{quota.seconds} seconds for one {quota.whose}. Wait, then go on more slowly.",
                    retry_after=ends,
                )
        if tightest is not None:
            scope["state"][RATE_LIMIT] = _headers(policy, *tightest[1:])


def _headers(policy: str, quota: Quota, left: int, ends: int) -> list[tuple[bytes, bytes]]:
    """The fields of draft-ietf-httpapi-ratelimit-headers."""
    name = f'"{policy.replace("_", "-")}-{quota.whose}"'
    return [
        (b"ratelimit-policy", f"{name};q={quota.requests};w={quota.seconds}".encode()),
        (b"ratelimit", f"{name};r={left};t={ends}".encode()),
    ]


def _may_tell(method: str, message: Any) -> bool:
    """Whether the answer is for one reader: what a shared cache keeps would tell others of their rest."""
    names = {bytes(name).lower(): bytes(value) for name, value in message["headers"]}
    if b"ratelimit" in names:
        return False
    return method not in ("GET", "HEAD") or names.get(b"cache-control", b"").startswith(_NOT_SHARED)


def _whose(quota: Quota, scope: Scope, actor: Actor) -> str | None:
    """Who is counted under a quota; None where it does not apply.

    Those who are known are counted by name, not by the network that they share with others.
    """
    if quota.whose == "organisation":
        return f"o/{actor.provider}" if actor.provider is not None else None
    if quota.whose == "client":
        return f"c/{actor.name}" if actor.known else None
    return None if actor.known else f"a/{_network(scope)}"


def _network(scope: Scope) -> str:
    client = scope.get("client")
    return network_of(client[0] if client else None)
