"""An erasure leaves nothing of the record in any file: of the registry, or of its database."""

import asyncio
import json
import secrets
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from registry.app import Application
from registry.changelog.models import ReaderState
from registry.db import Base, Database
from registry.errors import Unavailable
from registry.extensions import Extension, Node
from registry.records import rewriting
from registry.records.models import Version
from registry.transparency.keys import prepare
from search import extension
from search.embedded import store
from tests.conftest import Join, Member, Publish, _resolved
from tests.leaks.files import held
from tests.registry.records.acting import act, lesson, put

SCOPES = "records:read records:write records:review records:publish"
# What no erasure deletes from. Whoever adds a table decides where it belongs.
WITHOUT_CONTENT = frozenset(
    """
    activity_place alarm anomaly application assertion audit campaign client client_key client_secret counter
    draft_quota group_member hour_count identity known_network link log log_entry log_file membership node
    notice notice_answer peer person provider provider_key reader responses_seen same_as session sharing_group
    saved_search set_aside taxonomy token visit witnessed_head
    """.split()  # noqa: SIM905
)


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (extension,)


@pytest.fixture
def node(node: Node, monkeypatch: pytest.MonkeyPatch) -> Node:
    monkeypatch.setattr(store, "KEEP_SECONDS", 0)
    monkeypatch.setattr("search.indexer.IDLE_SECONDS", 0)
    prepare(node.settings, node.origin)
    return node


FOUND = ("second title", "second part", "draft title", "evidence")


class Words:
    """Words that nobody could guess, each under the name of the field that it was put in."""

    def __init__(self) -> None:
        self.all: dict[str, str] = {}

    def __call__(self, field: str) -> str:
        # None that stands in a digest by chance.
        return self.all.setdefault(field, "".join(secrets.choice("ghjkmnpqrstvwxyz") for _ in range(24)))

    def of(self, *fields: str) -> list[str]:
        return [self.all[field] for field in fields]

    def named(self, found: dict[str, set[str]]) -> dict[str, set[str]]:
        fields = {word: field for field, word in self.all.items()}
        return {fields[word]: files for word, files in found.items()}


def full(words: Words, sort: str) -> dict[str, Any]:
    """A submission with a word in every place that takes one."""

    def word(field: str) -> str:
        return f"Ä {words(f'{sort} {field}')} ß"

    return lesson(
        title=word("title"),
        summary=f"{word('summary')}. Write to {words(f'{sort} address')}@lab.example.",
        references=[f"https://lab.example/{words(f'{sort} reference')}"],
        content={
            "what_happened": word("text") + " and more" * 400,
            "recommendations": [word("recommendation")],
        },
        restricted=[
            {
                "id": "method",
                "tlp": "RED",
                "people": [f"{words(f'{sort} person')}@example.org"],
                "content": {"summary": word("part")},
            }
        ],
    )


async def fill(client: httpx.AsyncClient, node: Node, lab: Member, words: Words) -> tuple[str, str]:
    """A record with two versions, restricted parts, a file and a draft; answers its id and its ETag."""
    headers = {**lab.headers, "Idempotency-Key": secrets.token_hex(8)}
    made = await client.post("/api/v1/records", json=full(words, "first"), headers=headers)
    assert made.status_code == 201, made.text
    id = made.json()["id"]
    etag = await _published(client, node, lab, id, made.headers["etag"])
    note = {"type": "correction", "note": words("note")}
    begun = await put(client, lab, id, full(words, "second") | {"revision": note}, etag)
    assert begun.status_code == 200, begun.text
    etag = await _published(client, node, lab, id, begun.headers["etag"])
    begun = await put(client, lab, id, full(words, "draft") | {"revision": note}, etag)
    assert begun.status_code == 200, begun.text
    file = await client.post(
        f"/api/v1/records/{id}/evidence?name={words('file')}.txt",
        content=f"Seen: {words('evidence')}.".encode() * 300,
        headers={**lab.headers, "Content-Type": "text/plain"},
    )
    assert file.status_code == 201, file.text
    return id, etag


async def _published(client: httpx.AsyncClient, node: Node, lab: Member, id: str, etag: str) -> str:
    done = await act(client, lab, id, "publish", etag)
    if done.status_code == 422 and "screening-" in done.text:
        done = await act(client, lab, id, "publish", await _resolved(node, id))
    assert done.status_code == 200, done.text
    return done.headers["etag"]


def the_files(node: Node, database_files: Path | None) -> list[Path]:
    folders = [node.settings.data, *([database_files] if database_files else ())]
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


async def database_folder(database: Database) -> Path | None:
    """Where PostgreSQL keeps the files of this database; its write-ahead log lies elsewhere."""
    if database.is_sqlite:
        return None
    async with database.read() as session:
        data = await session.scalar(text("SELECT current_setting('data_directory')"))
        version = await session.scalar(text("SELECT pg_relation_filepath('version')"))
    return (Path(str(data)) / str(version)).parent


