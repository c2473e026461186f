"""A hostile peer: whatever it says, what is here stays right, and what it says next is heard again."""

import asyncio
import gzip
import json
import time
from collections.abc import Callable

import pytest
from sqlalchemy import update

from registry.canonical import canonical, commitment
from registry.federation import again, views
from registry.federation.evidence import EvidenceError, check, read
from registry.federation.models import FOLLOWING, FROZEN, Peer
from registry.federation.remote import Remote
from registry.federation.service import describe
from registry.transparency.leaves import RecordLeaf
from registry.transparency.notes import Signer
from tests.registry.federation.peers import (
    SIGNER,
    Answer,
    Follower,
    Published,
    Server,
    lessons,
    line_of,
    serving,
)
from tests.registry.mirroring import PEER, MirroredVersion, version_of

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)

THIEF = Signer(PEER, bytes(range(1, 33)))


# --- what it signs


def another(size: int) -> Published:
    """Another log under the same key."""
    other = Published()
    other.publish(*lessons(size, start=1000))
    return other


@pytest.mark.parametrize("size", [10, 12, 300])
async def test_a_split_view_freezes_and_leaves_evidence_for_anybody(
    follower: Follower, server: Server, size: int
) -> None:
    pk = await follower.add(server.url)
    await follower.visit(pk)
    honest = server.published.checkpoint()
    server.published = another(size)
    visited = await follower.visit(pk)
    peer = await follower.peer(pk)
    assert (visited.code, peer.state, peer.head) == ("forked", FROZEN, honest)
    assert await follower.alarms() == ["forked"]
    (file,) = (follower.node.settings.data / "evidence").iterdir()
    evidence, keys = read(file.read_bytes()), [SIGNER.verifier]
    assert check(evidence, keys) == PEER
    # What convicts nobody is no evidence: neither a log with itself, nor one whose path leads elsewhere.
    with pytest.raises(EvidenceError):
        check({**evidence, "shown": evidence["kept"], "path": []}, keys)
    with pytest.raises(EvidenceError):
        check({**evidence, "shown": another(size + 1).checkpoint().decode()}, keys)
    with pytest.raises(EvidenceError):
        check(evidence, [THIEF.verifier])
    server.asked.clear()
    assert (await follower.visit(pk)).code == FROZEN
    assert (server.asked, await follower.held()) == ([], 10)


async def test_a_split_view_whose_tiles_do_not_show_it_is_never_followed(
    follower: Follower, server: Server
) -> None:
    pk = await follower.add(server.url)
    await follower.visit(pk)
    other = another(12)
    # It signs another log, and goes on serving the files of the first.
    server.say = lambda path, _: Answer(body=other.checkpoint()) if "checkpoint" in path else None
    for alarms in ([], ["unproven"]):  # the first time, a cache on the way may not have heard of a tile
        assert (await follower.visit(pk)).code == "tiles"
        assert ((await follower.log(pk)).size, await follower.alarms()) == (10, alarms)


def with_key(signer: Signer) -> Callable[[Server], None]:
    def attack(server: Server) -> None:
        server.published.signers = [signer]

    return attack


def rolled_back(server: Server) -> None:
    server.size = 7


def says(body: bytes) -> Callable[[Server], None]:
    def attack(server: Server) -> None:
        server.say = lambda path, _: Answer(body=body) if "checkpoint" in path else None

    return attack


COUNT_FOR_NOTHING = [
    (rolled_back, "rollback"),
    (with_key(THIEF), "unsigned"),
    (with_key(Signer("other.example/log", bytes(32))), "unsigned"),
    (says(b""), "unsigned"),
    (says(b"\xff\xfe\n\n\xff"), "unsigned"),
    (says(b"a\n" * 40_000), "too-large"),
]


async def test_a_checkpoint_that_counts_for_nothing_changes_nothing(
    follower: Follower, server: Server
) -> None:
    pk = await follower.add(server.url)
    await follower.visit(pk)
    before = await follower.log(pk)
    server.published.publish(*lessons(2, start=10))
    rolled_back(server)
    await follower.visit(pk)
    assert await follower.alarms() == []  # a cache may hold an older one for seconds
    await follower.age()
    server.size = None
    for failed, (attack, code) in enumerate(COUNT_FOR_NOTHING, 2):
        attack(server)
        assert (await follower.visit(pk)).code == code
        after, peer = await follower.log(pk), await follower.peer(pk)
        assert (after.size, after.checkpoint, peer.state) == (10, before.checkpoint, FOLLOWING)
        assert (peer.error_code, peer.failed) == (code, failed)
        server.published.signers, server.size, server.say = [SIGNER], None, lambda path, headers: None
    assert await follower.alarms() == ["rollback", "unsigned"]
    assert (await follower.visit(pk)).taken.documents == 2
    assert (await follower.peer(pk)).failed == 0


