"""The front: prepared bytes that are never wrong, for everybody who need not be known."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import brotli
import httpx
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from registry import front as fronts
from registry.app import Application, create_app
from registry.changelog.append import Entry, append
from registry.db import Database, now
from registry.extensions import Node
from registry.front import Front, canonical_query, negotiate
from registry.http import SCOPES
from registry.settings import Settings
from tests.conftest import Join, running
from tests.registry.records.acting import act, bring_out, draft, lesson, revise, withdraw

Headers = dict[str, str]


@dataclass
class Reply:
    status: int
    headers: Headers
    body: bytes


async def call(app: Callable[..., Awaitable[None]], path: str, method: str = "GET", **headers: str) -> Reply:
    """One request as a server makes it, and the answer as it is sent: nothing decoded, nothing followed."""
    path, _, query = path.partition("?")
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    names = {name: name.replace("_", "-").encode() for name in headers}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(b"host", b"x"), *((names[name], value.encode()) for name, value in headers.items())],
        "client": ("192.0.2.1", 5000),
        "server": ("x", 443),
        "state": {},
    }
    await app(scope, receive, send)
    start, *parts = sent
    told = [(name.decode(), value.decode()) for name, value in start["headers"]]
    assert len({name for name, _ in told}) == len(told), f"a header stands twice: {told}"
    return Reply(start["status"], dict(told), b"".join(part.get("body", b"") for part in parts))


@dataclass
class Handler:
    """What stands behind the front: answers with a text, and counts how often it is asked."""

    text: str = "x" * 1000
    scopes: frozenset[str] = frozenset({"thing"})
    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    asked: int = 0
    methods: list[str] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        self.methods.append(scope["method"])
        text = self.text
        if self.meanwhile is not None:
            await self.meanwhile()
        if self.scopes:
            scope["state"][SCOPES] = self.scopes
        etag = b'"%d"' % (hash(text) & 0xFFFF)
        headers = [(b"content-type", b"application/json"), (b"etag", etag), *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        half = len(text) // 2
        await send({"type": "http.response.body", "body": text[:half].encode(), "more_body": True})
        await send({"type": "http.response.body", "body": text[half:].encode()})


async def happen(database: Database, *scopes: str) -> None:
    """A change, written by some process."""
    async with database.write() as session:
        entry = Entry("test", "happened", "x", "registry.example/log", "test", at=now(), scopes=scopes)
        await append(session, [entry])


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
async def front(handler: Handler, database: Database) -> Front:
    made = Front(handler, database, megabytes=1)
    await made.refresh()
    return made


# --- keeping and letting go ---


@pytest.mark.one_database
async def test_an_answer_is_asked_for_once(front: Front, handler: Handler) -> None:
    for _ in range(3):
        reply = await call(front, "/api/x")
        assert (reply.status, reply.body) == (200, b"x" * 1000)
    assert (handler.asked, front.hits, front.misses) == (1, 2, 1)


@pytest.mark.one_database
async def test_a_change_lets_go_of_what_depends_on_it_and_of_nothing_else(
    front: Front, handler: Handler, database: Database
) -> None:
    await call(front, "/api/one")
    handler.scopes = frozenset({"other"})
    await call(front, "/api/two")
    await happen(database, "thing")
    await front.refresh()
    await call(front, "/api/one")
    await call(front, "/api/two")
    assert handler.asked == 3


@pytest.mark.one_database
async def test_a_change_of_a_topic_lets_go_of_what_names_the_topic(
    front: Front, handler: Handler, database: Database
) -> None:
    handler.scopes = frozenset({"topic:test"})
    await call(front, "/api/x")
    await happen(database, "something else")
    await front.refresh()
    await call(front, "/api/x")
    assert handler.asked == 2


async def test_a_change_that_lands_while_an_answer_is_made_is_not_missed(
    front: Front, handler: Handler, database: Database
) -> None:
    """The handler has read the old state, then the change is committed and seen, then the answer is done."""

    async def change() -> None:
        handler.meanwhile = None
        handler.text = "new"
        await happen(database, "thing")
        await front.refresh()

    handler.meanwhile = change
    assert (await call(front, "/api/x")).body == b"x" * 1000
    assert (await call(front, "/api/x")).body == b"new"


@pytest.mark.one_database
@pytest.mark.parametrize("number", [3, 600])
async def test_not_even_among_many_changes(
    front: Front, handler: Handler, database: Database, number: int
) -> None:
    async def change() -> None:
        handler.meanwhile = None
        handler.text = "new"
        await happen(database, "thing")
        await front.refresh()
        for _ in range(number // 300 + 1):  # more than are remembered, a few at a time
            async with database.write() as session:
                await append(
                    session,
                    [
                        Entry("test", "happened", "y", "o", "test", at=now(), scopes=("other",))
                        for _ in range(300)
                    ],
                )
            await front.refresh()

    handler.meanwhile = change
    await call(front, "/api/x")
    assert (await call(front, "/api/x")).body == b"new"


async def test_a_log_that_cannot_be_read_leaves_nothing_prepared(
    front: Front, handler: Handler, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    async def fail(*_: Any) -> int:
        raise LookupError("no log")

    await call(front, "/api/x")

    async def change() -> None:
        handler.meanwhile = None
        handler.text = "new"
        await happen(database, "thing")
        await front.refresh()
        with monkeypatch.context() as patch:
            patch.setattr(fronts, "head", fail)
            with pytest.raises(LookupError):
                await front.refresh()

    handler.meanwhile = change
    await call(front, "/api/y")
    for path in ("/api/x", "/api/y"):
        assert (await call(front, path)).body == b"new"


async def test_a_burst_of_changes_lets_go_of_everything(
    front: Front, handler: Handler, database: Database
) -> None:
    await call(front, "/api/x")
    async with database.write() as session:
        entry = Entry("test", "happened", "y", "o", "test", at=now(), scopes=("other",))
        await append(session, [entry] * (fronts.MANY_CHANGES + 1))
    await front.refresh()
    await call(front, "/api/x")
    assert handler.asked == 2


@pytest.mark.one_database
async def test_what_is_not_for_keeping_is_not_kept(front: Front, handler: Handler) -> None:
    handler.scopes = frozenset()
    for _ in range(2):
        await call(front, "/api/x")
    assert handler.asked == 2
    handler.scopes, handler.status = frozenset({"thing"}), 404
    for _ in range(2):
        await call(front, "/api/y")
    assert handler.asked == 4


@pytest.mark.one_database
@pytest.mark.parametrize("header", ["authorization", "cookie"])
async def test_who_shows_who_they_are_is_answered_by_the_handler_alone(
    front: Front, handler: Handler, header: str
) -> None:
    await call(front, "/api/x")
    await call(front, "/api/x", **{header: "y"})
    await call(front, "/api/private", **{header: "y"})
    await call(front, "/api/private")
    assert handler.asked == 4


@pytest.mark.one_database
async def test_the_oldest_make_room(handler: Handler, database: Database) -> None:
    front = Front(handler, database, megabytes=1)
    handler.text = "y" * 100_000
    for number in range(8):
        await call(front, f"/api/{number}")
    assert handler.asked == 8
    await call(front, "/api/7")
    assert handler.asked == 8, "the newest is there"
    await call(front, "/api/0")
    assert handler.asked == 9, "the oldest is not"
    assert 0 < front._size <= front.limit
    assert front._size == sum(answer.size for answer in front._kept.values())


@pytest.mark.one_database
async def test_what_was_asked_for_lately_is_kept_longer(handler: Handler, database: Database) -> None:
    front = Front(handler, database, megabytes=1)
    handler.text = "y" * 100_000
    for number in range(12):
        await call(front, f"/api/{number}")
        await call(front, "/api/0")
    assert handler.asked == 12


@pytest.mark.one_database
async def test_one_that_is_too_large_pushes_nobody_out(handler: Handler, database: Database) -> None:
    front = Front(handler, database, megabytes=1)
    await call(front, "/api/small")
    handler.text = "z" * 400_000
    await call(front, "/api/large")
    await call(front, "/api/large")
    await call(front, "/api/small")
    assert handler.asked == 3


@pytest.mark.one_database
async def test_nothing_is_kept_where_nothing_may_be(handler: Handler, database: Database) -> None:
    front = Front(handler, database, megabytes=0)
    for _ in range(2):
        await call(front, "/api/x")
    assert handler.asked == 2


@pytest.mark.one_database
async def test_addresses_that_are_too_long_are_served_and_not_kept(front: Front, handler: Handler) -> None:
    for _ in range(2):
        assert (await call(front, "/api/x?q=" + "y" * 3000)).status == 200
    assert (handler.asked, len(front._kept)) == (2, 0)


# --- one question, one place ---


@pytest.mark.one_database
async def test_the_order_of_parameters_does_not_matter(front: Front, handler: Handler) -> None:
    for query in ("a=1&b=2", "b=2&a=1", "b=%32&a=1", "a=1&b=2&"):
        await call(front, f"/api/x?{query}")
    assert handler.asked == 1


@pytest.mark.one_database
@pytest.mark.parametrize("other", ["a=2&a=1", "a=1", "a=1&a=2&b=", "A=1&a=2", "a=1&a=%002", ""])
async def test_another_question_is_another(front: Front, handler: Handler, other: str) -> None:
    await call(front, "/api/x?a=1&a=2")
    await call(front, f"/api/x?{other}")
    assert handler.asked == 2


@pytest.mark.one_database
def test_bytes_that_are_no_text_stay_apart() -> None:
    assert canonical_query(b"a=%ff") != canonical_query(b"a=%fe")
    assert canonical_query(b"a=%C3%A9") == canonical_query(b"a=%c3%a9")


@pytest.mark.one_database
@given(st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), max_size=5))
def test_a_canonical_query_is_its_own_canonical_form(pairs: list[tuple[str, str]]) -> None:
    once = canonical_query(urlencode(pairs, errors="surrogatepass").encode())
    assert canonical_query(once) == once


# --- validators ---


@pytest.mark.one_database
async def test_who_has_it_is_told_so(front: Front, handler: Handler) -> None:
    handler.headers = [(b"last-modified", b"Fri, 01 May 2026 12:00:00 GMT"), (b"cache-control", b"public")]
    first = await call(front, "/api/x")
    etag = first.headers["etag"]
    stem = etag.strip('"')
    matching = [etag, f"W/{etag}", stem, f'"a", {etag}', f'"{stem}-br"', f'W/"{stem}-zstd" , "b"', "*"]
    for given_ in matching:
        reply = await call(front, "/api/x", if_none_match=given_)
        assert (reply.status, reply.body) == (304, b""), given_
        assert reply.headers["etag"] == etag
        assert reply.headers["cache-control"] == "public"
        assert reply.headers["vary"] == "Accept-Encoding"
        assert not {"content-length", "content-type", "content-encoding"} & reply.headers.keys()
    for given_ in ('"other"', f'"{stem}-x"', f'"{stem}x"', '""', ","):
        assert (await call(front, "/api/x", if_none_match=given_)).status == 200, given_
    assert handler.asked == 1


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("since", "status"),
    [
        ("Fri, 01 May 2026 12:00:00 GMT", 304),
        ("Fri, 01 May 2026 12:00:01 GMT", 304),
        ("Fri, 01 May 2026 11:59:59 GMT", 200),
        ("Friday, 01-May-26 12:00:00 GMT", 304),
        ("yesterday", 200),
        ("Mon, 01 Jan 0001 00:00:00 -0000", 200),
        ("", 200),
    ],
)
async def test_a_date_serves_where_there_is_no_tag(
    front: Front, handler: Handler, since: str, status: int
) -> None:
    handler.headers = [(b"last-modified", b"Fri, 01 May 2026 12:00:00 GMT")]
    await call(front, "/api/x")
    assert (await call(front, "/api/x", if_modified_since=since)).status == status
    later = "Fri, 01 May 2026 12:00:00 GMT"
    tagged = await call(front, "/api/x", if_none_match='"other"', if_modified_since=later)
    assert tagged.status == 200, "a tag decides alone"


@pytest.mark.one_database
async def test_head_tells_what_get_would(front: Front, handler: Handler) -> None:
    for path in ("/api/kept", "/api/missed"):
        if path == "/api/kept":
            await call(front, path)
        head = await call(front, path, "HEAD")
        got = await call(front, path)
        assert head.body == b""
        assert (head.status, head.headers) == (got.status, got.headers)
        assert head.headers["content-length"] == str(len(got.body))
    assert set(handler.methods) == {"GET"}
    etag = (await call(front, "/api/kept")).headers["etag"]
    assert (await call(front, "/api/kept", "HEAD", if_none_match=etag)).status == 304


@pytest.mark.one_database
async def test_head_of_what_is_not_there_has_no_body(client: httpx.AsyncClient) -> None:
    answer = await client.head("/api/v1/records/CIR-7GQ2M4KX9X")
    assert (answer.status_code, answer.content) == (404, b"")


# --- codings ---

DECODE: dict[str, Callable[[bytes], bytes]] = {
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body, max_output_size=10_000),
    "gzip": gzip.decompress,
}


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", ""),
        ("br, gzip", "br"),
        ("gzip, br", "br"),
        ("gzip", "gzip"),
        ("zstd", "zstd"),
        ("gzip, zstd", "zstd"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("br;q=0", ""),
        ("br;q=0, gzip;q=0.1", "gzip"),
        ("identity", ""),
        ("BR", "br"),
        ("br;q=x, gzip", "gzip"),
        ("br;q=nan", ""),
        ("br;q=inf, gzip;q=0.1", "gzip"),
        ("br;q=-1, gzip;q=0.1", "gzip"),
        (" gzip ; q = 0.3 ", "gzip"),
        ("deflate, compress, x", ""),
        (",,,", ""),
    ],
)
async def test_a_coding_is_agreed_on(front: Front, handler: Handler, accepted: str, chosen: str) -> None:
    assert negotiate(accepted.encode()) == chosen
    plain = await call(front, "/api/x")
    reply = await call(front, "/api/x", accept_encoding=accepted)
    stem = plain.headers["etag"].strip('"')
    assert reply.headers.get("content-encoding", "") == chosen
    assert reply.headers["etag"] == (f'"{stem}-{chosen}"' if chosen else f'"{stem}"')
    assert reply.headers["vary"] == "Accept-Encoding"
    assert reply.headers["content-length"] == str(len(reply.body))
    assert (DECODE[chosen](reply.body) if chosen else reply.body) == plain.body
    assert handler.asked == 1


@pytest.mark.one_database
@given(st.text(alphabet="abrgzipstd;q=0.159, *-", max_size=40))
def test_no_header_breaks_the_choice_of_a_coding(header: str) -> None:
    assert negotiate(header.encode()) in ("", *fronts.CODINGS)


@pytest.mark.one_database
async def test_what_is_small_or_packed_already_is_sent_as_it_is(front: Front, handler: Handler) -> None:
    handler.text = "small"
    reply = await call(front, "/api/small", accept_encoding="br")
    assert "content-encoding" not in reply.headers
    assert "vary" not in reply.headers

    async def png(scope: Any, receive: Any, send: Any) -> None:
        scope["state"][SCOPES] = frozenset({"thing"})
        headers = [(b"content-type", b"image/png"), (b"etag", b'"i"')]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"p" * 1000})

    reply = await call(Front(png, front.database, megabytes=1), "/api/p", accept_encoding="br")
    assert "content-encoding" not in reply.headers


@pytest.mark.one_database
async def test_private_answers_are_neither_kept_nor_compressed(
    client: httpx.AsyncClient, join: Join, app: Application
) -> None:
    """Compressing a secret beside what an attacker chooses tells its length (BREACH)."""
    lab = await join()
    id = await bring_out(client, lab, lesson(narrative="y" * 2000))
    token = lab.headers["Authorization"]
    kept = len(app.front._kept)
    for path in (f"/api/v1/records/{id}", "/api/v1/records", f"/api/v1/records/{id}/draft"):
        reply = await call(app, path, authorization=token, accept_encoding="br")
        assert reply.status == 200
        assert reply.headers["cache-control"].startswith("private")
        assert {"Authorization", "Cookie"} <= set(reply.headers["vary"].replace(",", " ").split())
        assert "content-encoding" not in reply.headers
        again = await call(app, path, authorization=token, if_none_match=reply.headers["etag"])
        assert again.status == 304
    assert len(app.front._kept) == kept


# --- headers ---


@pytest.mark.one_database
async def test_everything_carries_the_headers_of_the_house(
    client: httpx.AsyncClient, join: Join, app: Application
) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson())
    asked = [
        ("GET", f"/api/v1/records/{id}"),
        ("GET", f"/api/v1/records/{id}"),
        ("HEAD", f"/api/v1/records/{id}"),
        ("GET", "/api/v1/nothing"),
        ("GET", "/api/v1/records/CIR-0"),
        ("DELETE", f"/api/v1/records/{id}"),
        ("POST", "/api/v1/records"),
        ("POST", "/oauth/token"),
        ("OPTIONS", f"/api/v1/records/{id}"),
        ("GET", "/healthz"),
        ("GET", "/nothing-at-all"),
        ("GET", "/feeds/all.atom"),
        ("GET", "/metrics"),
    ]
    for method, path in asked:
        reply = await call(app, path, method)
        assert reply.headers["x-content-type-options"] == "nosniff", (method, path)
        open_ = path.startswith(("/api/", "/feeds/"))
        assert (reply.headers.get("access-control-allow-origin") == "*") is open_, (method, path)
    page = await call(app, "/schema")
    assert page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["referrer-policy"]


@pytest.mark.one_database
async def test_another_site_may_read_and_nothing_else(app: Application) -> None:
    reply = await call(
        app, "/api/v1/records", "OPTIONS", origin="https://a.example", access_control_request_method="GET"
    )
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "POST" not in reply.headers["access-control-allow-methods"]
    assert "authorization" not in reply.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in reply.headers
    closed = await call(app, "/oauth/token", "OPTIONS", origin="https://a.example")
    assert "access-control-allow-origin" not in closed.headers


@pytest.mark.one_database
async def test_an_answer_that_is_kept_names_no_request_of_its_own(client: httpx.AsyncClient) -> None:
    for _ in range(2):
        answer = await client.get("/api/v1/records", headers={"X-Request-Id": "somebodys-own-id"})
        assert "x-request-id" not in answer.headers
    wrong = await client.get("/api/v1/records?limit=0", headers={"X-Request-Id": "somebodys-own-id"})
    assert wrong.headers["x-request-id"] == "somebodys-own-id"


@pytest.mark.one_database
async def test_a_private_answer_names_its_request(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson())
    headers = {**lab.headers, "X-Request-Id": "my-own-request"}
    answer = await client.get(f"/api/v1/records/{id}", headers=headers)
    assert answer.headers["x-request-id"] == "my-own-request"


# --- the whole registry ---


@pytest.fixture
async def two(node: Node, settings: Settings) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Clients of two processes of one registry."""
    other = Database(settings.database)
    first, second = create_app(node, run_readers=False), create_app(node.on(other), run_readers=False)
    async with running(first) as one, running(second) as another:
        yield [one, another]
    await other.dispose()


