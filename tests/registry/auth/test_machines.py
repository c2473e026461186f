"""Machines: secrets in rotation, clients that sign, revocation and introspection, and what each refuses."""

import asyncio
import base64
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc import jwk, jwt
from sqlalchemy import func, select, update

from registry.actor import Actor, Scope
from registry.auth.checks import Uses
from registry.auth.models import Assertion, Token
from registry.auth.roles import Role
from registry.auth.tokens import Purpose, holder, make_token, revoke_token, token_id
from registry.db import now
from registry.errors import NotFound
from registry.extensions import Node
from registry.moderation import lockout
from registry.providers import clients
from registry.providers.models import Client, ClientKey, ClientSecret
from registry.providers.onboarding import State
from registry.providers.queries import by_slug
from tests.conftest import Join, Member
from tests.registry.auth.people import csrf, drafts, person, sign_in

LAB = "lab-one"
HOME = f"/api/v1/providers/{LAB}/clients"
FORM = {"grant_type": "client_credentials"}
BY = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_URL = "https://registry.example/oauth/token"
KEYS: dict[str, Any] = {
    "EdDSA": jwk.OKPKey.generate_key("Ed25519"),
    "ES256": jwk.ECKey.generate_key("P-256"),
    "RS256": jwk.RSAKey.generate_key(2048),
    "PS256": jwk.RSAKey.generate_key(2048),
}


@pytest.fixture
async def lab(join: Join) -> Member:
    return await join(LAB)


@pytest.fixture
async def admin(node: Node, lab: Member) -> dict[str, str]:
    pk = await person(node, "root@lab.example", roles={LAB: [Role.ADMINISTRATOR]})
    return await csrf(node, await sign_in(node, pk))


async def register(client: httpx.AsyncClient, admin: dict[str, str], id: str, alg: str) -> None:
    body = {"key": KEYS[alg].as_dict(private=False) | {"kid": alg}, "alg": alg}
    made = await client.post(f"{HOME}/{id}/keys", json=body, headers=admin)
    assert made.status_code == 201, made.text


def claims(id: str, **other: Any) -> dict[str, Any]:
    moment = int(time.time())
    made = {"iss": id, "sub": id, "aud": TOKEN_URL, "exp": moment + 60, "iat": moment, "jti": str(moment)}
    return {name: value for name, value in (made | other).items() if value is not None}


def sign(claims: dict[str, Any], alg: str = "EdDSA", key: Any = None, **header: Any) -> str:
    return jwt.encode({"alg": alg, "kid": alg} | header, claims, key or KEYS[alg], algorithms=[alg])


async def show(client: httpx.AsyncClient, assertion: str, path: str = "token", **form: str) -> httpx.Response:
    body = {"grant_type": "client_credentials", "client_assertion_type": BY, "client_assertion": assertion}
    return await client.post(f"/oauth/{path}", data=body | form)


async def secret(client: httpx.AsyncClient, id: str, secret: str, path: str = "token", **form: str) -> Any:
    body = {"grant_type": "client_credentials"} | form
    return await client.post(f"/oauth/{path}", data=body, auth=(id, secret))


# --- secrets ---


async def test_a_rotation_has_two_live_secrets_and_then_one(
    client: httpx.AsyncClient, node: Node, lab: Member, admin: dict[str, str]
) -> None:
    path = f"{HOME}/{lab.client_id}/secrets"
    made = await client.post(path, headers=admin)
    assert made.status_code == 201, made.text
    second = made.json()["client_secret"]
    assert (await secret(client, lab.client_id, lab.client_secret)).status_code == 200
    fresh = await secret(client, lab.client_id, second)
    assert fresh.status_code == 200
    listed = (await client.get(path, headers=admin)).json()["items"]
    assert len(listed) == 2
    assert all(one["last_used_at"] for one in listed)
    assert second not in json.dumps(listed)
    assert "hash" not in json.dumps(listed)
    old = next(one["id"] for one in listed if one["id"] != made.json()["id"])
    assert (await client.delete(f"{path}/{old}", headers=admin)).status_code == 204
    assert (await client.delete(f"{path}/{old}", headers=admin)).status_code == 404
    assert (await secret(client, lab.client_id, lab.client_secret)).status_code == 401
    assert await drafts(client, lab.headers) == 401, "its tokens end with it"
    assert (await secret(client, lab.client_id, second)).status_code == 200
    for _ in range(4):
        assert (await client.post(path, headers=admin)).status_code == 201
    assert (await client.post(path, headers=admin)).status_code == 409