# --- how it says it


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 Said\r\nContent-Length: 100\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 Said\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b'{"index":1}\n\n\n\n\n' * 4096 + b"\r\n")
        await writer.drain()


BOMB = gzip.compress(bytes(64 * 1024 * 1024), 9)
BODIES = {
    "timeout": Answer(raw=drip),
    "coding": Answer(body=b"\x1f\x8bno", headers={"Content-Encoding": "gzip"}),
    "redirect": Answer(302, headers={"Location": "http://127.0.0.1:1/inside"}),
    "status": Answer(500, b"<script>alert(1)</script>"),
    "too-large": Answer(body=BOMB, headers={"Content-Encoding": "gzip"}),
}


async def test_a_body_that_is_none_moves_nothing(follower: Follower, server: Server) -> None:
    pk = await follower.add(server.url)

    def impatient(url: str) -> Remote:
        return Remote(url, allow_private=True, timeout=0.3)

    for of in ("/log/checkpoint", "/log/tile/entries", "/federation/v1/documents"):
        for code, body in BODIES.items():
            if code == "too-large" and of.startswith("/federation"):
                continue  # such a page is asked for in pieces: below
            server.say = lambda path, _, of=of, body=body: body if path.startswith(of) else None  # type: ignore[misc]
            more = {"open_remote": impatient} if code == "timeout" else {}
            assert ((await follower.visit(pk, **more)).code, of) == (code, of)
    assert ((await follower.log(pk)).size, await follower.held()) == (0, 0)
    server.say = lambda path, headers: None
    assert (await follower.visit(pk)).taken.documents == 10


