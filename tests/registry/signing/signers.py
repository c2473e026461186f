"""Organisations that sign: a key, registered, and what it signs."""

import time
from dataclasses import dataclass
from typing import Any

import httpx

from registry.extensions import Node
from registry.signing.jws import new_key, prove, public_part, sign
from tests.conftest import ORIGIN, Member, member_of


@dataclass(frozen=True)
class SigningKey:
    """A private key as a JWK."""

    jwk: dict[str, Any]

    @property
    def kid(self) -> str:
        return str(self.jwk["kid"])

    def body(self, slug: str, *, origin: str = ORIGIN, at: float | None = None) -> dict[str, Any]:
        """What registers it."""
        moment = int(time.time() if at is None else at)
        proof = prove(self.jwk, origin=origin, slug=slug, at=moment)
        return {"key": public_part(self.jwk), "proof": proof}

    def sign(self, payload: bytes) -> str:
        return sign(payload, self.jwk)


async def administrator(node: Node, client: httpx.AsyncClient, slug: str) -> Member:
    return await member_of(node.database, client, slug, "records:read provider:admin", origin=node.origin)


async def registered(node: Node, client: httpx.AsyncClient, slug: str) -> SigningKey:
    """A new key of an organisation."""
    key = SigningKey(new_key())
    admin = await administrator(node, client, slug)
    address = f"/api/v1/providers/{slug}/keys"
    made = await client.post(address, json=key.body(slug), headers=admin.headers)
    assert made.status_code == 201, made.text
    assert made.json()["kid"] == key.kid
    return key
