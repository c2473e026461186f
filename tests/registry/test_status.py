"""What operators, load balancers, other registries and researchers ask: how the registry is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from registry import migrate
from registry.app import Application
from registry.changelog.models import ReaderState
from registry.extensions import Node
from registry.status import TOLERATED_FAILURE
from tests.conftest import BASE_URL, ORIGIN, Join, Publish, only_app, running


async def fail(node: Node, since: timedelta, error: str | None = "OSError: full") -> None:
    async with node.database.write() as session:
        session.add(ReaderState(name="example", position=0, error=error, failed_at=datetime.now(UTC) - since))


@pytest.mark.one_database
async def test_a_process_that_answers_is_healthy(client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


async def test_a_current_registry_is_ready(client: httpx.AsyncClient) -> None:
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "position": 0})


async def test_a_reader_that_fails_for_long_makes_it_unready(client: httpx.AsyncClient, node: Node) -> None:
    await fail(node, TOLERATED_FAILURE + timedelta(seconds=10))
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "example" in answer.json()["detail"]
    assert "full" not in answer.text, "what went wrong inside is for the log"
    assert (await client.get("/healthz")).status_code == 200


async def test_a_reader_that_fails_for_a_moment_does_not(client: httpx.AsyncClient, node: Node) -> None:
    await fail(node, timedelta(seconds=10))
    assert (await client.get("/readyz")).status_code == 200


async def test_a_reader_that_recovered_does_not(client: httpx.AsyncClient, node: Node) -> None:
    await fail(node, TOLERATED_FAILURE * 2, error=None)
    assert (await client.get("/readyz")).status_code == 200


async def test_a_database_of_another_revision_makes_it_unready(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = migrate.newest_revision()
    monkeypatch.setattr(migrate, "known_revisions", lambda: [there, "9999"])
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert "9999" in answer.json()["detail"]


# --- metrics ---


async def ask_metrics(app: Application, host: str, **headers: str) -> httpx.Response:
    """Ask as a client at that address; the application is running already."""
    transport = httpx.ASGITransport(app=app, client=(host, 40000))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        return await client.get("/metrics", headers=headers)


@pytest.mark.one_database
@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1"])
@pytest.mark.usefixtures("client")
async def test_metrics_are_for_this_machine(app: Application, host: str) -> None:
    assert (await ask_metrics(app, host)).status_code == 200


@pytest.mark.one_database
@pytest.mark.parametrize("host", ["203.0.113.9", "10.0.0.1", "2001:db8::1", "testclient", ""])
@pytest.mark.usefixtures("client")
async def test_metrics_are_not_for_strangers(app: Application, host: str) -> None:
    answer = await ask_metrics(app, host)
    assert answer.status_code == 403
    assert "candor_" not in answer.text


@pytest.mark.one_database
@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Proto"])
@pytest.mark.parametrize("value", ["203.0.113.9", "127.0.0.1", ""])
@pytest.mark.usefixtures("client")
async def test_a_proxy_on_this_machine_makes_nobody_local(app: Application, name: str, value: str) -> None:
    assert (await ask_metrics(app, "127.0.0.1", **{name: value})).status_code == 403


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer the-right-one", 200),
        ("bearer the-right-one", 200),
        ("Bearer the-wrong-one", 403),
        ("Bearer the-right-one-and-more", 403),
        ("Bearer ", 403),
        ("the-right-one", 403),
        ("Basic dGhlLXJpZ2h0LW9uZQ==", 403),
    ],
)
async def test_metrics_are_for_the_holder_of_the_token(node: Node, authorization: str, status: int) -> None:
    settings = node.settings.model_copy(update={"metrics_token": SecretStr("the-right-one")})
    app = only_app(replace(node, settings=settings))
    async with running(app):
        assert (await ask_metrics(app, "203.0.113.9", Authorization=authorization)).status_code == status


@pytest.mark.one_database
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer "}, {"Authorization": "Bearer"}])
async def test_an_empty_token_opens_nothing(node: Node, headers: dict[str, str]) -> None:
    settings = node.settings.model_copy(update={"metrics_token": SecretStr("")})
    app = only_app(replace(node, settings=settings))
    async with running(app):
        assert (await ask_metrics(app, "203.0.113.9", **headers)).status_code == 403


async def test_metrics_tell_positions_records_and_readers(
    client: httpx.AsyncClient, node: Node, join: Join, publish: Publish
) -> None:
    await publish(await join())
    await fail(node, timedelta(seconds=1))
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["cache-control"] == "no-store"
    lines = dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
    assert float(lines["candor_public_sequence"]) == 1
    assert float(lines['candor_records_listed{kind="lesson"}']) == 1
    assert float(lines['candor_reader_failing{reader="example"}']) == 1
    assert float(lines['candor_reader_lag_entries{reader="example"}']) == float(
        lines["candor_changelog_head"]
    )
    assert float(lines["candor_started_seconds"]) <= datetime.now(UTC).timestamp()


# --- what everybody may read ---


async def test_stats_count_what_is_published(client: httpx.AsyncClient, join: Join, publish: Publish) -> None:
    first = await client.get("/api/v1/stats")
    assert first.json() == {"records": 0, "kinds": {}, "position": 0}
    await publish(await join())
    then = await client.get("/api/v1/stats", headers={"If-None-Match": first.headers["etag"]})
    assert then.json() == {"records": 1, "kinds": {"lesson": 1}, "position": 1}
    again = await client.get("/api/v1/stats", headers={"If-None-Match": then.headers["etag"]})
    assert again.status_code == 304


async def test_the_registry_says_who_it_is(client: httpx.AsyncClient) -> None:
    answer = await client.get("/.well-known/candor")
    described: dict[str, Any] = answer.json()
    assert answer.headers["access-control-allow-origin"] == "*"
    assert described["origin"] == ORIGIN
    assert described["software"] == "candor"
    assert set(described) == {
        *("origin", "name", "software", "version", "log", "verifier_keys", "api", "feeds", "federation"),
        *("policy", "limits"),
    }
    assert described["limits"]["document_bytes"] == 1024 * 1024


def fields_of(page: str) -> dict[str, str]:
    lines = [line for line in page.splitlines() if line and not line.startswith("#")]
    assert all(": " in line for line in lines)
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


@pytest.mark.one_database
async def test_security_txt_follows_rfc_9116(client: httpx.AsyncClient) -> None:
    answer = await client.get("/.well-known/security.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    fields = fields_of(answer.text)
    assert fields["contact"] == f"{BASE_URL}/about"
    assert fields["canonical"] == f"{BASE_URL}/.well-known/security.txt"
    expires = datetime.fromisoformat(fields["expires"])
    assert timedelta(days=30) < expires - datetime.now(UTC) < timedelta(days=365)
    assert fields["preferred-languages"] == "en"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("contact", "uri"),
    [
        ("security@registry.example", "mailto:security@registry.example"),
        ("mailto:security@registry.example", "mailto:security@registry.example"),
        ("https://registry.example/security", "https://registry.example/security"),
        ("tel:+1-201-555-0123", "tel:+1-201-555-0123"),
    ],
)
async def test_the_contact_is_a_uri(node: Node, contact: str, uri: str) -> None:
    settings = node.settings.model_copy(update={"contact": contact})
    async with running(only_app(replace(node, settings=settings))) as client:
        assert fields_of((await client.get("/.well-known/security.txt")).text)["contact"] == uri


@pytest.mark.one_database
async def test_a_registry_without_tls_names_no_canonical_address(node: Node) -> None:
    """RFC 9116, 2.5.2: a web address in it begins with https."""
    settings = node.settings.model_copy(update={"base_url": None})
    async with running(only_app(replace(node, settings=settings))) as client:
        assert "canonical" not in fields_of((await client.get("/.well-known/security.txt")).text)