async def test_here_at_once_and_elsewhere_within_a_second(
    client: httpx.AsyncClient, two: list[httpx.AsyncClient], join: Join
) -> None:
    lab = await join()
    id = await bring_out(two[0], lab, lesson(title="First"))
    address = f"/api/v1/records/{id}"
    await asyncio.sleep(1)
    for one in two:
        assert (await one.get(address)).json()["title"] == "First"
    await revise(two[0], lab, id, title="Second")
    assert (await two[0].get(address)).json()["title"] == "Second"
    await asyncio.sleep(1)
    assert (await two[1].get(address)).json()["title"] == "Second"


async def test_every_public_read_follows_a_withdrawal_at_once(
    client: httpx.AsyncClient, join: Join, app: Application
) -> None:
    lab = await join()
    id = await bring_out(client, lab, lesson(title="Wrong", tags=["misuse:fraud"]))
    response = {"kind": "response", "title": "R", "content": {"about": {"id": id}, "stance": "supplements"}}
    answer_to_it = await bring_out(client, lab, response)
    addresses = [
        f"/api/v1/records/{id}",
        f"/api/v1/records/{id}/versions",
        f"/api/v1/records/{answer_to_it}/responses",
        "/api/v1/records",
        "/api/v1/records?tag=misuse:fraud&limit=1",
        "/api/v1/changes",
        "/api/v1/stats",
        "/feeds/all.atom",
        "/feeds/tag/misuse:fraud.json",
    ]
    for address in addresses:
        first, again = await client.get(address), await client.get(address)
        assert first.content == again.content
    misses = app.front.misses
    for address in addresses:
        await client.get(address)
    assert app.front.misses == misses, "all of them are kept"
    before = {address: (await client.get(address)).content for address in addresses}
    await withdraw(client, lab, id)
    changed = {address for address in addresses if (await client.get(address)).content != before[address]}
    assert changed == set(addresses) - {f"/api/v1/records/{answer_to_it}/responses"}