async def test_a_secret_from_before_there_could_be_several_still_works(
    client: httpx.AsyncClient, node: Node, lab: Member
) -> None:
    from registry.providers.service import HASHER

    async with node.database.write() as session:
        await session.execute(update(ClientSecret).values(secret_hash=HASHER.hash("an-old-one")))
    assert (await secret(client, lab.client_id, "an-old-one")).status_code == 200
    assert (await secret(client, lab.client_id, "another")).status_code == 401


async def test_what_has_an_end_ends(client: httpx.AsyncClient, node: Node, lab: Member) -> None:
    ended = now() - timedelta(seconds=1)
    for table in (ClientSecret, Client):
        async with node.database.write() as session:
            await session.execute(update(table).values(expires_at=ended))
        assert (await secret(client, lab.client_id, lab.client_secret)).status_code == 401
        async with node.database.write() as session:
            await session.execute(update(table).values(expires_at=None))
        assert (await secret(client, lab.client_id, lab.client_secret)).status_code == 200
    async with node.database.write() as session:
        await session.execute(update(Client).values(expires_at=ended))
    assert await drafts(client, lab.headers) == 401


# --- making clients ---


async def test_an_administrator_makes_looks_at_and_ends_clients(
    client: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    body = {"scopes": ["records:write"], "name": "Nightly", "expires_at": "2030-01-01T00:00:00Z"}
    headers = {**admin, "Idempotency-Key": "one"}
    made = await client.post(HOME, json=body, headers=headers)
    assert made.status_code == 201, made.text
    again = await client.post(HOME, json=body, headers=headers)
    assert again.json() == made.json(), "a repeated request shows the same secret and makes no other"
    told = made.json()
    answer = await secret(client, told["client_id"], told["client_secret"])
    token = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert await drafts(client, token) == 201
    listed = (await client.get(HOME, headers=admin)).json()["items"]
    assert next(one["client_id"] for one in listed) == told["client_id"]
    assert listed[0]["last_used_at"]
    assert told["client_secret"] not in json.dumps(listed)
    assert (await client.delete(f"{HOME}/{told['client_id']}", headers=admin)).status_code == 204
    assert await drafts(client, token) == 401
    assert (await secret(client, told["client_id"], told["client_secret"])).status_code == 401


async def test_nobody_gives_what_they_may_not(
    client: httpx.AsyncClient, node: Node, join: Join, admin: dict[str, str]
) -> None:
    body = {"scopes": ["records:read", "registry:steward"]}
    assert (await client.post(HOME, json=body, headers=admin)).status_code == 403
    machine = await join("lab-two", scopes="provider:admin")
    own = "/api/v1/providers/lab-two/clients"
    assert (await client.post(own, json=body, headers=machine.headers)).status_code == 403
    given = await client.post(own, json={"scopes": ["records:publish"]}, headers=machine.headers)
    assert given.status_code == 201
    assert (await client.post(HOME, json=body, headers=machine.headers)).status_code == 403
    steward = await csrf(node, await sign_in(node, await person(node, "s@registry.example", steward=True)))
    powerful = await client.post(HOME, json=body, headers=steward)
    assert powerful.status_code == 201
    id = powerful.json()["client_id"]
    key = {"key": KEYS["EdDSA"].as_dict(private=False)}
    for path, sent in ((f"{HOME}/{id}/secrets", {}), (f"{HOME}/{id}/keys", key)):
        refused = await client.post(path, json=sent, headers=admin)
        assert refused.status_code == 403, "a secret of it would be its scopes"


@pytest.mark.one_database
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"scopes": []},
        {"scopes": [1]},
        {"scopes": ["records:write"], "expires_at": "2001-01-01T00:00:00Z"},
        {"scopes": ["records:write"], "expires_at": "soon"},
        {"scopes": ["records:write"], "name": "a\nb"},
        {"scopes": ["records:write"], "client_secret": "mine"},
    ],
)
async def test_a_wrong_client_is_refused(
    client: httpx.AsyncClient, admin: dict[str, str], body: dict[str, Any]
) -> None:
    assert (await client.post(HOME, json=body, headers=admin)).status_code == 422


# --- clients that sign ---


