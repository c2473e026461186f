"""Opening a registry: what `init` fixes for good, and what it takes to start."""

import stat
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from registry.changelog.append import public_head
from registry.changelog.models import NodeFact
from registry.db import Database
from registry.errors import Misconfigured
from registry.node import init_node, load_node, open_node, ready_embedded
from registry.settings import Settings


@pytest.fixture
def fresh(empty_database: Database, tmp_path: Path) -> Settings:
    """Settings of a registry that is not there yet."""
    url = empty_database.url.render_as_string(hide_password=False)
    return settings_of(tmp_path / "data", database_url=url)


def settings_of(data: Path, **more: object) -> Settings:
    return Settings(data=data, _env_file=None, **more)  # type: ignore[arg-type]


async def facts(settings: Settings) -> dict[str, str]:
    database = Database(settings.database)
    try:
        async with database.read() as session:
            return {fact.name: fact.value for fact in await session.scalars(select(NodeFact))}
    finally:
        await database.dispose()


async def test_init_makes_a_registry_that_opens(fresh: Settings) -> None:
    origin = await init_node(fresh)
    assert origin == "127.0.0.1:8000/log"
    async with open_node(fresh) as node, node.database.read() as session:
        assert node.origin == origin
        assert len(node.secret) == 32
        assert await public_head(session) == 0
        assert (await node.vocabulary.current()).known("misuse:fraud")


async def test_init_is_safe_to_repeat_and_fixes_origin_and_secret(fresh: Settings) -> None:
    await init_node(fresh)
    before = await facts(fresh)
    moved = fresh.model_copy(update={"base_url": "https://elsewhere.example"})
    assert await init_node(moved) == "127.0.0.1:8000/log"
    assert await facts(fresh) == before


async def test_an_origin_is_frozen(fresh: Settings) -> None:
    named = fresh.model_copy(update={"origin": "registry.example/log"})
    assert await init_node(named) == "registry.example/log"
    assert await init_node(fresh) == "registry.example/log", "unset, it is what it was"
    other = fresh.model_copy(update={"origin": "other.example/log"})
    for attempt in (init_node(other), enter(other)):
        with pytest.raises(Misconfigured, match=r"other\.example.*registry\.example.*frozen"):
            await attempt


async def enter(settings: Settings) -> None:
    async with open_node(settings):
        pass


async def test_a_registry_that_was_not_initialised_is_told_what_to_run(fresh: Settings) -> None:
    with pytest.raises(Misconfigured, match="candor init"):
        await enter(fresh)


async def test_tables_alone_make_no_registry(settings: Settings, database: Database) -> None:
    async with database.write() as session:
        await session.execute(delete(NodeFact))
    with pytest.raises(Misconfigured, match="candor init"):
        await load_node(settings, database)


async def test_the_embedded_default_begins_by_itself_and_for_its_owner_alone(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "var")
    await ready_embedded(settings)
    await enter(settings)
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700
    before = await facts(settings)
    await ready_embedded(settings)
    assert await facts(settings) == before


async def test_a_production_database_does_not_begin_by_itself(fresh: Settings) -> None:
    await ready_embedded(fresh)
    if fresh.embedded:
        await enter(fresh)
        return
    with pytest.raises(Misconfigured, match="candor init"):
        await enter(fresh)


async def test_the_secret_does_not_show(fresh: Settings) -> None:
    await init_node(fresh)
    async with open_node(fresh) as node:
        assert node.secret.hex() not in repr(node)
