"""A real Meilisearch for tests: one that runs already, or one started from the program on the PATH."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from pydantic import SecretStr

from registry.settings import Settings
from search.meili import MeiliEngine
from search.meili.fields import KEY as KEY_OF
from tests.search.documents import place, project

URL, KEY = "CANDOR_TEST_MEILI_URL", "CANDOR_TEST_MEILI_KEY"
MISSING = (
    "NO MEILISEARCH: nothing was tried against it. Put `meilisearch` on the PATH, or set "
    f"{URL} and {KEY} to one that may be written to."
)
_START_SECONDS = 30


@dataclass(frozen=True)
class Running:
    """Where it answers, and its master key."""

    url: str
    key: str | None

    def settings(self, folder: Path, prefix: str) -> Settings:
        key = SecretStr(self.key) if self.key else None
        return Settings(
            data=folder, search_url=self.url, search_key=key, search_prefix=prefix, _env_file=None
        )


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Running | None]:
    """None where there is no Meilisearch. What was started here ends here."""
    if url := os.environ.get(URL):
        yield Running(url, os.environ.get(KEY))
        return
    if (program := shutil.which("meilisearch")) is None:
        yield None
        return
    with started(program, folder, free_port()) as server:
        yield server


@contextlib.contextmanager
def started(program: str, folder: Path, port: int) -> Iterator[Running]:
    server = Running(f"http://127.0.0.1:{port}", uuid4().hex)
    command = [program, "--no-analytics", "--http-addr", f"127.0.0.1:{port}", "--db-path", str(folder / "db")]
    command += ["--dump-dir", str(folder / "dumps"), "--master-key", str(server.key), "--log-level", "ERROR"]
    # It prepares as much for every batch, however small: by default two thirds of the machine.
    command += ["--max-indexing-memory", "128Mb"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + _START_SECONDS
        while not _answers(server.url):
            assert process.poll() is None, "Meilisearch ended"
            assert time.monotonic() < until, "Meilisearch does not answer"
            time.sleep(0.02)
        yield server
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5).is_success
    except httpx.TransportError:
        return False


class Shared:
    """One index for many tests, which takes less than an index for each."""

    def __init__(self, server: Running, folder: Path) -> None:
        self.engine = MeiliEngine(server.settings(folder, f"test{uuid4().hex[:12]}"), "records")
        self._built = False

    async def holding(self, documents: list[dict[str, Any]]) -> MeiliEngine:
        """The engine, with exactly these documents in it."""
        records = [project(fields) for fields in documents]
        if not self._built:
            async with self.engine.rebuild() as rebuild, rebuild.finishing():
                await rebuild.publish(place(0))
            self._built = True
        _, (found,) = await self.engine.asker.ask([{"limit": 10_000, "attributesToRetrieve": [KEY_OF]}])
        gone = {hit.origin_and_id() for hit in found.hits if hit.key}
        async with self.engine.writing():
            await self.engine.update(records, list(gone), place(1))
        return self.engine