async def test_the_newer_name_of_a_signature_is_known_too(
    client: httpx.AsyncClient, lab: Member, admin: dict[str, str]
) -> None:
    await register(client, admin, lab.client_id, "EdDSA")
    signed = sign(claims(lab.client_id), "Ed25519", KEYS["EdDSA"], kid="EdDSA")
    assert (await show(client, signed)).status_code == 200


@pytest.mark.parametrize("alg", sorted(KEYS))
async def test_a_client_signs_with_its_key(
    client: httpx.AsyncClient, lab: Member, admin: dict[str, str], alg: str
) -> None:
    await register(client, admin, lab.client_id, alg)
    answer = await show(client, sign(claims(lab.client_id), alg), scope="records:write")
    assert answer.status_code == 200, answer.text
    assert await drafts(client, {"Authorization": f"Bearer {answer.json()['access_token']}"}) == 201
    ours = claims(lab.client_id, aud=["https://registry.example", "https://other.example"], jti="2")
    assert (await show(client, sign(ours, alg))).status_code == 200


def forged(header: dict[str, Any], claims: dict[str, Any], secret: bytes = b"") -> str:
    """Unsigned, or signed with what everybody knows."""

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    said = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
    return f"{said}.{part(hmac.digest(secret, said.encode(), 'sha256')) if secret else ''}"


async def test_an_assertion_that_is_not_the_clients_own_is_refused(
    client: httpx.AsyncClient, node: Node, join: Join, lab: Member, admin: dict[str, str]
) -> None:
    """Each alone would do: algorithm confusion, keys from outside, other times, names and readers."""
    other = await join("lab-two")
    await register(client, admin, lab.client_id, "RS256")
    await register(client, admin, lab.client_id, "EdDSA")
    id, moment = lab.client_id, int(time.time())
    good = claims(id)
    mine = jwk.OKPKey.generate_key("Ed25519")
    public_pem = KEYS["RS256"].as_pem(private=False)
    refused = {
        "none": forged({"alg": "none", "kid": "EdDSA"}, good),
        "None": forged({"alg": "None"}, good),
        "hmac with the public key": forged({"alg": "HS256", "kid": "RS256"}, good, public_pem),
        "another algorithm of the same key": sign(good, "PS256", KEYS["RS256"], kid="RS256"),
        "another key": sign(good, key=mine),
        "another key under its kid": sign(good, "ES256", KEYS["ES256"], kid="EdDSA"),
        "an embedded key": sign(good, key=mine, jwk=mine.as_dict(private=False)),
        "an embedded key beside the own": sign(good, jwk=KEYS["EdDSA"].as_dict(private=False)),
        "jku": sign(good, jku="https://attacker.example/jwks.json"),
        "x5u": sign(good, x5u="https://attacker.example/cert.pem"),
        "no kid among several": jwt.encode({"alg": "EdDSA"}, good, KEYS["EdDSA"], algorithms=["EdDSA"]),
        "unknown kid": sign(good, kid="other"),
        "expired": sign(claims(id, exp=moment - 31)),
        "no end": sign(claims(id, exp=None)),
        "ends too late": sign(claims(id, exp=moment + 400)),
        "ends as text": sign(claims(id, exp="never")),
        "ends never": sign(claims(id, exp=10**20)),
        "not yet": sign(claims(id, nbf=moment + 60)),
        "made later": sign(claims(id, iat=moment + 60)),
        "another audience": sign(claims(id, aud="https://other.example/oauth/token")),
        "no audience": sign(claims(id, aud=None)),
        "another issuer": sign(claims(id, iss=other.client_id)),
        "another client": sign(claims(other.client_id)),
        "nobody": sign(claims("nobody.0123456789ab")),
        "no subject": sign(claims(id, sub=None)),
        "odd subject": sign(claims(id, sub={"a": 1})),
        "no jti": sign(claims(id, jti=None)),
        "odd jti": sign(claims(id, jti=["x"])),
        "long jti": sign(claims(id, jti="x" * 300)),
        "broken": "a.b.c",
        "not utf-8 inside": "eyJhbGciOiJFZERTQSJ9._w.x",
        "huge": sign(claims(id, more="x" * 4500)),
    }
    for why, assertion in refused.items():
        answer = await show(client, assertion)
        assert answer.status_code == 401, (why, answer.text)
        assert answer.json()["error"] == "invalid_client", why
        assert assertion not in answer.text
        for name in (id, other.client_id):  # or the lock-out would answer
            await lockout.succeeded(node, name, "127.0.0.1")
    both = await client.post(
        "/oauth/token",
        data={
            "grant_type": "client_credentials",
            "client_assertion_type": BY,
            "client_assertion": sign(good),
        },
        auth=(id, lab.client_secret),
    )
    assert both.status_code == 401, "one way at a time"
    assert (await show(client, sign(good), client_id=other.client_id)).status_code == 401
    assert (await show(client, sign(claims(id, exp=moment - 20)))).status_code == 200, (
        "clocks differ a little"
    )


