"""Backup and restore: from either database into either, while serving, and never half."""

import asyncio
import gzip
import io
import json
import os
import stat
import tarfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import MetaData, inspect, select
from sqlalchemy.ext.asyncio import AsyncEngine

from registry.app import create_app
from registry.backups import backup, restore
from registry.db import Database
from registry.errors import Conflict, Malformed, Misconfigured
from registry.extensions import Node
from registry.migrate import newest_revision
from registry.node import open_node
from registry.settings import Settings
from search.finder import SearchFinder
from search.indexer import IndexReader
from search.open import open_engine
from search.request import parse
from tests.conftest import Join, Publish, running

LESSON = {
    "kind": "lesson",
    "title": "A draft",
    "summary": "Not for others.",
    "content": {"what_happened": "Much."},
}
Rows = dict[str, list[tuple[Any, ...]]]

# The file is the same whichever database it was made from; `test_everything_comes_back` crosses both.
sqlite = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


@pytest.fixture
def elsewhere(empty_database: Database, tmp_path: Path) -> Settings:
    """The settings of a registry that is not there yet, on either database."""
    url: Any = empty_database.url.render_as_string(hide_password=False)
    return Settings(data=tmp_path / "elsewhere", database_url=url, _env_file=None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "candor-backup.tar.gz"


async def rows_of(engine: AsyncEngine) -> Rows:
    """Everything that a database holds, table by table, in an order of its own."""
    metadata = MetaData()
    async with engine.connect() as connection:
        await connection.run_sync(metadata.reflect)
        return {
            table.name: sorted(
                tuple(str(_plain(value)) for value in row) for row in await connection.execute(select(table))
            )
            for table in metadata.sorted_tables
        }


def _plain(value: Any) -> Any:
    """SQLite gives times without a zone, and PostgreSQL fields in an order of its own."""
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True)
    return value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value


async def is_empty(settings: Settings) -> bool:
    database = Database(settings.database)
    try:
        async with database.engine.connect() as connection:
            return not await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    finally:
        await database.dispose()


async def contents(settings: Settings) -> Rows:
    database = Database(settings.database)
    try:
        return await rows_of(database.engine)
    finally:
        await database.dispose()


@pytest.fixture
async def opened(elsewhere: Settings) -> AsyncIterator[Callable[[], Any]]:
    """Opens what was restored, and closes it."""
    stack: list[Any] = []

    async def open_it() -> Node:
        context = open_node(elsewhere)
        stack.append(context)
        return await context.__aenter__()

    yield open_it
    for context in stack:
        await context.__aexit__(None, None, None)


# --- what comes back ---


async def test_everything_comes_back_on_either_database(
    settings: Settings,
    elsewhere: Settings,
    file: Path,
    client: httpx.AsyncClient,
    join: Join,
    publish: Publish,
    opened: Callable[[], Any],
) -> None:
    member = await join()
    record = await publish(member, title="Kept — for ever ✓", tags=["misuse:fraud"])
    draft = await client.post("/api/v1/records", json=LESSON, headers=member.headers)
    assert draft.status_code == 201
    made = await backup(settings, file)
    told = await restore(elsewhere, file)
    assert told == made
    assert told["revision"] == newest_revision()
    assert await contents(elsewhere) == await contents(settings)

    node = await opened()
    async with running(create_app(node, run_readers=False)) as there:
        here = await client.get(f"/api/v1/records/{record['id']}")
        again = await there.get(f"/api/v1/records/{record['id']}")
        assert (again.content, again.headers["etag"]) == (here.content, here.headers["etag"])
        # Tokens and numbering go on where they were.
        new = await there.post("/api/v1/records", json=LESSON, headers=member.headers)
        assert new.status_code == 201
        changes = (await there.get("/api/v1/changes")).json()
        assert (changes["head"], [item["seq"] for item in changes["items"]]) == (1, [1])


