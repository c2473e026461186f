"""Opening a registry: its database, its origin, its secret, its vocabulary."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.changelog.append import PUBLIC
from registry.changelog.models import Counter, NodeFact
from registry.counters import Counters
from registry.db import Database
from registry.errors import Misconfigured
from registry.extensions import Extension, Node
from registry.migrate import migrate, newest_revision, present_revision, require_current
from registry.settings import Settings
from registry.taxonomies.keeper import VocabularyKeeper
from registry.taxonomies.service import install_own

ORIGIN, SECRET = "origin", "secret"

log = structlog.get_logger("candor.node")


async def init_node(settings: Settings) -> str:
    """Create or migrate the database, fix the origin, load the vocabularies. Safe to repeat. Returns the
    origin.
    """
    _prepare_folder(settings)
    database = Database(settings.database)
    try:
        if await present_revision(database) != newest_revision():
            await migrate(database)
        async with database.write() as session:
            facts = await _facts(session)
            if ORIGIN not in facts:
                session.add(NodeFact(name=ORIGIN, value=settings.origin or _default_origin(settings)))
            if SECRET not in facts:
                session.add(NodeFact(name=SECRET, value=secrets.token_hex(32)))
            if await session.get(Counter, PUBLIC) is None:
                session.add(Counter(name=PUBLIC, value=0))
            await session.flush()
            origin = (await _facts(session))[ORIGIN]
        same_origin(settings, origin)
        await install_own(database, origin=origin)
        return origin
    finally:
        await database.dispose()


@asynccontextmanager
async def open_node(settings: Settings, extensions: Sequence[Extension] = ()) -> AsyncIterator[Node]:
    """A registry that is ready to use. Raises `Misconfigured`, saying what to run, when it was not
    initialised.
    """
    database = Database(settings.database)
    try:
        node = await load_node(settings, database)
        for extension in extensions:
            if extension.finder is not None:
                node = node.with_finder(extension.finder(node))
        yield node
    finally:
        await database.dispose()


async def load_node(settings: Settings, database: Database) -> Node:
    """What `init` fixed, read back."""
    await require_current(database)
    async with database.read() as session:
        facts = await _facts(session)
    if ORIGIN not in facts or SECRET not in facts:
        raise Misconfigured("The registry was not initialised. Run `candor init`.")
    same_origin(settings, facts[ORIGIN])
    url = settings.limits_url.get_secret_value() if settings.limits_url else None
    return Node(
        settings,
        database,
        facts[ORIGIN],
        bytes.fromhex(facts[SECRET]),
        VocabularyKeeper(database),
        counters=Counters(url),
    )


async def ready_embedded(settings: Settings) -> None:
    """Let the embedded default start by itself: create or migrate it. A production database is left alone."""
    if not settings.embedded:
        return
    _prepare_folder(settings)
    database = Database(settings.database)
    try:
        present = await present_revision(database)
    finally:
        await database.dispose()
    await init_node(settings)
    if present is None:
        log.info("registry created", database=str(settings.data))


def _prepare_folder(settings: Settings) -> None:
    # Drafts and secrets lie in it: nobody else on the machine has any business there.
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)


def _default_origin(settings: Settings) -> str:
    return f"{urlsplit(settings.url).netloc.lower()}/log"


def same_origin(settings: Settings, origin: str) -> None:
    """Raises `Misconfigured` when the settings name another origin than the registry's own."""
    if settings.origin is not None and settings.origin != origin:
        raise Misconfigured(
            f"CANDOR_ORIGIN is {settings.origin!r}, but this registry was initialised as {origin!r}. "
            "An origin is frozen, since every proof names it; set it back, or start a new registry."
        )


async def _facts(session: AsyncSession) -> dict[str, str]:
    rows = await session.execute(select(NodeFact.name, NodeFact.value))
    return dict(rows.all())