async def test_an_assertion_works_once_however_often_it_is_sent(
    client: httpx.AsyncClient, node: Node, lab: Member, admin: dict[str, str]
) -> None:
    await register(client, admin, lab.client_id, "EdDSA")
    once = sign(claims(lab.client_id))
    answers = await asyncio.gather(*(show(client, once) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    assert (await show(client, once)).status_code == 401
    async with node.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Assertion)) == 1


async def test_a_key_that_is_revoked_signs_no_more(
    client: httpx.AsyncClient, lab: Member, admin: dict[str, str]
) -> None:
    await register(client, admin, lab.client_id, "EdDSA")
    assert (await show(client, sign(claims(lab.client_id)))).status_code == 200
    path = f"{HOME}/{lab.client_id}/keys"
    assert (await client.delete(f"{path}/EdDSA", headers=admin)).status_code == 204
    assert (await show(client, sign(claims(lab.client_id, jti="2")))).status_code == 401
    listed = (await client.get(path, headers=admin)).json()["items"]
    assert [(one["kid"], one["live"]) for one in listed] == [("EdDSA", False)]


@pytest.mark.one_database
@pytest.mark.parametrize(
    "key",
    [
        jwk.OctKey.generate_key(256).as_dict(),
        jwk.OKPKey.generate_key("Ed25519").as_dict(private=True),
        jwk.OKPKey.generate_key("X25519").as_dict(private=False),
        jwk.ECKey.generate_key("P-384").as_dict(private=False),
        {"kty": "RSA", "n": base64.urlsafe_b64encode(b"\xc5" * 128).decode().rstrip("="), "e": "AQAB"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "OKP", "crv": "Ed25519", "x": "short"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        KEYS["EdDSA"].as_dict(private=False) | {"alg": "HS256"},
        KEYS["EdDSA"].as_dict(private=False) | {"kid": "a/b"},
        KEYS["RS256"].as_dict(private=False),
        {"kty": "none"},
        {},
        "x",
        None,
    ],
)
async def test_a_key_that_is_not_good_enough_is_refused(
    client: httpx.AsyncClient, node: Node, lab: Member, admin: dict[str, str], key: Any
) -> None:
    answer = await client.post(f"{HOME}/{lab.client_id}/keys", json={"key": key}, headers=admin)
    assert answer.status_code == 422, answer.text
    assert answer.json()["findings"][0]["suggestion"]
    async with node.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(ClientKey)) == 0


# --- ending and looking into tokens ---


async def test_a_token_is_ended_by_a_client_of_its_organisation(
    client: httpx.AsyncClient, join: Join, lab: Member
) -> None:
    other = await join("lab-two")
    token = lab.headers["Authorization"].removeprefix("Bearer ")
    foreign = await secret(client, other.client_id, other.client_secret, "revoke", token=token)
    assert (foreign.status_code, foreign.json()["error"]) == (400, "invalid_grant")
    assert await drafts(client, lab.headers) == 201
    assert (await client.post("/oauth/revoke", data={"token": token})).status_code == 401
    for sent in (token, token, "never-there", "x" * 2000, "\ud800".encode("utf-8", "replace").decode()):
        done = await secret(client, lab.client_id, lab.client_secret, "revoke", token=sent)
        assert done.status_code == 200
    assert await drafts(client, lab.headers) == 401
    assert (await secret(client, lab.client_id, lab.client_secret, "revoke")).status_code == 400