async def test_a_backup_is_of_one_moment_while_others_write(
    settings: Settings,
    elsewhere: Settings,
    file: Path,
    join: Join,
    publish: Publish,
    opened: Callable[[], Any],
) -> None:
    member = await join()
    going, stop = asyncio.Event(), asyncio.Event()
    written: list[str] = []

    async def write() -> None:
        while not stop.is_set():
            written.append((await publish(member, title=f"Number {len(written)}"))["id"])
            if len(written) == 2:
                going.set()

    writer = asyncio.create_task(write())
    await asyncio.wait_for(going.wait(), 60)
    before = len(written)
    await backup(settings, file)
    assert not writer.done(), "writers go on"
    stop.set()
    await writer
    await restore(elsewhere, file)

    node = await opened()
    async with running(create_app(node, run_readers=False)) as there:
        changes = (await there.get("/api/v1/changes", params={"limit": 1000})).json()
        saved = [item["id"] for item in changes["items"]]
        assert [item["seq"] for item in changes["items"]] == list(range(1, changes["head"] + 1))
        assert before <= len(saved) <= len(written)
        assert saved == written[: len(saved)], "nothing is missing in between"
        listed = (await there.get("/api/v1/records", params={"limit": 100})).json()["items"]
        assert [item["id"] for item in listed] == saved[::-1][:100]


@sqlite
async def test_the_index_is_built_anew_from_it(
    settings: Settings,
    elsewhere: Settings,
    file: Path,
    join: Join,
    publish: Publish,
    opened: Callable[[], Any],
) -> None:
    record = await publish(await join(), title="Voice clones in calls to a bank")
    await backup(settings, file)
    await restore(elsewhere, file)
    node = await opened()
    engine = open_engine(node.settings)
    await IndexReader(node, engine).rebuild()
    answer = await SearchFinder(node, engine).search(parse({"q": ["voice clone"]}))
    assert [hit.id for hit in answer.hits] == [record["id"]]


@sqlite
async def test_leases_of_the_old_place_are_not_kept(
    settings: Settings, elsewhere: Settings, file: Path
) -> None:
    database = Database(settings.database)
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO reader (name, position, holder, lease_until) "
            "VALUES ('search', 7, 'elsewhere:1:aa', '2999-01-01 00:00:00')"
        )
    await database.dispose()
    await backup(settings, file)
    await restore(elsewhere, file)
    [reader] = (await contents(elsewhere))["reader"]
    assert reader[:4] == ("search", "7", "None", "None")


# --- the file ---


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def beside(file: Path) -> list[str]:
    """Every file of a backup in its folder, finished or not."""
    return [path.name for path in file.parent.iterdir() if "backup" in path.name]


def spoil(file: Path, change: Callable[[bytes], bytes]) -> None:
    file.write_bytes(change(file.read_bytes() if file.exists() else b""))


def turned_over(data: bytes, at: int) -> bytes:
    """The data with eight bytes inverted."""
    return data[:at] + bytes(byte ^ 0xFF for byte in data[at : at + 8]) + data[at + 8 :]


@sqlite
async def test_the_file_is_for_its_owner_alone(settings: Settings, file: Path) -> None:
    before = os.umask(0)
    try:
        await backup(settings, file)
    finally:
        os.umask(before)
    assert mode(file) == 0o600
    assert beside(file) == [file.name], "nothing is left over"


@sqlite
async def test_a_place_that_is_not_there_is_told(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="nowhere"):
        await backup(settings, tmp_path / "nowhere" / "backup.tar.gz")


async def test_there_is_nothing_to_save_in_an_empty_database(elsewhere: Settings, file: Path) -> None:
    with pytest.raises(Misconfigured, match="empty"):
        await backup(elsewhere, file)
    assert beside(file) == []


# --- what is refused ---


async def test_a_database_that_is_not_empty_is_left_as_it_is(
    settings: Settings, file: Path, join: Join, publish: Publish
) -> None:
    await backup(settings, file)
    await publish(await join())
    before = await contents(settings)
    with pytest.raises(Conflict, match="empty"):
        await restore(settings, file)
    assert await contents(settings) == before


