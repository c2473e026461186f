"""Limits: what counts, who is told, and what happens while nobody can count."""

import re
import subprocess
from dataclasses import replace
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from registry.app import create_app
from registry.counters import Counters, CountersDown
from registry.errors import Misconfigured
from registry.extensions import Node
from registry.moderation.limits.middleware import WRONG_CREDENTIALS
from registry.moderation.limits.policies import POLICIES, Quota, network_of, quotas_of, read_quotas, row_of
from registry.problems import MEDIA_TYPE
from registry.providers import service as providers
from registry.settings import Settings, load
from tests.conftest import only_app, running

BASE = "https://registry.example"


def limited(node: Node, url: str | None = None, **settings: Any) -> Node:
    """The registry with limits on."""
    given = {**node.settings.model_dump(), "limits": True, **settings}
    return replace(node, settings=Settings(_env_file=None, **given), counters=Counters(url))


async def token_for(node: Node, client: httpx.AsyncClient, slug: str = "lab") -> dict[str, str]:
    async with node.database.write() as session:
        await providers.add(session, slug, "Lab", origin=node.origin, approve=True, by="test")
        made = await providers.add_client(
            session, slug, "records:read records:write", origin=node.origin, by="test"
        )
    answer = await client.post(
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(made.client_id, made.client_secret),
    )
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


# --- the table ---


@pytest.mark.parametrize(
    ("method", "path", "policy"),
    [
        ("GET", "/healthz", None),
        ("GET", "/static/site.css", None),
        ("GET", "/api/v1/records", "reads"),
        ("GET", "/records/CIR-7GQ2M4KX9X", "reads"),
        ("GET", "/api/v1/search", "searches"),
        ("GET", "/api/v1/search/export", "exports"),
        ("GET", "/api/v1/records/CIR-7GQ2M4KX9X/similar", "searches"),
        ("GET", "/api/v1/records/CIR-7GQ2M4KX9X/campaign", "searches"),
        ("GET", "/api/v1/campaigns", "searches"),
        ("GET", "/feeds/search.rss", "searches"),
        ("POST", "/api/v1/validate", "checks"),
        ("POST", "/api/v1/records", "writes"),
        ("PUT", "/api/v1/records/CIR-7GQ2M4KX9X/draft", "writes"),
        ("DELETE", "/api/v1/hooks/1", "writes"),
        ("POST", "/oauth/token", "tokens"),
        ("POST", "/oauth/introspect", "tokens"),
        ("POST", "/api/v1/providers", "applications"),
        ("POST", "/api/v1/providers/x/clients", "writes"),
        ("POST", "/api/v1/notices", "notices"),
        ("POST", "/sign-in", "sign_ins"),
        ("POST", "/sign-in/totp", "sign_ins"),
        ("GET", "/sign-in/oidc/callback", "sign_ins"),
        ("GET", "/sign-in", "reads"),
        ("TRACE", "/anything", "writes"),
    ],
)
def test_table(method: str, path: str, policy: str | None) -> None:
    assert row_of(method, path).policy == policy


def test_every_route_that_takes_a_secret_is_closed_while_nobody_counts() -> None:
    assert row_of("POST", "/oauth/token").closed
    assert row_of("POST", "/sign-in/totp").closed
    assert not row_of("GET", "/api/v1/records").closed


def test_quotas() -> None:
    assert read_quotas("address=5/hour client=7/second") == (
        Quota("address", 5, 3600),
        Quota("client", 7, 1),
    )
    assert read_quotas("off") == ()
    for wrong in ("address=0/minute", "address=5", "somebody=5/minute", "address=5/year", "five"):
        with pytest.raises(Misconfigured):
            read_quotas(wrong)
    assert set(quotas_of(Settings(_env_file=None))) == set(POLICIES)


def test_wrong_settings_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_LIMIT_READS", "many")
    monkeypatch.setenv("CANDOR_LIMITS_URL", "http://x")
    with pytest.raises(Misconfigured, match=r"CANDOR_LIMITS_URL.*CANDOR_LIMIT_READS"):
        load()


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        (None, "unknown"),
        ("a.b", "unknown"),
    ],
)
def test_networks(address: str | None, network: str) -> None:
    assert network_of(address) == network


# --- over HTTP ---