async def test_a_token_is_told_of_to_its_organisation_and_to_stewards(
    client: httpx.AsyncClient, node: Node, join: Join, lab: Member
) -> None:
    other = await join("lab-two")
    steward = await join("stewards", scopes="registry:steward")
    token = lab.headers["Authorization"].removeprefix("Bearer ")
    told = await secret(client, lab.client_id, lab.client_secret, "introspect", token=token)
    assert told.json()["active"] is True
    assert told.json()["client_id"] == lab.client_id
    assert token not in told.text
    assert (await client.post("/oauth/introspect", data={"token": token})).status_code == 401
    foreign = await secret(client, other.client_id, other.client_secret, "introspect", token=token)
    assert foreign.json() == {"active": False}
    by_steward = await client.post("/oauth/introspect", data={"token": token}, headers=steward.headers)
    assert by_steward.json() == told.json()
    assert (
        await client.post("/oauth/introspect", data={"token": token}, headers=other.headers)
    ).status_code == 403
    await secret(client, lab.client_id, lab.client_secret, "revoke", token=token)
    for answer in (
        await secret(client, lab.client_id, lab.client_secret, "introspect", token=token),
        await client.post("/oauth/introspect", data={"token": token}, headers=steward.headers),
    ):
        assert answer.json() == {"active": False}


async def test_a_client_that_is_revoked_while_it_asks_gets_nothing(
    client: httpx.AsyncClient, node: Node, lab: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    from registry.auth import api

    inside, go_on = asyncio.Event(), asyncio.Event()
    plain = asyncio.to_thread

    async def slow(*given: Any) -> Any:
        answer = await plain(*given)
        inside.set()
        await go_on.wait()
        return answer

    monkeypatch.setattr(api.asyncio, "to_thread", slow)
    asking = asyncio.create_task(secret(client, lab.client_id, lab.client_secret))
    await inside.wait()
    async with node.database.write() as session:
        await clients.revoke(session, Actor(name="cli"), await clients.by_id(session, lab.client_id))
    before = await count(node)
    go_on.set()
    answer = await asking
    assert answer.status_code == 401
    assert await count(node) == before


async def count(node: Node) -> int:
    async with node.database.read() as session:
        return await session.scalar(select(func.count()).select_from(Token)) or 0


# --- tokens for other purposes ---


async def test_a_token_opens_what_it_is_for_and_nothing_else(
    client: httpx.AsyncClient, node: Node, lab: Member
) -> None:
    async with node.database.write() as session:
        provider = await by_slug(session, LAB)
        made = {
            purpose: await make_token(
                session, provider.pk, purpose, [Scope.RECORDS_WRITE, Scope.RECORDS_READ], timedelta(days=30)
            )
            for purpose in (Purpose.FEED, Purpose.ONBOARDING)
        }
    keyed = {purpose: {"Authorization": f"Bearer {token}"} for purpose, token in made.items()}
    assert await drafts(client, keyed[Purpose.FEED]) == 401
    assert await drafts(client, keyed[Purpose.ONBOARDING]) == 201
    async with node.database.read() as session:
        found = await holder(session, made[Purpose.FEED], purposes=[Purpose.FEED])
        assert found is not None
        assert found.provider_slug == LAB
        assert await holder(session, made[Purpose.ONBOARDING], purposes=[Purpose.FEED]) is None
    id = token_id(made[Purpose.ONBOARDING])
    async with node.database.write() as session:
        with pytest.raises(NotFound):
            await revoke_token(session, Actor(name="cli"), id, provider=provider.pk + 1)
        await revoke_token(session, Actor(name="cli"), id, provider=provider.pk)
    assert await drafts(client, keyed[Purpose.ONBOARDING]) == 401


async def test_an_applicants_key_is_known_and_may_nothing(
    client: httpx.AsyncClient, node: Node, lab: Member
) -> None:
    async with node.database.write() as session:
        provider = await by_slug(session, LAB)
        provider.state = State.APPLIED.value
        key = await make_token(
            session, provider.pk, Purpose.ONBOARDING, [Scope.PROVIDER_ADMIN], timedelta(days=30)
        )
    async with node.database.read() as session:
        found = await holder(session, key)
    assert found is not None
    assert (found.provider, found.scopes, found.approved) == (provider.pk, frozenset(), False)
    assert await drafts(client, lab.headers) == 401


async def test_uses_are_written_down_together(node: Node, client: httpx.AsyncClient, lab: Member) -> None:
    token = lab.headers["Authorization"].removeprefix("Bearer ")
    uses = Uses(node.database)
    commits: list[int] = []

    async def counted() -> None:
        commits.append(1)

    node.database.on_commit.append(counted)
    from registry.canonical import digest

    for _ in range(100):
        uses.token(digest(token.encode()))
    await uses.flush()
    await uses.flush()
    assert len(commits) == 1
    async with node.database.read() as session:
        assert await session.scalar(select(Token.last_used_at)) is not None
        assert await session.scalar(select(Client.last_used_at)) is not None
