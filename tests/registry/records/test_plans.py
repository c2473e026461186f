"""How SQLite finds what public reads ask for: through an index, however many records there are.

It knows no statistics here, as in a registry that nobody analysed, so its plans are the same in an empty
database and in a large one.
"""

import re
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import event

from registry.db import Database
from registry.extensions import Extension, Node
from registry.records import queries
from search import extension as search
from tests.conftest import Join, Publish

# The end of a primary key is no walk; the others are small whatever happens.
_FINE = re.compile(r"SCAN (changelog|provider|reader|node|alembic_version|taxonomy|\d+ CONSTANT ROWS?)\b.*")

# PostgreSQL plans by statistics, which a test has none of.
pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)

Asked = list[tuple[str, tuple[object, ...]]]


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (search,)


@pytest.fixture
def asked(node: Node) -> Iterator[Asked]:
    """What is asked of the database."""
    seen: Asked = []

    def note(_: object, __: object, statement: str, parameters: tuple[object, ...], *more: object) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, parameters))

    engine = node.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


async def _plans(database: Database, asked: Asked) -> list[str]:
    steps = []
    async with database.engine.connect() as connection:
        for statement, parameters in list(asked):
            rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps += [str(row["detail"]) for row in rows.mappings()]
    return steps


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/records/{id}",
        "/api/v1/records/{id}/versions",
        "/api/v1/records/{id}/versions/1",
        "/api/v1/records/{id}/responses",
        "/api/v1/records?limit=20",
        "/api/v1/records?kind=lesson&cursor=MTo5",
        "/api/v1/records?tag=misuse:fraud",
        "/api/v1/records?since=2020-01-01",
        "/api/v1/changes?after=0",
        "/api/v1/stats",
        "/feeds/all.atom",
        "/feeds/lesson.rss?imported=true",
        "/feeds/provider/example-lab.json",
        "/feeds/record/{id}.atom",
    ],
)
async def test_no_public_read_walks_a_table(
    client: httpx.AsyncClient, node: Node, join: Join, publish: Publish, asked: Asked, path: str
) -> None:
    document = await publish(await join(), tags=["misuse:fraud"])
    asked.clear()
    answer = await client.get(path.format(id=document["id"]))
    assert answer.status_code == 200, answer.text
    plans = await _plans(node.database, asked)
    assert plans
    assert [step for step in plans if step.startswith("SCAN") and not _FINE.fullmatch(step)] == []
    if "{id}" in path:
        assert [step for step in plans if step.endswith("(listed=?)")] == []


async def test_records_asked_for_by_key_are_looked_up(node: Node, asked: Asked) -> None:
    async with node.database.read() as session:
        await queries.documents(session, [("a/log", "CIR-1"), ("a/log", "CIR-2"), ("b/log", "CIR-1")])
    plans = await _plans(node.database, asked)
    assert any(re.search(r"sqlite_autoindex_record_\d \(id=", step) for step in plans)
    assert [step for step in plans if step.startswith("SCAN") or step.endswith("(listed=?)")] == []


async def test_withdrawals_are_looked_for_past_a_position_alone(node: Node, asked: Asked) -> None:
    from search.queries import gone_since

    async with node.database.read() as session:
        await gone_since(session, 7)
    assert any("public_seq>?" in step for step in await _plans(node.database, asked))
