"""A registry to follow, as a real HTTP server on loopback that says whatever a test wants."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import func, select, update

from registry.db import now
from registry.extensions import Node
from registry.federation.leases import holder_name
from registry.federation.models import Alarm, Peer, PeerItem
from registry.federation.service import add
from registry.federation.visits import Visited, visit
from registry.records.mirrored import MirroredVersion
from registry.records.models import Record, Version
from registry.transparency.leaves import EraseLeaf, RecordLeaf
from registry.transparency.merkle import leaf_hash, root_of
from registry.transparency.models import Log
from registry.transparency.notes import Checkpoint, Signer, sign_checkpoint
from registry.transparency.tiles import Tile, encode_bundle, parse_path
from tests.registry.mirroring import PEER, version_of

SIGNER = Signer(PEER, bytes(range(32)))


class Published:
    """What a registry has published: entries in order, and by index what it says of their documents."""

    def __init__(self, signers: Sequence[Signer] = (SIGNER,)) -> None:
        self.signers = list(signers)
        self.origin = signers[0].name
        self.entries: list[bytes] = []
        self.hashes: list[bytes] = []
        self.lines: dict[int, bytes] = {}
        self._leaves: dict[tuple[str, int], bytes] = {}

    @property
    def size(self) -> int:
        return len(self.entries)

    def append(self, entry: bytes) -> int:
        self.entries.append(entry)
        self.hashes.append(leaf_hash(entry))
        return self.size - 1

    def publish(self, *items: MirroredVersion, line: bytes | None = None) -> int:
        """Publish versions; answers the index of the last."""
        for item in items:
            prev = self._leaves.get((item.id, item.version - 1))
            leaf = RecordLeaf(
                self.origin, item.id, item.version, prev.hex() if prev else None, item.commit
            ).encode()
            self._leaves[item.id, item.version] = leaf_hash(leaf)
            index = self.append(leaf)
            self.lines[index] = line_of(index, item) if line is None else line
        return self.size - 1

    def erase(self, target: int, code: str = "personal-data") -> int:
        index = self.append(EraseLeaf(self.origin, target, code).encode())
        self.lines[target] = json.dumps({"erased": index, "index": target}).encode()
        return index

    def checkpoint(self, size: int | None = None) -> bytes:
        size = self.size if size is None else size
        return sign_checkpoint(Checkpoint(self.origin, size, root_of(self.hashes[:size])), self.signers)

    def tile(self, tile: Tile) -> bytes | None:
        if tile.level is None:
            held = self.entries[tile.index * 256 : tile.index * 256 + tile.width]
            return encode_bundle(held) if len(held) == tile.width else None
        span = 256**tile.level
        starts = [(tile.index * 256 + place) * span for place in range(tile.width)]
        if starts[-1] + span > self.size:
            return None
        return b"".join(root_of(self.hashes[start : start + span]) for start in starts)

    def page(self, start: int, limit: int) -> bytes:
        lines = [self.lines[index] for index in sorted(self.lines) if index >= start][:limit]
        return b"".join(line + b"\n" for line in lines)


def line_of(index: int, item: MirroredVersion, **other: Any) -> bytes:
    fields = {"index": index, "salt": item.salt.hex(), **other}
    rest = json.dumps(fields).encode()[1:]
    return b'{"document":' + item.document + b"," + rest


def lessons(count: int, *, start: int = 0, **fields: Any) -> list[MirroredVersion]:
    return [version_of(f"r{number}", **fields) for number in range(start, start + count)]


@dataclass
class Answer:
    """What the server says: a status, headers and a body, or whatever `raw` writes."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    raw: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None


Say = Callable[[str, dict[str, str]], Answer | None]


