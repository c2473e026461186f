"""Wherever the log's files are kept, they are kept alike: one protocol, and one log grown in each."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest
from obstore.store import LocalStore, MemoryStore

from registry.errors import Misconfigured, Unavailable
from registry.extensions import Node
from registry.settings import Settings
from registry.transparency.keys import prepare
from registry.transparency.notes import read_checkpoint, read_note
from registry.transparency.objects import ObjectStorage, open_s3
from registry.transparency.sequencer import Sequencer, show_checkpoint
from registry.transparency.storage import (
    DatabaseStorage,
    FolderStorage,
    SessionStorage,
    Storage,
    open_storage,
)
from registry.transparency.tiles import tiles_of
from registry.transparency.trees import LogFiles
from tests.conftest import Join, Publish
from tests.registry.transparency.crashing import begin_log, drive

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)

# Over S3's own protocol, as far as it is used: a bucket in memory behind a real server.
KEY_ID = "example-key-id"


class Bucket(BaseHTTPRequestHandler):
    """PUT, GET and DELETE of an object, and removing several, for whoever signs as the one known key."""

    objects: dict[str, bytes] = {}  # noqa: RUF012  (made anew for each server)

    def do_PUT(self) -> None:
        self.objects[self._name()] = self._body()
        self._answer(200, headers={"ETag": '"1"'})

    def do_GET(self) -> None:
        body = self.objects.get(self._name())
        if body is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._answer(200, body, {"ETag": '"1"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"})

    def do_DELETE(self) -> None:
        self.objects.pop(self._name(), None)
        self._answer(204)

    def do_POST(self) -> None:
        names = re.findall(r"<Key>([^<]+)</Key>", self._body().decode())
        for name in names:
            self.objects.pop(f"{self._name()}/{name}".replace("//", "/"), None)
        gone = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in names)
        self._answer(200, f"<DeleteResult>{gone}</DeleteResult>".encode())

    def _name(self) -> str:
        return unquote(urlsplit(self.path).path).strip("/")

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        if f"AWS4-HMAC-SHA256 Credential={KEY_ID}/" not in self.headers.get("authorization", ""):
            status, body = 403, b"<Error><Code>AccessDenied</Code></Error>"
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Tests say what they have to say themselves."""


@contextmanager
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """A server of objects, and an environment that leads to it; hands over what it holds."""
    handler = type("OneBucket", (Bucket,), {"objects": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=[0.02], daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example-secret")
    monkeypatch.setenv("AWS_REGION", "example-region")
    yield handler.objects  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(params=["database", "transaction", "folder", "memory", "local", "s3"])
async def storage(
    request: pytest.FixtureRequest, node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Storage]:
    match request.param:
        case "database":
            yield DatabaseStorage(node.database)
        case "transaction":
            async with node.database.write() as session:
                yield SessionStorage(session)
        case "folder":
            yield FolderStorage(tmp_path / "files")
        case "memory":
            yield ObjectStorage(MemoryStore())
        case "local":
            yield ObjectStorage(LocalStore(tmp_path / "objects", mkdir=True))
        case _:
            with bucket(monkeypatch):
                yield open_s3("s3://example-bucket/candor/log")


async def test_each_keeps_to_the_protocol(storage: Storage) -> None:
    assert await storage.get("log/tile/0/000") is None
    await storage.put({})
    await storage.put({"log/tile/0/000": b"one", "log/tile/0/000.p/7": b"seven", "mirror/0a/checkpoint": b""})
    await storage.put({"log/tile/0/000": b"two"})
    await storage.sync()
    assert await storage.get("log/tile/0/000") == b"two"
    assert await storage.get("mirror/0a/checkpoint") == b""
    assert await storage.get("log/tile/0") is None
    await storage.delete(f"log/tile/0/000.p/{width}" for width in range(1, 256))
    await storage.delete(["log/tile/0/000.p/7"])
    assert await storage.get("log/tile/0/000.p/7") is None
    assert await storage.get("log/tile/0/000") == b"two"

    # A log grows in it, by steps and at once, to the same files.
    held = [(b"%d" % number, bytes([number % 256]) * 32) for number in range(600)]

    async def entries(start: int, end: int) -> list[tuple[bytes, bytes]]:
        return held[start:end]

    steps, once = LogFiles(storage, "log/"), LogFiles(storage, "mirror/0b/")
    for old, new in ((0, 200), (200, 300), (300, 600)):
        await steps.grow(old, new, entries)
        await steps.forget_partials(old, new)
    await once.grow(0, 600, entries)
    for tile in tiles_of(600):
        assert await steps.read(tile) == await once.read(tile), tile.path
    assert await storage.get("log/tile/0/000.p/200") is None


async def test_a_log_is_kept_in_a_bucket(
    node: Node, settings: Settings, join: Join, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bucket(monkeypatch) as objects:
        elsewhere = settings.model_copy(update={"log_store": "s3://example-bucket/candor"})
        storage = open_storage(elsewhere, node.database)
        keys = prepare(settings, node.origin)
        await begin_log(node, keys, storage, 255)
        lab = await join("lab")
        await publish(lab)
        await drive(node, Sequencer(node.database, node.origin, keys, storage))
        names = {name.removeprefix("example-bucket/candor/log/") for name in objects}
        assert names == {"checkpoint", "tile/0/000", "tile/entries/000", "tile/1/000.p/1"}
        tip = read_checkpoint(read_note(objects["example-bucket/candor/log/checkpoint"]).text)
        assert tip.size == 256
        assert await LogFiles(storage, "log/").lead_to(tip)
        objects["example-bucket/candor/log/checkpoint"] = b"old"
        await show_checkpoint(node.database, storage, node.origin)
        assert objects["example-bucket/candor/log/checkpoint"] != b"old"

        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody-else")
        with pytest.raises(Unavailable, match="does not answer"):
            await open_s3("s3://example-bucket/candor").get("log/checkpoint")


@pytest.mark.parametrize(
    "url", ["gs://bucket/x", "s3://", "s3:///prefix", "s3://user:secret@bucket/prefix", "s3://bucket?x=1"]
)
def test_what_is_no_bucket_is_refused(settings: Settings, url: str) -> None:
    with pytest.raises(Misconfigured, match="CANDOR_LOG_STORE") as refused:
        open_s3(url)
    assert "secret@" not in str(refused.value)
