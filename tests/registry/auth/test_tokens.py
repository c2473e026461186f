"""Tokens for machines: who gets one, what it opens, and when it stops."""

import base64
import io
import logging
from datetime import timedelta
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import func, select, update

from registry.actor import ANONYMOUS, Actor, Scope, parse_scopes
from registry.auth.models import Token
from registry.auth.tokens import basic_client_id
from registry.db import Base, Database, now
from registry.errors import Forbidden, Unauthenticated
from registry.extensions import Node
from registry.logs import configure
from registry.providers import service as providers
from registry.providers.models import Client, ClientSecret
from registry.providers.onboarding import Decision
from registry.providers.service import HASHER
from registry.settings import Settings
from tests.conftest import Join
from tests.registry.records.acting import lesson

FORM = {"grant_type": "client_credentials"}


async def ask(client: httpx.AsyncClient, id: str, secret: str, **form: str) -> httpx.Response:
    return await client.post("/oauth/token", data=FORM | form, auth=(id, secret))


async def works(client: httpx.AsyncClient, headers: dict[str, str]) -> int:
    return (await client.post("/api/v1/records", json=lesson(), headers=headers)).status_code


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


# --- asking for one ---


async def test_a_client_with_its_secret_is_given_a_token(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    answer = await ask(client, lab.client_id, lab.client_secret)
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"token_type", "access_token", "expires_in", "scope"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert body["scope"].split() == ["records:publish", "records:read", "records:write"]
    assert len(body["access_token"]) >= 43, "256 bits at least"
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
    assert await works(client, bearer(body["access_token"])) == 201


async def test_two_tokens_are_two(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    first = (await ask(client, lab.client_id, lab.client_secret)).json()["access_token"]
    second = (await ask(client, lab.client_id, lab.client_secret)).json()["access_token"]
    assert first != second
    assert await works(client, bearer(first)) == await works(client, bearer(second)) == 201


async def test_a_token_may_be_asked_for_with_less_than_all_scopes(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join()
    answer = await ask(client, lab.client_id, lab.client_secret, scope="records:read")
    assert answer.json()["scope"] == "records:read"
    assert await works(client, bearer(answer.json()["access_token"])) == 403


@pytest.mark.one_database
@pytest.mark.parametrize("scope", ["registry:steward", "records:read records:review", "no:such", "records:*"])
async def test_a_scope_that_the_client_does_not_hold_is_refused(
    client: httpx.AsyncClient, join: Join, database: Database, scope: str
) -> None:
    lab = await join()
    before = await tokens(database)
    answer = await ask(client, lab.client_id, lab.client_secret, scope=scope)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_scope"
    assert await tokens(database) == before


async def tokens(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(Token)) or 0


async def test_who_is_unknown_and_who_has_a_wrong_secret_are_answered_alike(
    client: httpx.AsyncClient, join: Join, node: Node, database: Database
) -> None:
    lab = await join()
    gone = await join("gone-lab")
    async with database.write() as session:
        await session.execute(
            update(Client).where(Client.client_id == gone.client_id).values(revoked_at=now())
        )
        await providers.change_state(
            session, (await suspended(session, node)), Decision.SUSPEND, origin=node.origin, by="test"
        )
        held = await session.scalar(select(Client).where(Client.client_id.startswith("halted-lab")))
    assert held is not None
    before = await tokens(database)
    answers = [
        await ask(client, lab.client_id, "wrong"),
        await ask(client, lab.client_id, gone.client_secret),
        await ask(client, "no-such-lab.0123456789ab", "wrong"),
        await ask(client, "x\x00y", "wrong"),
        await ask(client, "ü" * 20, "wrong"),
        await ask(client, gone.client_id, gone.client_secret),
        await ask(client, held.client_id, "wrong"),
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}
    assert answers[0].json()["error"] == "invalid_client"
    assert answers[0].headers["www-authenticate"].startswith("Basic")
    assert await tokens(database) == before


async def suspended(session: Any, node: Node) -> str:
    await providers.add(session, "halted-lab", "Halted", origin=node.origin, approve=True, by="test")
    await providers.add_client(session, "halted-lab", "records:read", origin=node.origin, by="test")
    return "halted-lab"


async def test_an_unknown_client_costs_the_work_of_a_known_one(
    client: httpx.AsyncClient, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = await join()
    await ask(client, "nobody.0", "wrong")  # the hash for nobody is made once
    verified: list[str] = []

    class Counting:
        def verify(self, hash: str, password: str) -> bool:
            verified.append(hash.split("$")[3])
            return HASHER.verify(hash, password)

    monkeypatch.setattr("registry.auth.oauth.HASHER", Counting())
    for id in (lab.client_id, "nobody.0123456789ab"):
        assert (await ask(client, id, "wrong")).status_code == 401
    assert len(verified) == 2
    assert verified[0] == verified[1], "the same parameters, so the same time"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        ("grant_type=password&username=a&password=b", None, 400),
        ("grant_type=client_credentials&grant_type=client_credentials", None, 400),
        ("", None, 400),
        ("grant_type", None, 400),
        (b"grant_type=%ff\xff", None, 400),
        ("&".join(f"a{number}=1" for number in range(30)), None, 400),
        ('{"grant_type": "client_credentials"}', "application/json", 415),
        ("grant_type=client_credentials&x=" + "y" * 10_000, None, 413),
    ],
)
async def test_a_wrong_form_is_refused(
    client: httpx.AsyncClient, join: Join, content: Any, media_type: str | None, status: int
) -> None:
    lab = await join()
    answer = await client.post(
        "/oauth/token",
        content=content,
        auth=(lab.client_id, lab.client_secret),
        headers={"Content-Type": media_type or "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == status
    assert "access_token" not in answer.text


async def test_a_secret_in_the_form_is_not_read(client: httpx.AsyncClient, join: Join) -> None:
    """`client_secret_post` is not offered: bodies are logged and kept in more places than headers."""
    lab = await join()
    form = FORM | {"client_id": lab.client_id, "client_secret": lab.client_secret}
    answer = await client.post("/oauth/token", data=form)
    assert answer.status_code == 401


async def test_the_server_says_what_it_offers(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/.well-known/oauth-authorization-server")).json()
    assert answer["issuer"] == "https://registry.example"
    assert answer["token_endpoint"] == "https://registry.example/oauth/token"
    assert answer["grant_types_supported"] == ["client_credentials"]
    assert answer["token_endpoint_auth_methods_supported"] == ["client_secret_basic", "private_key_jwt"]
    assert "none" not in answer["token_endpoint_auth_signing_alg_values_supported"]
    assert answer["revocation_endpoint"] == "https://registry.example/oauth/revoke"
    assert answer["introspection_endpoint"] == "https://registry.example/oauth/introspect"
    assert set(answer["scopes_supported"]) == {scope.value for scope in Scope}


# --- using it ---


@pytest.mark.one_database
@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer x y",
        "bearer\tx",
        "Basic eDp5",
        "Token x",
        "x",
        " ",
        "Bearer " + "x" * 600,
        "Bearer é",
        "Bearer \x01",
        "Bearer null",
    ],
)
async def test_a_header_that_is_no_token_is_401_everywhere(client: httpx.AsyncClient, header: str) -> None:
    """Also on what is public: who sends a token and is answered as nobody would not notice that it ended."""
    headers: dict[str, Any] = {"Authorization": header.encode("latin-1")}
    for path in ("/api/v1/records", "/api/v1/records/CIR-7GQ2M4KX9X", "/feeds/all.json", "/api/v1/stats"):
        answer = await client.get(path, headers=headers)
        assert answer.status_code == 401, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["cache-control"] == "no-store"


async def test_a_suspended_provider_is_stopped_at_once(
    client: httpx.AsyncClient, join: Join, node: Node
) -> None:
    lab = await join()
    assert await works(client, lab.headers) == 201

    async def decide(decision: Decision) -> None:
        async with node.database.write() as session:
            await providers.change_state(session, lab.slug, decision, origin=node.origin, by="test")

    await decide(Decision.SUSPEND)
    assert await works(client, lab.headers) == 401
    assert (await ask(client, lab.client_id, lab.client_secret)).status_code == 401
    await decide(Decision.APPROVE)
    assert await works(client, lab.headers) == 201


async def change(database: Database, table: Any, **values: Any) -> None:
    async with database.write() as session:
        await session.execute(update(table).values(**values))


async def test_a_token_ends_with_its_time(client: httpx.AsyncClient, join: Join, database: Database) -> None:
    lab = await join()
    await change(database, Token, expires_at=now() - timedelta(seconds=1))
    assert await works(client, lab.headers) == 401


async def test_a_token_ends_when_it_is_revoked_and_with_its_client(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join()
    await change(database, Token, revoked_at=now())
    assert await works(client, lab.headers) == 401
    await change(database, Token, revoked_at=None)
    assert await works(client, lab.headers) == 201
    await change(database, Client, revoked_at=now())
    assert await works(client, lab.headers) == 401


async def test_tokens_long_ended_are_cleared_away(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join()
    await change(database, Token, expires_at=now() - timedelta(hours=2))
    await ask(client, lab.client_id, lab.client_secret)
    assert await tokens(database) == 1


async def test_a_provider_not_yet_approved_is_known_as_such(client: httpx.AsyncClient, join: Join) -> None:
    newcomer = await join("newcomer", approve=False)
    assert await works(client, newcomer.headers) == 201, "drafts may be written"


# --- what is kept of secrets ---


async def test_no_secret_stands_anywhere_in_the_database(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    lab = await join()
    await client.post("/api/v1/records", json=lesson(), headers=lab.headers)
    token = lab.headers["Authorization"].removeprefix("Bearer ")
    held = ""
    async with database.read() as session:
        for table in Base.metadata.sorted_tables:
            held += "\n".join(str(tuple(row)) for row in await session.execute(select(table)))
        hashes = list(await session.scalars(select(ClientSecret.secret_hash)))
    assert lab.client_id in held
    for secret in (lab.client_secret, token, base64.b64encode(lab.client_secret.encode()).decode()):
        assert secret not in held
    assert all(hash.startswith("$argon2id$") for hash in hashes)


async def test_no_secret_stands_in_the_log(
    client: httpx.AsyncClient,
    join: Join,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever is logged, also at its loudest, and also by the libraries below."""
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    before = structlog.get_config()
    root = logging.getLogger().level
    try:
        configure(settings.model_copy(update={"log_level": "debug", "log_format": "json"}))
        structlog.configure(cache_logger_on_first_use=False)
        lab = await join()
        await ask(client, lab.client_id, "a-wrong-secret-that-was-typed")
        await client.get("/api/v1/records", headers={"Authorization": "Bearer a-token-that-ended"})
        await client.post("/api/v1/records", json=lesson(), headers=lab.headers)
        told_anyway = {"authorization": "Basic of-nobody-else", "nested": {"token": "of-nobody-else"}}
        structlog.get_logger("test").warning("oops", **told_anyway)
    finally:
        structlog.configure(**before)
        logging.getLogger().setLevel(root)
    told = written.getvalue()
    assert '"oops"' in told
    assert "of-nobody-else" not in told
    token = lab.headers["Authorization"].removeprefix("Bearer ")
    for secret in (lab.client_secret, token, "a-wrong-secret-that-was-typed", "a-token-that-ended"):
        assert secret not in told


# --- parts ---


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ""),
        ("Basic", ""),
        ("Basic !!!", ""),
        ("Bearer eDp5", ""),
        ("Basic " + base64.b64encode(b"lab.0123:secret").decode(), "lab.0123"),
        ("basic " + base64.b64encode(b"lab.0123:a:b").decode(), "lab.0123"),
        ("Basic " + base64.b64encode(b"lab.0123").decode(), "lab.0123"),
        ("Basic " + base64.b64encode(b"\xff\xfe:x").decode(), ""),
        ("Basic " + base64.b64encode(b"a\x00b:x").decode(), ""),
        ("Basic " + base64.b64encode(b"x" * 200 + b":x").decode(), ""),
    ],
)
def test_a_client_id_is_read_from_its_header(header: str, expected: str) -> None:
    assert basic_client_id(header) == expected


def test_scopes_are_read_by_name() -> None:
    assert parse_scopes("records:read  records:write") == {Scope.RECORDS_READ, Scope.RECORDS_WRITE}
    assert parse_scopes([]) == frozenset()
    with pytest.raises(Forbidden, match="records:read"):
        parse_scopes("records:reed")


def test_guards_tell_nobody_from_somebody_without_the_scope() -> None:
    with pytest.raises(Unauthenticated):
        ANONYMOUS.require(Scope.RECORDS_READ)
    somebody = Actor(name="lab.client", scopes=frozenset({Scope.RECORDS_READ}))
    somebody.require(Scope.RECORDS_READ)
    with pytest.raises(Forbidden, match="records:write"):
        somebody.require(Scope.RECORDS_WRITE)
    assert (ANONYMOUS.known, somebody.known) == (False, True)
