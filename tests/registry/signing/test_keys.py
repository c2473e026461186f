"""The keys of organisations: registered with proof, told to everybody, ended and never forgotten."""

import time
from typing import Any

import httpx
import pytest
from joserfc import jwk as jose_jwk
from joserfc import jwt

from registry.extensions import Node
from registry.signing import service
from registry.signing.jws import PROOF_TYPE, new_key, prove
from tests.conftest import ORIGIN, Join
from tests.registry.signing.signers import SigningKey, administrator, registered

KEYS = "/api/v1/providers/example-lab/keys"
KEY_SET = "/api/v1/providers/example-lab/jwks.json"


async def test_a_key_is_registered_shown_and_ended(
    node: Node, client: httpx.AsyncClient, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    await join()
    admin = await administrator(node, client, "example-lab")
    assert (await client.get(KEY_SET)).json() == {"keys": []}
    key = await registered(node, client, "example-lab")
    other = await registered(node, client, "example-lab")
    told = await client.get(KEY_SET)
    assert told.headers["content-type"] == "application/jwk-set+json"
    newest, first = told.json()["keys"]
    assert (newest["kid"], first["kid"]) == (other.kid, key.kid)
    # What another library reads from it verifies; nothing private is in it.
    assert jose_jwk.import_key(first).thumbprint() == key.kid
    assert "d" not in first
    assert "exp" not in first
    assert abs(first["nbf"] - time.time()) < 60

    again = await client.post(KEYS, json=key.body("example-lab"), headers=admin.headers)
    assert again.status_code == 409
    assert (await client.delete(f"{KEYS}/{key.kid}", headers=admin.headers)).status_code == 204
    assert (await client.delete(f"{KEYS}/{key.kid}", headers=admin.headers)).status_code == 404
    _, first = (await client.get(KEY_SET)).json()["keys"]
    assert first["kid"] == key.kid
    assert first["exp"] >= first["nbf"]
    listed = (await client.get(KEYS, headers=admin.headers)).json()["items"]
    assert [(one["kid"], one["live"]) for one in listed] == [(other.kid, True), (key.kid, False)]
    # One that ended is not taken again, and there are only so many.
    assert (await client.post(KEYS, json=key.body("example-lab"), headers=admin.headers)).status_code == 409
    monkeypatch.setattr(service, "MOST_LIVE", 1)
    fresh = SigningKey(new_key())
    assert (await client.post(KEYS, json=fresh.body("example-lab"), headers=admin.headers)).status_code == 409


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_only_who_holds_the_key_registers_it(node: Node, client: httpx.AsyncClient, join: Join) -> None:
    await join()
    admin = await administrator(node, client, "example-lab")
    key, other = SigningKey(new_key()), SigningKey(new_key())
    good = key.body("example-lab")
    now = int(time.time())
    claims = {"aud": ORIGIN, "sub": "example-lab", "iat": now, "cnf": {"jkt": key.kid}}

    def by_hand(header: dict[str, Any]) -> str:
        return jwt.encode(header, claims, jose_jwk.import_key(key.jwk), algorithms=["EdDSA"])

    wrong = {
        "by another key": other.body("example-lab")["proof"],
        "for another registry": key.body("example-lab", origin="other.example/log")["proof"],
        "for another organisation": key.body("other-lab")["proof"],
        "too old": key.body("example-lab", at=now - 3600)["proof"],
        "from the future": key.body("example-lab", at=now + 3600)["proof"],
        "over another thumbprint": prove(key.jwk, origin=ORIGIN, slug="example-lab", at=now)[:-4] + "AAAA",
        "of another type": by_hand({"alg": "EdDSA"}),
        "with a key along": by_hand({"alg": "EdDSA", "typ": PROOF_TYPE, "jwk": good["key"]}),
        "no JWS": "x.y.z",
        "no text": 7,
        "far too long": "e" * 5000,
    }
    for name, proof in wrong.items():
        answer = await client.post(KEYS, json={**good, "proof": proof}, headers=admin.headers)
        assert answer.status_code == 422, name
        assert answer.json()["findings"][0]["code"] == "key-proof", name
    for bad in (key.jwk, {"kty": "oct", "k": "AAAA"}, {**good["key"], "x": "AA"}, None):
        answer = await client.post(KEYS, json={**good, "key": bad}, headers=admin.headers)
        assert answer.status_code == 422
        assert answer.json()["findings"][0]["pointer"] == "/key"
    assert (await client.get(KEY_SET)).json() == {"keys": []}
