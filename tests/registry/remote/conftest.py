"""A registry served on loopback, and a provider who speaks to it by command."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from registry.actor import Scope
from registry.client import Client, Credentials, calls
from registry.db import Database
from registry.extensions import Node
from registry.node import open_node
from registry.providers import service as providers
from registry.settings import Settings
from tests.conftest import ORIGIN
from tests.registry.calling import Call, caller
from tests.registry.serving import serving

T = TypeVar("T")
ALL = (
    Scope.RECORDS_READ,
    Scope.RECORDS_WRITE,
    Scope.RECORDS_REVIEW,
    Scope.RECORDS_PUBLISH,
)


@dataclass(frozen=True)
class Served:
    """A registry: where it answers, and its database for looking in from outside."""

    url: str
    settings: Settings

    def ask(self, question: Callable[[Any], Awaitable[T]]) -> T:
        async def work() -> T:
            database = Database(self.settings.database)
            try:
                async with database.read() as session:
                    return await question(session)
            finally:
                await database.dispose()

        return asyncio.run(work())

    def change(self, work: Callable[[Node, Any], Awaitable[T]]) -> T:
        async def run() -> T:
            async with open_node(self.settings) as node, node.database.write() as session:
                return await work(node, session)

        return asyncio.run(run())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    shutil.copy(_sqlite_template, folder / "candor.sqlite")
    settings = Settings(data=folder, origin=ORIGIN, _env_file=None)
    # Each test logs in anew, all from one address.
    with serving(settings, CANDOR_ORIGIN=ORIGIN, CANDOR_EXTENSIONS="", CANDOR_LIMIT_TOKENS="off") as server:
        yield Served(server.url, settings)


@dataclass(frozen=True)
class Provider:
    """An organisation with a client."""

    slug: str
    credentials: Credentials
    served: Served

    def client(self) -> Client:
        return Client(self.served.url, self.credentials)

    def draft(self, id: str) -> dict[str, Any]:
        with self.client() as client:
            return client.run(calls.draft(id)).document


def joined(served: Served, *scopes: Scope, **more: Any) -> Provider:
    async def work(node: Node, session: Any) -> Provider:
        slug = f"lab-{uuid4().hex[:8]}"
        await providers.add(session, slug, "Example Lab", origin=node.origin, approve=True, by="test", **more)
        made = await providers.add_client(session, slug, scopes or ALL, origin=node.origin, by="test")
        return Provider(slug, Credentials(made.client_id, made.client_secret), served)

    return served.change(work)


@pytest.fixture
def provider(served: Served) -> Provider:
    return joined(served)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the commands keep what they keep: no test sees the account of whoever runs it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CANDOR_DATA", str(tmp_path / "nowhere"))
    return tmp_path / "home"


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path) -> Call:
    """`candor` on a machine that holds no registry and where nobody is logged in."""
    return caller(monkeypatch, capsys)


def log_in(home: Path, provider: Provider) -> None:
    """What `candor login` writes."""
    place = home / "candor"
    place.mkdir(parents=True, exist_ok=True)
    fields = {
        "url": provider.served.url,
        "origin": ORIGIN,
        "client_id": provider.credentials.client_id,
        "client_secret": provider.credentials.client_secret,
        "insecure": False,
    }
    (place / "login.json").write_text(json.dumps(fields))


@pytest.fixture
def candor(outside: Call, home: Path, provider: Provider) -> Call:
    """`candor` logged in as the provider."""
    log_in(home, provider)
    return outside