async def test_too_much_is_told(node: Node, counters_url: str | None) -> None:
    node = limited(node, counters_url, limit_checks="address=2/minute")
    async with running(only_app(node)) as client:
        answers = [await client.post("/api/v1/validate", json={}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[0].headers["ratelimit-policy"] == '"checks-address";q=2;w=60'
        assert re.fullmatch(r'"checks-address";r=1;t=\d+', answers[0].headers["ratelimit"])
        last = answers[2]
        assert last.headers["content-type"] == MEDIA_TYPE
        assert last.json()["type"] == "urn:candor:problem:too-many"
        assert 1 <= int(last.headers["retry-after"]) <= 60
        assert last.headers["cache-control"] == "no-store"
        assert re.fullmatch(r'"checks-address";r=0;t=\d+', last.headers["ratelimit"])
        metrics = (await client.get("/metrics")).text
        assert 'candor_limits_refused{policy="checks"} 1.0' in metrics
        assert (await client.get("/api/v1/records")).status_code == 200


async def test_a_shared_cache_is_told_nothing(node: Node) -> None:
    async with running(only_app(limited(node))) as client:
        headers = await token_for(node, client)
        for path in (
            "/api/v1/records",
            "/api/v1/stats",
            "/.well-known/candor",
            "/api/v1/schemas/lesson.json",
        ):
            answer = await client.get(path)
            assert answer.status_code == 200
            assert "ratelimit" not in answer.headers
            mine = await client.get(path, headers=headers)
            assert mine.headers["cache-control"].startswith("private")
            assert mine.headers["ratelimit"].startswith('"reads-')
            again = await client.get(path)
            assert "ratelimit" not in again.headers


async def test_prepared_answers_are_not_counted(node: Node) -> None:
    node = limited(node, limit_reads="address=2/minute")
    async with running(only_app(node)) as client:
        for _ in range(10):
            assert (await client.get("/api/v1/records")).status_code == 200
        assert (await client.get("/api/v1/records?kind=lesson")).status_code == 200
        refused = await client.get("/api/v1/records?kind=incident")
        assert refused.status_code == 429
        assert (await client.get("/api/v1/records")).status_code == 200
        assert (await client.get("/healthz")).status_code == 200


async def test_those_who_are_known_are_counted_by_name(node: Node) -> None:
    quotas = "address=1/minute client=3/minute organisation=4/minute"
    node = limited(node, limit_checks=quotas)
    async with running(only_app(node)) as client:

        async def statuses(headers: dict[str, str], count: int) -> list[int]:
            return [
                (await client.post("/api/v1/validate", json={}, headers=headers)).status_code
                for _ in range(count)
            ]

        one = await token_for(node, client)
        async with node.database.write() as session:
            made = await providers.add_client(session, "lab", "records:read", origin=node.origin, by="test")
        answer = await client.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(made.client_id, made.client_secret),
        )
        two = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        assert await statuses({}, 2) == [200, 429]
        assert await statuses(one, 4) == [200, 200, 200, 429]
        assert await statuses(two, 2) == [200, 429]  # of the organisation's four


async def test_refused_tokens_are_counted(node: Node) -> None:
    async with running(only_app(limited(node))) as client:
        wrong = {"Authorization": "Bearer nobody"}
        for _ in range(WRONG_CREDENTIALS):
            assert (await client.get("/api/v1/records", headers=wrong)).status_code == 401
        assert (await client.get("/api/v1/records", headers=wrong)).status_code == 429
        assert (await client.get("/api/v1/records")).status_code == 200


async def test_reads_go_on_and_secrets_wait_while_nobody_can_count(
    node: Node, redis_server: tuple[str, "subprocess.Popen[bytes]"]
) -> None:
    url, process = redis_server
    node = limited(node, url)
    async with running(only_app(node)) as client:
        headers = await token_for(node, client)
        process.kill()
        process.wait(10)
        assert (await client.get("/api/v1/records", headers=headers)).status_code == 200
        assert (await client.post("/api/v1/validate", json={})).status_code == 200
        answer = await client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=("a", "b"))
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert "candor_limits_failures 0.0" not in (await client.get("/metrics")).text


async def test_one_server_counts_for_many_processes(
    node: Node, redis_server: tuple[str, "subprocess.Popen[bytes]"]
) -> None:
    url, _ = redis_server
    one, two = (limited(node, url, limit_checks="address=3/minute") for _ in range(2))
    async with (
        running(create_app(one, run_readers=False)) as first,
        running(create_app(two, run_readers=False)) as second,
    ):
        statuses = [
            (await client.post("/api/v1/validate", json={})).status_code
            for client in (first, second, first, second)
        ]
    assert statuses == [200, 200, 200, 429]


# --- counters ---


async def test_counters(counters_url: str | None) -> None:
    counters = Counters(counters_url)
    assert [await counters.count("a", 60) for _ in range(3)] == [1, 2, 3]
    assert await counters.read("a") == 3
    assert 50 < await counters.seconds_left("a") <= 60
    await counters.clear("a")
    assert await counters.read("a") == 0
    assert await counters.seconds_left("a") == 0
    assert await counters.count("a", 60) == 1
    await counters.close()


async def test_memory_does_not_fill_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.counters.MOST_KEPT", 100)
    counters = Counters()
    for number in range(1000):
        await counters.count(f"k{number}", 60)
    storage: Any = counters._storage
    assert len(storage.storage) <= 101


async def test_a_server_that_is_away_is_not_waited_for_by_everybody() -> None:
    counters = Counters("redis://127.0.0.1:1/0")
    for _ in range(50):
        with pytest.raises(CountersDown):
            await counters.count("a", 60)
    assert counters.failures == 1


def test_the_counters_address_is_a_secret() -> None:
    settings = Settings(limits_url=SecretStr("redis://:word@127.0.0.1/0"), _env_file=None)
    assert "word" not in repr(settings)