class Server:
    """Serves what was published. `say` is asked first about every path, and may say something else."""

    def __init__(self, published: Published) -> None:
        self.published = published
        self.say: Say = lambda path, headers: None
        self.size: int | None = None
        self.asked: list[str] = []
        self.url = ""

    def answer(self, path: str, headers: dict[str, str]) -> Answer:
        said = self.say(path, headers)
        if said is not None:
            return said
        parts = urlsplit(path)
        if parts.path == "/log/checkpoint":
            body = self.published.checkpoint(self.size)
            etag = f'"{leaf_hash(body).hex()[:16]}"'
            if headers.get("if-none-match") == etag:
                return Answer(304, headers={"ETag": etag})
            return Answer(body=body, headers={"ETag": etag})
        if parts.path.startswith("/log/") and (tile := parse_path(parts.path.removeprefix("/log/"))):
            held = self.published.tile(tile)
            return Answer(404) if held is None else Answer(body=held)
        if parts.path == "/federation/v1/documents":
            query = parse_qs(parts.query)
            return Answer(body=self.published.page(int(query["from"][0]), int(query["limit"][0])))
        if parts.path == "/.well-known/candor":
            told = {"origin": self.published.origin, "name": "Their Registry", "software": "candor"}
            told["verifier_keys"] = [str(each.verifier) for each in self.published.signers]  # type: ignore[assignment]
            return Answer(body=json.dumps(told).encode())
        return Answer(404)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            path = head[0].split(" ")[1]
            self.asked.append(path)
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
            }
            answer = self.answer(path, headers)
            if answer.raw is not None:
                await answer.raw(writer)
                return
            told = {**answer.headers, "Content-Length": str(len(answer.body)), "Connection": "close"}
            lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
            writer.write(f"HTTP/1.1 {answer.status} Said\r\n{lines}\r\n".encode() + answer.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(published: Published) -> AsyncIterator[Server]:
    server = Server(published)
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()


class Follower:
    """The registry under test, as one that follows."""

    def __init__(self, node: Node) -> None:
        self.node = replace(
            node, settings=node.settings.model_copy(update={"federation_allow_private": True})
        )
        self.holder = holder_name()

    async def add(self, url: str, key: str | None = None, signer: Signer = SIGNER) -> int:
        async with self.node.database.write() as session:
            peer = await add(session, url, signer.verifier, "Their Registry", own=self.node.origin)
            return peer.log_pk

    async def visit(self, log_pk: int, **more: Any) -> Visited:
        return await visit(self.node, log_pk, self.holder, **more)

    async def peer(self, log_pk: int) -> Peer:
        async with self.node.database.read() as session:
            return await session.get_one(Peer, log_pk)

    async def log(self, log_pk: int) -> Log:
        async with self.node.database.read() as session:
            return await session.get_one(Log, log_pk)

    async def items(self, log_pk: int) -> dict[int, PeerItem]:
        async with self.node.database.read() as session:
            rows = await session.scalars(select(PeerItem).where(PeerItem.log_pk == log_pk))
            return {item.idx: item for item in rows}

    async def alarms(self) -> list[str]:
        async with self.node.database.read() as session:
            return sorted(await session.scalars(select(Alarm.code)))

    async def held(self, origin: str = PEER) -> int:
        """How many versions of an origin's records are here."""
        query = select(func.count()).select_from(Version).join(Record, Record.pk == Version.record_pk)
        async with self.node.database.read() as session:
            return await session.scalar(query.where(Record.origin == origin, Version.document != b"")) or 0

    async def age(self) -> None:
        """Let what was seen of peers be of some time ago: no cache explains another checkpoint."""
        async with self.node.database.write() as session:
            await session.execute(update(Peer).values(head_at=now() - timedelta(minutes=1)))

    async def later(self, log_pk: int) -> None:
        """Let the time come when items are asked for again."""
        async with self.node.database.write() as session:
            due = update(PeerItem).where(PeerItem.log_pk == log_pk, PeerItem.due_at.is_not(None))
            await session.execute(due.values(due_at=PeerItem.since))
