"""Operating a registry: real processes that are started, told to stop and killed, on the loopback alone."""

import asyncio
import json
import os
import shutil
import signal
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from sqlalchemy import inspect

from registry import app as composition
from registry import migrate, operate
from registry.bundled import folder
from registry.db import Database
from registry.errors import Misconfigured
from registry.node import init_node, ready_embedded
from registry.settings import Settings
from tests.registry.serving import (
    PATIENCE,
    Running,
    Writer,
    ask,
    behind,
    candor,
    found,
    holder,
    publish,
    serving,
    submission,
    until,
)

sqlite = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
postgresql = pytest.mark.parametrize("settings", ["postgresql"], indirect=True)


# --- starting ---


@pytest.fixture
def outdated(empty_database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """A registry in a database of its own, under a program that needs one migration more."""
    url: Any = empty_database.url.render_as_string(hide_password=False)
    settings = Settings(data=tmp_path / "data", database_url=url, _env_file=None)
    asyncio.run(init_node(settings))
    later = tmp_path / "migrations"
    shutil.copytree(folder("migrations"), later, ignore=shutil.ignore_patterns("__pycache__"))
    (later / "versions" / "0999_later.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f'revision, down_revision = "0999", "{migrate.newest_revision()}"\n'
        "branch_labels = depends_on = None\n"
        'def upgrade():\n    op.create_table("later", sa.Column("id", sa.Integer, primary_key=True))\n'
        'def downgrade():\n    op.drop_table("later")\n'
    )
    monkeypatch.setattr(migrate, "folder", lambda name: tmp_path / name)
    return settings


async def _tables(session: Any) -> list[str]:
    connection = await session.connection()
    return list(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


@pytest.mark.parametrize("empty_database", ["postgresql"], indirect=True)
def test_serve_refuses_an_outdated_production_database_with_the_command_to_run(outdated: Settings) -> None:
    with pytest.raises(Misconfigured, match=r"needs 0999.*`candor init`"):
        operate.serve(outdated)
    assert "later" not in ask(outdated, _tables), "it is left as it is"
    asyncio.run(init_node(outdated))
    assert "later" in ask(outdated, _tables)


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)
def test_the_embedded_database_is_migrated_by_itself(outdated: Settings) -> None:
    asyncio.run(ready_embedded(outdated))
    assert "later" in ask(outdated, _tables)


def test_an_empty_production_database_is_refused_with_the_command_to_run(
    empty_database: Database, tmp_path: Path
) -> None:
    url: Any = empty_database.url.render_as_string(hide_password=False)
    settings = Settings(data=tmp_path, database_url=url, _env_file=None)
    if settings.embedded:
        asyncio.run(ready_embedded(settings))
        assert "record" in ask(settings, _tables)
    else:
        with pytest.raises(Misconfigured, match="`candor init`"):
            operate.serve(settings)


# --- proxies ---


@pytest.mark.parametrize(
    ("trusted", "client", "seen"),
    [
        (None, "127.0.0.1", ("127.0.0.1", "http")),
        ("127.0.0.1", "127.0.0.1", ("203.0.113.9", "https")),
        ("127.0.0.1", "198.51.100.7", ("198.51.100.7", "http")),
        ("10.1.2.3/8", "10.9.9.9", ("203.0.113.9", "https")),
        ("10.1.2.3/8", "11.0.0.1", ("11.0.0.1", "http")),
        ('["::1", "127.0.0.1"]', "::1", ("203.0.113.9", "https")),
    ],
)
@sqlite
def test_forwarded_headers_are_believed_from_trusted_proxies_alone(
    settings: Settings,
    trusted: str | None,
    client: str,
    seen: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[tuple[str, str]] = []

    async def witness(scope: Any, receive: Any, send: Any) -> None:
        found.append((scope["client"][0], scope["scheme"]))

    monkeypatch.setattr(composition, "create_app", lambda *_: witness)
    monkeypatch.setattr(operate, "configure", lambda _: None)
    monkeypatch.setenv("CANDOR_DATA", str(settings.data))
    monkeypatch.setenv("CANDOR_EXTENSIONS", "")
    if trusted is not None:
        monkeypatch.setenv("CANDOR_TRUSTED_PROXIES", trusted)
    headers = [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-proto", b"https")]
    scope = {"type": "http", "client": (client, 5), "scheme": "http", "headers": headers}
    asyncio.run(operate.application()(scope, None, None))
    assert found == [seen]


# --- stopping ---


@sqlite
def test_a_server_finishes_what_is_under_way_and_gives_its_leases_back(settings: Settings) -> None:
    writer = Writer.of(settings)
    body = json.dumps(submission("Sent slowly")).encode()
    with serving(settings) as server:
        headers = writer.headers(server.url)
        publish(server.url, headers, "Before the end")
        until(lambda: found(server.url, "before the end"), server)
        assert holder(settings) is not None
        # A stranger's word does not open the metrics, nor does it pass for this machine's.
        for forwarded in ("203.0.113.9", "127.0.0.1"):
            asked = httpx.get(f"{server.url}/metrics", headers={"X-Forwarded-For": forwarded}, timeout=30)
            assert asked.status_code == 403
        assert httpx.get(f"{server.url}/metrics", timeout=30).status_code == 200

        with socket.create_connection(
            ("127.0.0.1", httpx.URL(server.url).port or 0), timeout=PATIENCE
        ) as slow:
            head = "\r\n".join(
                [
                    "POST /api/v1/records HTTP/1.1",
                    "Host: 127.0.0.1",
                    "Content-Type: application/json",
                    f"Authorization: {headers['Authorization']}",
                    f"Content-Length: {len(body)}",
                    "Connection: close",
                ]
            )
            slow.sendall(head.encode() + b"\r\n\r\n" + body[:20])
            time.sleep(0.5)
            began = time.monotonic()
            server.tell(signal.SIGTERM)
            time.sleep(0.5)
            slow.sendall(body[20:])
            answer = b"".join(iter(lambda: slow.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 201"), (answer, server.log())
        assert server.ended() == 0, server.log()
        assert time.monotonic() - began < 15, server.log()
    assert holder(settings) is None
    assert "Traceback" not in server.log()


@postgresql
def test_two_workers_share_the_work_and_one_that_is_killed_loses_nothing(settings: Settings) -> None:
    writer = Writer.of(settings)
    with serving(settings, "--workers", "2") as server:
        until(lambda: len(processes(server)) == 2, server)
        headers = writer.headers(server.url)
        publish(server.url, headers, "Zebra one")
        until(lambda: found(server.url, "zebra") == 1, server)
        first = holder(settings) or ""
        victim = int(first.split(":")[1])
        workers = {child.pid for child in psutil.Process(server.process.pid).children(recursive=True)}
        assert victim in workers, "one of them holds the lease"

        os.kill(victim, signal.SIGKILL)
        until(lambda: published_somehow(server.url, headers, "Zebra two"), server)
        until(lambda: holder(settings) not in (None, first) and behind(settings) == 0, server)
        until(lambda: found(server.url, "zebra") == 2, server)
        server.tell(signal.SIGTERM)
        assert server.ended() == 0, server.log()
    assert holder(settings) is None


@sqlite
def test_web_processes_end_with_the_one_that_watches_over_them(settings: Settings) -> None:
    with serving(settings) as server:
        until(lambda: holder(settings), server)
        children = psutil.Process(server.process.pid).children(recursive=True)
        server.tell(signal.SIGKILL)
        server.ended()
        _, alive = psutil.wait_procs(children, timeout=PATIENCE)
        for child in alive:
            child.kill()
        assert alive == []
    assert holder(settings) is None, "and give their leases back"


def published_somehow(url: str, headers: dict[str, str], title: str) -> str | None:
    """A client's connection may have been that of the process that died: it asks again."""
    try:
        return publish(url, headers, title)
    except httpx.TransportError:
        return None


def processes(server: Running) -> set[str]:
    """When the processes that answer were started, as each tells for itself."""
    seen: set[str] = set()
    for _ in range(30):
        with httpx.Client(timeout=PATIENCE) as anew:
            text = anew.get(f"{server.url}/metrics").text
        seen |= {line for line in text.splitlines() if line.startswith("candor_started_seconds")}
    return seen


@sqlite
def test_a_worker_follows_the_log_and_stops_when_told(settings: Settings) -> None:
    with candor(settings, "worker") as worker:
        until(lambda: behind(settings) == 0, worker)
        held = holder(settings)
        assert held is not None
        assert int(held.split(":")[1]) == worker.process.pid
        worker.tell(signal.SIGTERM)
        assert worker.ended() == 0, worker.log()
    assert holder(settings) is None
    assert "Traceback" not in worker.log()
