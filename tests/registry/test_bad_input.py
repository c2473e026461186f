"""Bad input, item by item: each gets a clear answer, and nothing of it is stored, on either database."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, literal, select, union_all

from registry.canonical import MAX_DEPTH, MAX_DOCUMENT_BYTES
from registry.db import Base, Database
from registry.settings import Settings
from tests.conftest import Join, Member, Publish
from tests.registry.calling import Call, Called, caller, point_at

INCIDENT: dict[str, Any] = {
    "kind": "incident",
    "title": "An incident",
    "summary": "What happened.",
    "content": {"nature": ["misuse"], "times": {"detected": "2026-03"}},
}
JSON = {"Content-Type": "application/json"}
FIFTY_MEGABYTES = 50 * 1024 * 1024


async def rows(database: Database) -> dict[str, int]:
    """How many rows each table holds."""
    counts = [
        select(literal(table.name), func.count()).select_from(table)
        for table in Base.metadata.sorted_tables
        if table.name != "audit"  # that an import was run is noted, whatever came of it
    ]
    async with database.engine.connect() as connection:
        return {row[0]: row[1] for row in await connection.execute(union_all(*counts))}


@asynccontextmanager
async def nothing_stored(database: Database) -> AsyncIterator[None]:
    before = await rows(database)
    yield
    assert await rows(database) == before


Refused = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
async def member(join: Join) -> Member:
    return await join()


@pytest.fixture
async def refused(client: httpx.AsyncClient, database: Database, member: Member, publish: Publish) -> Refused:
    """Sends a body wherever one may be sent, and holds the answers to what every refusal is."""
    record = await publish(member)
    draft = f"/api/v1/records/{record['id']}/draft"
    etag = (await client.get(draft, headers=member.headers)).headers["etag"]

    async def send(body: bytes | str | Any, status: int, **headers: str) -> list[dict[str, Any]]:
        if not isinstance(body, bytes | str):
            body = json.dumps(body)
        findings: list[dict[str, Any]] = []
        async with nothing_stored(database):
            for method, path in (("POST", "/api/v1/records"), ("PUT", draft)):
                answer = await client.request(
                    method,
                    path,
                    content=body,
                    headers={**JSON, **member.headers, "If-Match": etag, **headers},
                )
                findings = problem(answer, status)
            await as_validation(client, body, status, findings, headers)
        return findings

    return send


def problem(answer: httpx.Response, status: int) -> list[dict[str, Any]]:
    """The findings of a problem document that is one (RFC 9457), and says what is wrong."""
    assert answer.status_code == status, answer.text[:1000]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:candor:problem:")
    assert body["title"]
    assert body["detail"]
    assert body["instance"]
    findings: list[dict[str, Any]] = body.get("findings", [])
    assert all(item["code"] and item["message"] and "pointer" in item for item in findings)
    return findings


async def as_validation(
    client: httpx.AsyncClient,
    body: bytes | str,
    status: int,
    findings: list[dict[str, Any]],
    headers: dict[str, str],
) -> None:
    """What can be read is validated with the same findings; what cannot is refused there too."""
    answer = await client.post("/api/v1/validate", content=body, headers={**JSON, **headers})
    if status == 422:
        assert answer.status_code == 200
        errors = [item for item in answer.json()["findings"] if item["severity"] == "error"]
        assert {(item["code"], item["pointer"]) for item in errors} >= {
            (item["code"], item["pointer"]) for item in findings if item["severity"] == "error"
        }
    else:
        problem(answer, status)


def codes(findings: list[dict[str, Any]], code: str) -> dict[str, dict[str, Any]]:
    """The findings of one code, by pointer."""
    return {item["pointer"]: item for item in findings if item["code"] == code}


# --- bytes that are no text, and text that is no JSON ---


async def test_wrong_encodings(refused: Refused, client: httpx.AsyncClient) -> None:
    text = json.dumps({**INCIDENT, "title": "Fälschung"}, ensure_ascii=False)
    for encoding in ("latin-1", "cp1252", "utf-16", "utf-16-le", "utf-32"):
        await refused(text.encode(encoding), 400)
    await refused(b'{"title": "\xed\xa0\x80"}', 400)  # a surrogate, as CESU-8 writes it
    await refused(b'{"title": "\xc0\xaf"}', 400)  # an overlong slash
    await refused(b"\x1f\x8b\x08\x00", 415, **{"Content-Encoding": "gzip"})
    await refused(b"kind: incident", 415, **{"Content-Type": "application/yaml"})
    answer = await client.post("/api/v1/validate", content=text.encode("latin-1"), headers=JSON)
    assert "0xE4" in answer.json()["detail"], "the byte is named"


async def test_half_written_json(refused: Refused) -> None:
    whole = json.dumps(INCIDENT)
    for end in (1, len(whole) // 2, len(whole) - 1):
        await refused(whole[:end], 400)
    for text in ("", " ", "{}{}", "{'kind': 'incident'}", '{"kind": incident}', '{"a": 1,}', "// x\n{}"):
        await refused(text, 400)


async def test_duplicate_keys(refused: Refused, client: httpx.AsyncClient) -> None:
    text = '{"kind": "incident", "title": "One", "title": "Two", "content": {}}'
    await refused(text, 400)
    await refused('{"kind": "incident", "content": {"times": {"detected": "2026", "detected": "2025"}}}', 400)
    assert "'title'" in (await client.post("/api/v1/validate", content=text, headers=JSON)).json()["detail"]


async def test_deep_nesting(refused: Refused) -> None:
    deep: Any = "x"
    for _ in range(MAX_DEPTH + 1):
        deep = [deep]
    findings = await refused({**INCIDENT, "content": {"x": deep}}, 400)
    assert codes(findings, "too-deep")
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        await refused(opening * 100_000 + "1" + closing * 100_000, 400)
        await refused(opening * 100_000, 400)


async def test_numbers_that_programs_read_differently(refused: Refused) -> None:
    for number in ("NaN", "Infinity", "-Infinity", "1e400", "9007199254740993", "1" * 5000):
        await refused(f'{{"kind": "incident", "title": "x", "content": {{"x": {number}}}}}', 400)


async def test_control_characters(refused: Refused) -> None:
    for character in ("\\u0000", "\\u001b[31m", "\\u007f", "\\u0085", "\\u202e", "\\uffff", "\\ud800"):
        findings = await refused(f'{{"kind": "incident", "title": "a{character}"}}', 400)
        assert codes(findings, "control-character").keys() == {"/title"}, character
    findings = await refused('{"kind": "incident", "ti\\u0007tle": "x"}', 400)
    assert codes(findings, "control-character")
    await refused(b'{"title": "a raw \x00 one"}', 400)


# --- fifty megabytes ---


async def test_fifty_megabytes_that_are_announced(
    client: httpx.AsyncClient, database: Database, member: Member
) -> None:
    body = b'{"kind": "incident", "title": "' + b"x" * FIFTY_MEGABYTES + b'"}'
    async with nothing_stored(database):
        for path in ("/api/v1/records", "/api/v1/validate"):
            began = time.monotonic()
            problem(await client.post(path, content=body, headers={**JSON, **member.headers}), 413)
            assert time.monotonic() - began < 10
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        problem(await client.post("/oauth/token", content=body, headers=form), 413)


async def test_fifty_megabytes_that_are_not_announced(
    client: httpx.AsyncClient, database: Database, member: Member
) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        chunk = b"x" * 65536
        for _ in range(FIFTY_MEGABYTES // len(chunk)):
            sent += len(chunk)
            yield chunk

    async with nothing_stored(database):
        for path in ("/api/v1/records", "/api/v1/validate"):
            sent = 0
            answer = await client.post(path, content=chunks(), headers={**JSON, **member.headers})
            problem(answer, 413)
            assert sent <= 2 * MAX_DOCUMENT_BYTES, "the rest is not read"


async def test_a_document_at_the_limit_is_read(client: httpx.AsyncClient) -> None:
    text = json.dumps(INCIDENT)
    padded = text + " " * (MAX_DOCUMENT_BYTES - len(text))
    assert (await client.post("/api/v1/validate", content=padded, headers=JSON)).status_code == 200
    problem(await client.post("/api/v1/validate", content=padded + " ", headers=JSON), 413)


# --- JSON that is no record ---


async def test_what_is_no_object(refused: Refused) -> None:
    for value in ([], [INCIDENT], "incident", 1, True, None):
        findings = await refused(json.dumps(value), 422)
        assert codes(findings, "wrong-type").keys() == {""}


async def test_wrong_dates(refused: Refused) -> None:
    for date in (
        "2026-13",
        "2026-02-30",
        "2026-3",
        "yesterday",
        "03/04/2026",
        "0000",
        "2026-03-01T25:00:00Z",
    ):
        findings = await refused({**INCIDENT, "content": {"times": {"detected": date}}}, 422)
        found = codes(findings, "wrong-date")["/content/times/detected"]
        assert date in found["message"]
        assert found["suggestion"]


async def test_unknown_tags(refused: Refused) -> None:
    findings = await refused({**INCIDENT, "tags": ["misuse:fraud", "misuse:frud", "nothing:x"]}, 422)
    found = codes(findings, "unknown-tag")
    assert found.keys() == {"/tags/1", "/tags/2"}
    assert "misuse:fraud" in found["/tags/1"]["suggestion"]
    findings = await refused({**INCIDENT, "tags": ["misuse", "MISUSE:", "a:b:", "a:b c"]}, 422)
    assert codes(findings, "wrong-tag").keys() == {"/tags/0", "/tags/1", "/tags/2", "/tags/3"}


async def test_unknown_fields_and_kinds(refused: Refused) -> None:
    findings = await refused({**INCIDENT, "titel": "x", "content": {"natur": ["misuse"]}}, 422)
    found = codes(findings, "unknown-field")
    assert found.keys() == {"/titel", "/content/natur"}
    assert "'title'" in found["/titel"]["suggestion"]
    assert "'nature'" in found["/content/natur"]["suggestion"]
    findings = await refused({**INCIDENT, "kind": "incidnt"}, 422)
    assert "'incident'" in codes(findings, "unknown-kind")["/kind"]["suggestion"]


async def test_everything_that_is_wrong_is_told_at_once(refused: Refused) -> None:
    findings = await refused(
        {
            "kind": "incident",
            "titel": "x",
            "tags": ["misuse:frud"],
            "content": {"times": {"detected": "2026-13"}, "nature": "misuse"},
            "relations": [{"type": "supersedes", "target": {"id": "CIR-7GQ2M4KX9Y"}}],
        },
        422,
    )
    assert {item["code"] for item in findings if item["severity"] == "error"} >= {
        *(
            "unknown-field",
            "unknown-tag",
            "wrong-date",
            "wrong-type",
            "wrong-check-character",
            "missing-field",
        )
    }


# --- ids and relations ---


async def test_ids_with_a_wrong_check_character(
    client: httpx.AsyncClient, database: Database, member: Member, refused: Refused
) -> None:
    async with nothing_stored(database):
        for path in ("", "/versions", "/versions/1", "/draft", "/handling", "/responses", "/similar"):
            answer = await client.get(f"/api/v1/records/CIR-7GQ2M4KX9Y{path}", headers=member.headers)
            problem(answer, 400)
            assert "check" in answer.text or "last character" in answer.json()["detail"]
        headers = {**member.headers, "If-Match": '"x"'}
        answer = await client.put("/api/v1/records/CIR-7GQ2M4KX9Y/draft", json=INCIDENT, headers=headers)
        problem(answer, 400)
        for action in ("publish", "withdraw", "reinstate"):
            path = f"/api/v1/records/CIR-7GQ2M4KX9Y/actions/{action}"
            body = {"code": "duplicate", "text": "x"} if action == "withdraw" else {}
            problem(await client.post(path, json=body, headers=headers), 400)
    relation = {"type": "supersedes", "target": {"id": "CIR-7GQ2M4KX9Y"}}
    findings = await refused({**INCIDENT, "relations": [relation]}, 422)
    assert codes(findings, "wrong-check-character").keys() == {"/relations/0/target/id"}


async def test_cyclic_relations(
    client: httpx.AsyncClient, database: Database, member: Member, publish: Publish
) -> None:
    first = await publish(member)
    relation = {"type": "supersedes", "target": {"id": first["id"]}}
    second = await publish(member, relations=[relation])
    third = await publish(member, relations=[{**relation, "target": {"id": second["id"]}}])
    path = f"/api/v1/records/{first['id']}"
    for target, code in ((first, "self-relation"), (second, "cyclic-relation"), (third, "cyclic-relation")):
        draft = await client.get(f"{path}/draft", headers=member.headers)
        changed = {
            "kind": "lesson",
            "title": "Round and round",
            "summary": "It follows from itself.",
            "content": {"what_happened": "Much."},
            "relations": [{"type": "supersedes", "target": {"id": target["id"]}}],
            "revision": {"type": "correction", "note": "A loop."},
        }
        headers = {**member.headers, "If-Match": draft.headers["etag"]}
        written = await client.put(f"{path}/draft", json=changed, headers=headers)
        if written.status_code == 422:  # told as early as that
            assert codes(problem(written, 422), code)
            continue
        assert written.status_code == 200, written.text
        async with nothing_stored(database):
            headers = {**member.headers, "If-Match": written.headers["etag"]}
            answer = await client.post(f"{path}/actions/publish", headers=headers)
            assert codes(problem(answer, 422), code)
        assert (await client.get(path)).json()["version"] == 1


# --- addresses ---


async def test_addresses_that_cannot_be_read(client: httpx.AsyncClient, database: Database) -> None:
    async with nothing_stored(database):
        for address in (
            "/api/v1/records?cursor=nonsense",
            "/api/v1/records?limit=0",
            "/api/v1/records?limit=many",
            "/api/v1/records?since=yesterday",
            "/api/v1/records?kind=incidnt",
            "/api/v1/records?tag=%00",
            "/api/v1/changes?after=-1",
            "/api/v1/changes?after=99999999999999999999",
            "/api/v1/records/%00",
            "/api/v1/records/CIR-",
            "/api/v1/records/..%2F..%2Fetc",
        ):
            answer = await client.get(address)
            assert answer.status_code in (400, 404), address
            problem(answer, answer.status_code)


# --- files given to a command ---


Rejected = Callable[..., dict[str, list[dict[str, Any]]]]


@pytest.fixture
def candor(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    point_at(settings, monkeypatch)
    return caller(monkeypatch, capsys)


@pytest.fixture
def rejected(candor: Call, settings: Settings) -> Rejected:
    """Runs a command that has to reject what it is given; answers the findings by item."""
    candor("provider", "add", "example", "--name", "Example", "--approve")

    def count() -> dict[str, int]:
        async def work() -> dict[str, int]:
            database = Database(settings.database)
            try:
                return await rows(database)
            finally:
                await database.dispose()

        return asyncio.run(work())

    def run(*words: object, code: int = 3) -> dict[str, list[dict[str, Any]]]:
        before = count()
        began = time.monotonic()
        called: Called = candor(*words, "--json")
        assert called.code == code, called
        assert "Traceback" not in called.err
        assert time.monotonic() - began < 30
        assert count() == before
        if code != 3:
            assert called.err, "a sentence says what is wrong"
            assert called.out == ""
            return {}
        told = called.json
        items = told.get("rejected") or told.get("files")
        assert items, told
        assert not told.get("created")
        return {item["item"]: item["findings"] for item in items}

    return run


FRONT = (
    "---\nkind: lesson\ntitle: A lesson\nsummary: What was learnt.\n"
    "{more}content:\n  what_happened: Much.\n---\n"
)
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def write(name: str, data: str | bytes) -> Path:
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_yaml_bombs_and_aliases_in_files(rejected: Rejected) -> None:
    for name, more in (
        ("bomb.md", BOMB),
        ("alias.md", "credits: &c []\nreferences: *c\n"),
        ("itself.md", "credits: &c [*c]\n"),
        ("merged.md", "base: &b {x: 1}\nmore:\n  <<: *b\n"),
    ):
        write(f"files/{name}", FRONT.format(more=more))
    for words in (("validate", "files"), ("import", "native", "files", "--publish")):
        found = rejected(*words)
        assert len(found) == 4
        for name, findings in found.items():
            assert any("alias" in item["code"] or "anchor" in item["code"] for item in findings), name


def test_yaml_that_is_not_what_it_seems_in_files(rejected: Rejected) -> None:
    for name, data in (
        ("twice.md", FRONT.format(more="title: Another\n")),
        ("typed.md", FRONT.format(more="credits: !!python/object/apply:os.system [ls]\n")),
        ("deep.md", FRONT.format(more=f"credits: {'[' * 500}{']' * 500}\n")),
        ("deeper.md", FRONT.format(more="credits: " + "[" * 100_000 + "\n")),
        ("control.md", FRONT.format(more='credits: ["\\0"]\n')),
        ("open.md", "---\nkind: lesson\ntitle: It never ends\n"),
        ("half.md", FRONT.format(more="tags: [misuse:fraud\n")),
        ("latin.md", FRONT.format(more="").replace("Much", "Für immer").encode("latin-1")),
        ("wide.md", FRONT.format(more="").encode("utf-16")),
        ("zeros.md", b"\0" * 4096),
        ("empty.md", b""),
        ("date.md", FRONT.format(more="").replace("Much.", "Much.\n  times: {learnt: 2026-13}")),
        ("tag.md", FRONT.format(more="tags: [misuse:frud]\n")),
        ("id.md", FRONT.format(more="relations: [{type: supersedes, target: {id: CIR-7GQ2M4KX9Y}}]\n")),
    ):
        write(f"files/{name}", data)
    for words in (("validate", "files"), ("import", "native", "files", "--publish")):
        found = rejected(*words)
        assert len(found) == 14
        for name, findings in found.items():
            assert any(item["severity"] == "error" for item in findings), name
            assert all(item["message"] for item in findings), name


def test_fifty_megabytes_in_a_file(rejected: Rejected) -> None:
    file = write("large.md", FRONT.format(more="") + "x" * FIFTY_MEGABYTES)
    for words in (("validate", file), ("import", "native", file, "--publish")):
        [findings] = rejected(*words).values()
        assert codes(findings, "too-large")


MAPPING = """
[source]
scheme = "tracker"
id = "ID"
[constants]
kind = "lesson"
license = "CC-BY-4.0"
[[field]]
to = "title"
from = "Title"
[[field]]
to = "content.what_happened"
from = "What"
"""


def test_csv_with_ragged_and_broken_rows(rejected: Rejected) -> None:
    mapping = write("map.toml", MAPPING)
    head = b"ID,Title,What\r\n"
    for name, data, code in (
        ("short.csv", b"1,Too short\r\n", "ragged-row"),
        ("long.csv", b"1,One,Two,Three,Four\r\n", "ragged-row"),
        ("quote.csv", b'1,"It never closes,Two\r\n', "half-written"),
        ("stray.csv", b'1,"a"b,Two\r\n', "csv-syntax"),
        ("latin.csv", "1,Fälschung,Two\r\n".encode("latin-1"), "wrong-encoding"),
    ):
        [found] = rejected(
            "import", "table", write(name, head + data), "--map", mapping, "--publish"
        ).values()
        assert [item["code"] for item in found] == [code], (name, found)
        assert "line 2" in found[0]["message"], (name, found)


def test_tables_that_cannot_be_read_at_all(rejected: Rejected) -> None:
    mapping = write("map.toml", MAPPING)
    rejected("import", "table", write("empty.csv", ""), "--map", mapping, "--publish", code=1)
    for name, text in (("half.json", '[{"ID": 1, "Title": "x"'), ("other.json", '"text"')):
        assert rejected("import", "table", write(name, text), "--map", mapping, "--publish"), name
    for name, text in (("half.toml", MAPPING[:40]), ("wrong.toml", "[[field]]\nto = 1\n")):
        table = write("fine.csv", "ID,Title,What\n1,One,Two\n")
        rejected("import", "table", table, "--map", write(name, text), "--publish", code=1)


def test_taxonomies_that_are_bombs_or_half_written(rejected: Rejected) -> None:
    for name, data in (
        ("half.yaml", "id: ATLAS\nversion: [1"),
        ("itself.yaml", "id: &a [*a]\n"),
        ("typed.yaml", "id: !!python/name:os.system\n"),
        ("bomb.yaml", BOMB),
        ("latin.yaml", "id: Fälschung\n".encode("latin-1")),
        ("empty.yaml", ""),
    ):
        file = write(name, data)
        assert rejected("taxonomy", "import", "atlas", file), name