@sqlite
async def test_the_backup_of_another_registry_is_refused(
    settings: Settings, elsewhere: Settings, file: Path
) -> None:
    await backup(settings, file)
    other = elsewhere.model_copy(update={"origin": "another.example/log"})
    with pytest.raises(Misconfigured, match=r"another\.example"):
        await restore(other, file)
    assert await is_empty(elsewhere)


def repacked(file: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Write the archive anew, with its files as `change` leaves them."""
    with tarfile.open(file, "r:gz") as archive:
        members = {item.name: (archive.extractfile(item) or io.BytesIO()).read() for item in archive}
    change(members)
    with tarfile.open(file, "w:gz") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


def _manifest(**changed: Any) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        members["manifest.json"] = json.dumps({**json.loads(members["manifest.json"]), **changed}).encode()

    return change


def _half_a_row(members: dict[str, bytes]) -> None:
    members["taxonomy.jsonl"] = members["taxonomy.jsonl"][:-40]


def _a_row_less(members: dict[str, bytes]) -> None:
    members["changelog.jsonl"] = members["changelog.jsonl"].split(b"\n", 1)[1]


def _another_value(members: dict[str, bytes]) -> None:
    assert b"registry.example" in members["node.jsonl"]
    members["node.jsonl"] = members["node.jsonl"].replace(b"registry.example", b"registry.exbmple")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda members: members.pop("manifest.json"), id="no manifest"),
        pytest.param(lambda members: members.update({"manifest.json": b"{"}), id="half a manifest"),
        pytest.param(lambda members: members.update({"manifest.json": b"[]"}), id="another manifest"),
        pytest.param(_manifest(revision="9999"), id="a newer revision"),
        pytest.param(_manifest(revision="head"), id="a word for a revision"),
        pytest.param(_manifest(software="other"), id="another program"),
        pytest.param(_manifest(tables={}), id="no tables"),
        pytest.param(lambda members: members.pop("record.jsonl"), id="a table missing"),
        pytest.param(_half_a_row, id="half a row"),
        pytest.param(_a_row_less, id="a row less"),
        pytest.param(_another_value, id="another value"),
    ],
)
@sqlite
async def test_an_archive_that_was_changed_is_refused_and_nothing_is_written(
    change: Callable[[dict[str, bytes]], None], settings: Settings, elsewhere: Settings, file: Path
) -> None:
    await backup(settings, file)
    repacked(file, change)
    with pytest.raises(Malformed):
        await restore(elsewhere, file)
    assert await is_empty(elsewhere)


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("part", [0.0, 0.001, 0.3, 0.7, 0.99])
@sqlite
async def test_a_file_that_breaks_off_is_refused_and_nothing_is_written(
    part: float, settings: Settings, elsewhere: Settings, file: Path
) -> None:
    await backup(settings, file)
    spoil(file, lambda data: data[: int(len(data) * part)])
    with pytest.raises(Malformed, match="not a whole backup"):
        await restore(elsewhere, file)
    assert await is_empty(elsewhere)


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("place", [0.0005, 0.1, 0.5, 0.9])
@sqlite
async def test_a_damaged_file_is_refused_and_nothing_is_written(
    place: float, settings: Settings, elsewhere: Settings, file: Path
) -> None:
    await backup(settings, file)
    spoil(file, lambda data: turned_over(data, int(len(data) * place)))
    with pytest.raises(Malformed):
        await restore(elsewhere, file)
    assert await is_empty(elsewhere)


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "data",
    [b"", b"not an archive", gzip.compress(b"no tar", mtime=0), b"\x1f\x8b"],
    ids=["empty", "text", "no-tar", "half-header"],
)
async def test_what_is_no_archive_is_refused(data: bytes, elsewhere: Settings, file: Path) -> None:
    spoil(file, lambda _: data)
    with pytest.raises(Malformed):
        await restore(elsewhere, file)
    assert await is_empty(elsewhere)
