"""Operating a registry: real processes that are started, told to stop and killed, on the loopback alone."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import pytest
from sqlalchemy import inspect, select

from registry import app as composition
from registry import migrate, operate
from registry.actor import Scope
from registry.bundled import folder
from registry.changelog.models import ReaderState
from registry.changelog.tail import head
from registry.db import Database
from registry.errors import Misconfigured
from registry.node import init_node, open_node, ready_embedded
from registry.providers import service as providers
from registry.settings import Settings

CANDOR = Path(sys.executable).with_name("candor")
# Generous, since everything runs beside other tests; nothing waits for it when all is well.
PATIENCE = 120.0
T = TypeVar("T")

sqlite = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
postgresql = pytest.mark.parametrize("settings", ["postgresql"], indirect=True)


# --- a process ---


@dataclass(frozen=True)
class Running:
    """A process of `candor`, and what it wrote."""

    process: "subprocess.Popen[bytes]"
    written: Path
    url: str = ""

    def log(self) -> str:
        return self.written.read_text("utf-8", "replace")

    def tell(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def ended(self) -> int:
        return self.process.wait(PATIENCE)


@contextmanager
def candor(settings: Settings, *words: str, **more: str) -> Iterator[Running]:
    """Run a command of `candor` on a registry; whatever it started is ended afterwards."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")}
    environment |= {"CANDOR_DATA": str(settings.data), "CANDOR_DATABASE_URL": settings.database, **more}
    written = settings.data / f"{words[0]}.log"
    with written.open("ab") as log:
        process = subprocess.Popen(
            [CANDOR, *words],
            cwd=settings.data,
            env=environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        yield Running(process, written)
    finally:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            process.kill()
        process.wait(PATIENCE)


@contextmanager
def serving(settings: Settings, *words: str, **more: str) -> Iterator[Running]:
    """`candor serve` on a free port, once it answers."""
    port = free_port()
    with candor(settings, "serve", "--port", str(port), *words, **more) as running:
        server = Running(running.process, running.written, f"http://127.0.0.1:{port}")
        until(lambda: answers(server), server)
        yield server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(server: Running) -> bool:
    assert server.process.poll() is None, server.log()
    try:
        return httpx.get(f"{server.url}/healthz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def until(wanted: Callable[[], T], running: Running) -> T:
    """Ask until the answer is true. Fails with what the process wrote."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := wanted():
            return found
        time.sleep(0.05)
    raise AssertionError(running.log()[-4000:])


# --- what stands in the database ---


def ask(settings: Settings, question: Callable[[Any], Awaitable[T]]) -> T:
    """Ask a registry's database from outside its processes."""

    async def work() -> T:
        database = Database(settings.database)
        try:
            async with database.read() as session:
                return await question(session)
        finally:
            await database.dispose()

    return asyncio.run(work())


async def _reader(session: Any) -> tuple[str | None, int]:
    state = await session.scalar(select(ReaderState).where(ReaderState.name == "search"))
    return (state.holder, await head(session) - state.position) if state else (None, -1)


def holder(settings: Settings) -> str | None:
    """Who reads the log for the index: `host:pid:…`."""
    return ask(settings, _reader)[0]


def behind(settings: Settings) -> int:
    """How many changes the index is behind; -1 before it has begun."""
    return ask(settings, _reader)[1]


@dataclass(frozen=True)
class Writer:
    """An organisation that publishes over HTTP, from outside."""

    client_id: str
    client_secret: str

    @classmethod
    def of(cls, settings: Settings) -> "Writer":
        async def add() -> Writer:
            async with open_node(settings) as node, node.database.write() as session:
                await providers.add(
                    session, "example-lab", "Example Lab", origin=node.origin, approve=True, by="test"
                )
                scopes = (Scope.RECORDS_WRITE, Scope.RECORDS_PUBLISH)
                made = await providers.add_client(
                    session, "example-lab", scopes, origin=node.origin, by="test"
                )
                return cls(made.client_id, made.client_secret)

        return asyncio.run(add())

    def headers(self, url: str) -> dict[str, str]:
        answer = httpx.post(
            f"{url}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(self.client_id, self.client_secret),
            timeout=PATIENCE,
        )
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def submission(title: str) -> dict[str, Any]:
    return {
        "kind": "lesson",
        "title": title,
        "summary": "What was learnt.",
        "content": {"what_happened": "Something happened."},
    }


def publish(url: str, headers: dict[str, str], title: str) -> str:
    with httpx.Client(base_url=url, headers=headers, timeout=PATIENCE) as client:
        made = client.post("/api/v1/records", json=submission(title))
        assert made.status_code == 201, made.text
        id: str = made.json()["id"]
        done = client.post(
            f"/api/v1/records/{id}/actions/publish", headers={"If-Match": made.headers["etag"]}
        )
        assert done.status_code == 200, done.text
        return id


def found(url: str, words: str) -> int:
    answer = httpx.get(f"{url}/api/v1/search", params={"q": words, "limit": 1}, timeout=PATIENCE)
    return int(answer.json()["total"]) if answer.status_code == 200 else 0


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