async def told(database: Database, statement: str) -> None:
    engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(statement))


async def settle(app: Application) -> None:
    """Let every reader catch up, and the index be built anew."""
    until = time.monotonic() + 90
    for tail in app.tails:
        while True:
            try:
                await tail.catch_up()
                break
            except Unavailable:  # somebody else had the table: as in life, it tries again
                assert time.monotonic() < until, tail.reader.name
    reader: Any = next(tail.reader for tail in app.tails if tail.reader.name == "search")
    while time.monotonic() < until:
        await reader.position()
        folders = [path for path in reader.engine.store.folder.iterdir() if path.is_dir()]
        if reader._rebuilding is None and reader._written is None and len(folders) == 1:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the index was not built anew")


async def test_no_file_holds_anything_of_an_erased_record(
    client: httpx.AsyncClient, app: Application, node: Node, join: Join, publish: Publish
) -> None:
    lab = await join("lab", scopes=SCOPES)
    steward = await join("house", scopes="registry:steward records:read")
    words = Words()
    # Its neighbour has no draft and no files: their tables will be empty.
    stays = (await publish(lab, title=words("neighbour")))["id"]
    id, etag = await fill(client, node, lab, words)
    await settle(app)
    folder = await database_folder(node.database)
    if folder is not None:
        # Statistics are samples of what stands in tables.
        await told(node.database, "ANALYZE")
        await told(node.database, "CHECKPOINT")
    there = words.named(held(the_files(node, folder), words.of(*FOUND)))
    assert set(there) == set(FOUND)
    assert any(name.endswith(".store") for name in there["second title"])

    done = await act(client, steward, id, "erase", etag, {"code": "safety", "reason": "It named a victim."})
    assert done.status_code == 200, done.text
    await settle(app)
    if folder is not None:
        await told(node.database, "CHECKPOINT")
    files = the_files(node, folder)
    assert set(words.named(held(files, words.all.values()))) == {"neighbour"}
    _only_what_is_live(node.settings.index_folder)
    answer = await client.get(f"/api/v1/records/{id}")
    assert (answer.status_code, answer.json()["erase_index"]) == (410, 4)
    assert (await client.get(f"/api/v1/records/{stays}")).status_code == 200


def _only_what_is_live(index: Path) -> None:
    """Words of an index stand in automata, which nobody finds by looking at bytes: so no file of it may be
    older than the erasure, or have room for documents that were taken out.
    """
    (serving,) = (path for path in index.iterdir() if path.is_dir())
    # The only document that is ever replaced says how far the index has read.
    for folder, replaced in ((serving, 1), (serving / "past", 0)):
        meta = json.loads((folder / "meta.json").read_text())
        listed = {segment["segment_id"].replace("-", "") for segment in meta["segments"]}
        of_segments = {path.name.partition(".")[0] for path in folder.iterdir() if path.is_file()}
        assert of_segments - {"meta", ""} == listed
        assert all(
            segment["deletes"] is None or segment["deletes"]["num_deleted_docs"] <= replaced
            for segment in meta["segments"]
        )


def test_every_table_is_known_to_hold_content_or_not() -> None:
    unknown = set(Base.metadata.tables) - set(rewriting.CONTENT) - WITHOUT_CONTENT
    assert unknown == set(), (
        "say in rewriting.CONTENT that an erasure deletes from it, or here that it does not"
    )
    assert not set(rewriting.CONTENT) & WITHOUT_CONTENT


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
async def test_a_table_in_use_is_rewritten_later(
    client: httpx.AsyncClient, app: Application, node: Node, join: Join, publish: Publish
) -> None:
    """Somebody's long transaction delays it, is not delayed by it, and the operator sees why."""
    lab = await join("lab")
    steward = await join("house", scopes="registry:steward records:read")
    id = (await publish(lab))["id"]
    etag = (await client.get(f"/api/v1/records/{id}")).headers["etag"]
    await act(client, steward, id, "erase", etag, {"code": "safety", "reason": "It named a victim."})
    tail = next(tail for tail in app.tails if tail.reader.name == rewriting.NAME)
    async with node.database.read() as session:
        await session.execute(text("LOCK TABLE version IN ACCESS SHARE MODE"))
        with pytest.raises(Unavailable, match="The table version was in use"):
            await tail.catch_up()
        await session.execute(select(Version.pk))  # it goes on as it was
    before = await _position(node.database)
    await tail.catch_up()
    assert await _position(node.database) > before
    await tail.give_up()


async def _position(database: Database) -> int:
    async with database.read() as session:
        query = select(ReaderState.position).where(ReaderState.name == rewriting.NAME)
        return await session.scalar(query) or 0