async def test_what_is_written_in_private_moves_no_public_answer(
    client: httpx.AsyncClient, join: Join, app: Application
) -> None:
    """Also not by its speed: an answer that has to be made anew would tell that something was written."""
    lab = await join()
    id = await bring_out(client, lab, lesson())
    for address in ("/api/v1/records", f"/api/v1/records/{id}", "/api/v1/changes"):
        await client.get(address)
    misses = app.front.misses
    etag = (await draft(client, lab, id)).headers["etag"]
    begun = await client.put(
        f"/api/v1/records/{id}/draft",
        json=lesson(handling={"tlp": "CLEAR"}),
        headers={**lab.headers, "If-Match": etag},
    )
    assert begun.status_code == 200
    shared = await bring_out(client, lab, lesson(handling={"tlp": "GREEN"}))
    await act(client, lab, shared, "withdraw", '"x"', {"code": "error"})
    private = app.front.misses
    for address in ("/api/v1/records", f"/api/v1/records/{id}", "/api/v1/changes"):
        await client.get(address)
    assert app.front.misses == private
    assert private > misses


async def test_hits_cost_the_database_nothing(
    client: httpx.AsyncClient, join: Join, monkeypatch: pytest.MonkeyPatch, node: Node
) -> None:
    id = await bring_out(client, await join(), lesson())
    await client.get(f"/api/v1/records/{id}")

    def closed(*_: Any) -> None:
        raise AssertionError("the database was asked")

    monkeypatch.setattr(node.database, "_reader", closed)
    answer = await client.get(f"/api/v1/records/{id}")
    assert answer.status_code == 200