async def test_redirects_into_the_house_are_not_followed(follower: Follower, server: Server) -> None:
    pk = await follower.add(server.url)
    # Without leave to go to private networks, loopback itself is none that is asked.
    visited = await follower.visit(pk, open_remote=lambda url: Remote(url, allow_private=False))
    assert (visited.code, server.asked) == ("address", [])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (Answer(raw=endless), "too-large"),
        (Answer(body=BOMB, headers={"Content-Encoding": "gzip"}), "too-large"),
        (Answer(500), "not-handed-out"),
    ],
)
async def test_one_endless_document_keeps_none_other_out(
    follower: Follower, server: Server, body: Answer, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.federation.remote.PAGE_BYTES", 2 * 1024 * 1024)

    def say(path: str, _: dict[str, str]) -> Answer | None:
        if not path.startswith("/federation"):
            return None
        start, limit = (int(part.partition("=")[2]) for part in path.partition("?")[2].split("&"))
        return body if start <= 4 < start + limit else None

    pk = await follower.add(server.url)
    server.say = say
    visited = await follower.visit(pk)
    assert (visited.taken.documents, visited.taken.troubles) == (9, {"quarantined": 1})
    await follower.later(pk)
    assert ((await follower.visit(pk)).code, (await follower.items(pk))[4].code) == (None, code)


# --- what it says


def altered(item: MirroredVersion, index: int) -> bytes:
    return line_of(index, version_of(f"r{index}", title="Another title"))


def salted(item: MirroredVersion, index: int) -> bytes:
    return line_of(index, item, salt="00" * 32)


def without_salt(item: MirroredVersion, index: int) -> bytes:
    return line_of(index, item, salt=None)


def spaced(item: MirroredVersion, index: int) -> bytes:
    return line_of(index, item).replace(b'"attribution":', b'"attribution": ')


def not_utf8(item: MirroredVersion, index: int) -> bytes:
    return line_of(index, item).replace(b"lesson", b"l\xffss\xfen")


def no_json(item: MirroredVersion, index: int) -> bytes:
    return b"\xff{{{" + b"[" * 5000


def large(item: MirroredVersion, index: int) -> bytes:
    return b'{"document":"' + b"x" * 1_400_000 + b'","index":%d,"salt":"00"}' % index


BAD_LINES = {
    1: (altered, "other-content"),
    3: (salted, "other-content"),
    4: (without_salt, "other-content"),
    6: (spaced, "other-content"),
    7: (not_utf8, "other-content"),
    9: (no_json, "unreadable"),
    10: (no_json, "unreadable"),
    12: (large, "too-large"),
}


async def test_what_is_not_what_the_leaf_commits_to_is_set_aside_alone(
    follower: Follower, server: Server, published: Published
) -> None:
    published.publish(*lessons(4, start=10))
    honest = dict(published.lines)
    for index, (line, _) in BAD_LINES.items():
        published.lines[index] = line(version_of(f"r{index}"), index)
    pk = await follower.add(server.url)
    visited = await follower.visit(pk)
    assert (visited.code, visited.taken.documents, visited.taken.troubles) == (None, 6, {"quarantined": 8})
    items = await follower.items(pk)
    assert {index: item.code for index, item in items.items()} == {
        index: code for index, (_, code) in BAD_LINES.items()
    }
    assert ((await follower.log(pk)).size, await follower.alarms()) == (14, ["quarantined"])
    await follower.later(pk)
    assert (await follower.visit(pk)).regained == 0
    assert {item.tries for item in (await follower.items(pk)).values()} == {1}
    published.lines = honest
    await follower.later(pk)
    assert (await follower.visit(pk)).regained == 8
    assert (await follower.items(pk), await follower.held()) == ({}, 14)


def committed(value: dict[str, object] | bytes, name: str) -> MirroredVersion:
    """A version whose leaf commits to just these bytes, whatever they are."""
    item = version_of(name)
    document = value if isinstance(value, bytes) else canonical(value)
    return MirroredVersion(PEER, item.id, 1, document, {}, item.salt, commitment(item.salt, document))


def value_of(name: str) -> dict[str, object]:
    return dict(version_of(name).value)


BAD_DOCUMENTS = {
    "b0": ({**value_of("b0"), "origin": "registry.example/log"}, "other-name"),
    "b1": ({**value_of("b1"), "id": version_of("r5").id}, "other-name"),
    "b2": ({**value_of("b2"), "version": 2}, "other-name"),
    "b3": ({**value_of("b3"), "kind": "confession"}, "unknown-kind"),
    "b4": ({**value_of("b4"), "title": ["no", "text"]}, "wrong-shape"),
    "b5": ({**value_of("b5"), "title": "a\x1b[2Jb\u202e"}, "control-character"),
    "b6": (json.dumps(value_of("b6")).encode(), "not-canonical"),
    "b7": (b'{"id":1,"id":2}', "not-canonical"),
    "b8": (canonical(value_of("b8")).replace(b"lesson", b"\xff\xfe"), "not-canonical"),
    "b9": (b"[" * 20_000 + b"]" * 20_000, "unreadable"),
    "b10": (b"[" * 200 + b"]" * 200, "not-canonical"),
    "b11": (b'{"a":1e400}', "not-canonical"),
}


async def test_a_valid_leaf_does_not_make_a_document(follower: Follower) -> None:
    published = Published()
    expected: dict[int, str] = {}
    for name, (value, code) in BAD_DOCUMENTS.items():
        published.publish(version_of(f"before {name}"))
        expected[published.publish(committed(value, name))] = code
    async with serving(published) as server:
        pk = await follower.add(server.url)
        visited = await follower.visit(pk)
    items = await follower.items(pk)
    assert {index: item.code for index, item in items.items()} == expected
    assert (visited.taken.documents, await follower.held()) == (len(BAD_DOCUMENTS), len(BAD_DOCUMENTS))
    # What came is shown as text, and as nothing else.
    assert "\x1b" not in "".join(str(views.item(item)["content"]) for item in items.values())


def leaf(origin: str = PEER, name: str = "x", version: int = 1, prev: str | None = None) -> bytes:
    return RecordLeaf(origin, version_of(name).id, version, prev, "00" * 32).encode()


ENTRIES: list[tuple[bytes, str | None]] = [
    (leaf("registry.example/log"), "foreign-origin"),
    (leaf("third.example/log"), "foreign-origin"),
    (leaf(name="r0"), "repeated"),
    (leaf(name="r0", version=2, prev="11" * 32), "out-of-line"),
    (leaf(name="r0", version=3, prev="11" * 32), "out-of-line"),
    (leaf(version=2**40, prev="11" * 32), "bad-leaf"),
    (b"<script>alert(1)</script>", "bad-leaf"),
    (b"\xff\xfe", "bad-leaf"),
    (b"", "bad-leaf"),
    (canonical({"v": 1, "type": "record", "origin": PEER, "more": "x" * 5000}), "bad-leaf"),
    (canonical({"v": 1, "type": "erase", "origin": PEER, "target": 99, "code": "law"}), "bad-target"),
    (canonical({"v": 1, "type": "keys", "origin": PEER, "old": "x"}), "bad-leaf"),
    (canonical({"v": 1, "type": "prophecy", "origin": PEER, "of": [1, 2]}), None),
    (canonical({"v": 2, "type": "record", "origin": PEER, "id": 7}), None),
]


async def test_a_leaf_that_says_nothing_that_counts_keeps_its_place_alone(
    follower: Follower, server: Server, published: Published
) -> None:
    for number, (entry, _) in enumerate(ENTRIES):
        published.append(entry)
        published.publish(*lessons(1, start=50 + number))
    pk = await follower.add(server.url)
    visited = await follower.visit(pk)
    count = len(ENTRIES)
    assert (visited.code, visited.taken.documents) == (None, 10 + count)
    assert (await follower.log(pk)).size == 10 + 2 * count
    items = await follower.items(pk)
    assert {index: item.code for index, item in items.items()} == {
        10 + 2 * number: code for number, (_, code) in enumerate(ENTRIES) if code is not None
    }
    # Nothing helps them, so nobody asks for them again.
    assert all(item.due_at is None for item in items.values())


async def test_ten_thousand_bad_items_cost_what_ten_thousand_good_ones_would(follower: Follower) -> None:
    published = Published()
    for number in range(10_000):
        if number % 1000 == 500:
            published.publish(version_of(f"r{number}"))
        else:
            index = published.append(RecordLeaf(PEER, f"CIR-{number}", 1, None, "00" * 32).encode())
            published.lines[index] = b'{"document":{},"index":%d,"salt":"%b"}' % (index, b"00" * 32)
    async with serving(published) as server:
        pk = await follower.add(server.url)
        began = time.perf_counter()
        visited = await follower.visit(pk)
        took = time.perf_counter() - began
        assert (visited.code, visited.taken.documents, len(await follower.items(pk))) == (None, 10, 9_990)
        assert (took < 30, visited.requests < 120, await follower.alarms()) == (True, True, ["quarantined"])
        await follower.later(pk)
        server.asked.clear()
        await follower.visit(pk)
        assert len(server.asked) < 10


async def test_documents_that_vanish_without_a_leaf_raise_an_alarm(
    follower: Follower, server: Server, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "SETTLING_SECONDS", 0)
    published.publish(*lessons(20, start=10))
    pk = await follower.add(server.url)
    await follower.visit(pk)
    for gone, alarms in (((3,), ["missing"]), ((5, 6, 7), ["missing", "vanished"])):
        for index in gone:
            del published.lines[index]
        async with follower.node.database.write() as session:
            await session.execute(update(Peer).values(audit_at=Peer.added_at))
        assert (await follower.visit(pk)).code is None
        assert await follower.alarms() == alarms
    assert await follower.held() == 30  # our copies stay


async def test_keys_that_the_node_document_swaps_are_never_believed(
    follower: Follower, server: Server, published: Published
) -> None:
    published.signers = [THIEF]
    pk = await follower.add(server.url)
    told = await describe(Remote(server.url, allow_private=True))
    assert told.keys == (str(THIEF.verifier),)
    assert (await follower.visit(pk)).code == "unsigned"
    assert (await follower.peer(pk)).verifiers == [str(SIGNER.verifier)]
    assert await follower.held() == 0


async def test_a_clock_a_year_off_changes_nothing(
    follower: Follower, server: Server, published: Published
) -> None:
    ahead = {"published": "2031-01-01T00:00:00.000Z", "updated": "2031-01-01T00:00:00.000Z"}
    published.publish(version_of("ahead", **ahead))
    published.publish(
        version_of("behind", published="1999-01-01T00:00:00.000Z", updated="1999-01-01T00:00:00.000Z")
    )
    pk = await follower.add(server.url)
    assert (await follower.visit(pk)).taken.documents == 12
    published.publish(version_of("ahead", 2, updated="1998-01-01T00:00:00.000Z"))
    assert (await follower.visit(pk)).taken.documents == 1
