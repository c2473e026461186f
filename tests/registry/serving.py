"""Registries as processes of their own: started, told to stop, killed, and asked from outside."""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
from sqlalchemy import select

from registry.actor import Scope
from registry.changelog.models import ReaderState
from registry.changelog.tail import head
from registry.db import Database
from registry.node import open_node
from registry.providers import service as providers
from registry.settings import Settings
from tests import starter

CANDOR = starter.REAL
# Generous, since everything runs beside other tests; nothing waits for it when all is well.
PATIENCE = 120.0
T = TypeVar("T")


@dataclass(frozen=True)
class Running:
    """A process of `candor`, and what it wrote."""

    process: starter.Started
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
        process = starter.start(words, environment=environment, folder=settings.data, written=log)
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
def serving(settings: Settings, *words: str, port: int | None = None, **more: str) -> Iterator[Running]:
    """`candor serve` on that port or on a free one, once it answers."""
    port = port or free_port()
    with candor(settings, "serve", "--port", str(port), *words, **more) as running:
        server = Running(running.process, running.written, f"http://127.0.0.1:{port}")
        until(lambda: answers(server), server)
        yield server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


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
    def of(cls, settings: Settings, slug: str = "example-lab", *scopes: Scope) -> "Writer":
        """One that writes and publishes, or has the scopes that are given."""
        granted = scopes or (Scope.RECORDS_WRITE, Scope.RECORDS_PUBLISH)

        async def add() -> Writer:
            async with open_node(settings) as node, node.database.write() as session:
                name = slug.replace("-", " ").title()
                await providers.add(session, slug, name, origin=node.origin, approve=True, by="test")
                made = await providers.add_client(session, slug, granted, origin=node.origin, by="test")
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
