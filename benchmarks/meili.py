"""Searching with Meilisearch: what the registry adds to asking Meilisearch itself, one question at a time and
many at once.

It takes the program `meilisearch` on the PATH, or a server named by `CANDOR_TEST_MEILI_URL` (and
`CANDOR_TEST_MEILI_KEY`) that may be written to. Without either, nothing is measured.
"""

import asyncio
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlencode, urlsplit

from pydantic import SecretStr

from benchmarks import datasette, indexing, searching, servers
from benchmarks.load import HOST, Client, answered, request_bytes
from benchmarks.questions import Question, questions
from benchmarks.stand import Found, Registry, Stand, isolated, until_at_rest
from search.meili import MeiliEngine

QUESTIONS = 300
WARM = 20
CONNECTIONS = 16
LOADS = 3
URL, KEY = "CANDOR_TEST_MEILI_URL", "CANDOR_TEST_MEILI_KEY"
NAMES = ("meili_overhead", "meili_rate", "datasette_meili", "meili_growth", "meili_rebuild")
_MISSING = f"no Meilisearch: put `meilisearch` on the PATH, or set {URL}"


@dataclass(frozen=True, slots=True)
class _Server:
    url: str
    key: str

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 80

    def settings(self, prefix: str) -> dict[str, str]:
        return {"search_url": self.url, "search_key": self.key, "search_prefix": prefix}


def measure(stand: Stand) -> Found:
    with TemporaryDirectory(dir=stand.folder) as folder, _running(Path(folder)) as server:
        if server is None:
            return dict.fromkeys(NAMES, (None, _MISSING))
        large, tenth = stand.large(), stand.tenth()
        run = secrets.token_hex(4)
        given = {one.records: server.settings(f"bench{run}n{one.records}") for one in (large, tenth)}
        seconds = indexing.rebuild(large, **given[large.records])
        rate = f"{large.records:,} records, {large.records / seconds:,.0f} a second"
        found: Found = {"meili_rebuild": (seconds, rate)}
        if tenth.records != large.records:
            indexing.rebuild(tenth, **given[tenth.records])
        found |= _compared(stand, large, server, given[large.records])
        served = [(one.folder, given[one.records]) for one in (tenth, large)]
        less, more = searching.in_turns(stand, "searches of more and of less", served)
        found["meili_growth"] = (more / less, f"{more:.2f} ms against {less:.2f} ms")
        title = "searches with Meilisearch, and of Datasette"
        found["datasette_meili"] = datasette.compared(stand, title, given[large.records])
        return found


def _compared(stand: Stand, registry: Registry, server: _Server, settings: Mapping[str, str]) -> Found:
    """The same questions over HTTP, and what they come to in Meilisearch's own terms."""
    asked = list(questions(QUESTIONS + WARM))
    straight, again = asyncio.run(_in_its_terms(registry, server, settings, asked))
    times: tuple[list[float], list[float]] = ([], [])
    rates: tuple[list[float], list[float]] = ([], [])
    with (
        servers.candor(registry.folder, cache_megabytes="0", **settings) as (port, _),
        Client(port) as client,
        Client(server.port) as itself,
    ):
        until_at_rest(client)
        ours = [request_bytes(port, f"/api/v1/search?{urlencode(question)}") for question in asked]
        ends = ((client, ours), (itself, straight))
        for number in stand.steps(len(asked), "searches with Meilisearch"):
            for which in (0, 1) if number % 2 else (1, 0):
                connection, requests = ends[which]
                reply = connection.ask(requests[number])
                if reply.status != 200:
                    raise RuntimeError(f"{asked[number]} is answered {reply.status}: {reply.body[:300]!r}")
                times[which].append(reply.seconds)
        for number in stand.steps(LOADS, f"{CONNECTIONS} at once"):
            for which in (0, 1) if number % 2 else (1, 0):
                to, requests = ((port, ours), (server.port, straight))[which]
                rates[which].append(answered(to, requests, connections=CONNECTIONS))
    http, own = (median(one[WARM:]) * 1000 for one in times)
    many, most = (median(one) for one in rates)
    return {
        "meili_overhead": (
            http - own,
            f"{http:.2f} ms over HTTP, {own:.2f} ms in Meilisearch; "
            f"{again} of {len(asked)} questions took more than one request",
        ),
        "meili_rate": (many / most, f"{many:.0f} a second against {most:.0f}"),
    }


async def _in_its_terms(
    registry: Registry, server: _Server, settings: Mapping[str, str], asked: Sequence[Question]
) -> tuple[list[bytes], int]:
    """What the engine sends to Meilisearch first for each question, as whole requests; and for how many it
    sent more. A question with words that no record holds is asked again, as they may have been meant.
    """
    key = SecretStr(server.key)
    given = isolated(
        data=registry.folder, search_url=server.url, search_key=key, search_prefix=settings["search_prefix"]
    )
    engine = MeiliEngine(given, "records")
    sent: list[bytes] = []
    post = engine.wire.post

    async def noted(path: str, body: bytes, key: str | None) -> bytes:
        head = f"POST {path} HTTP/1.1\r\nHost: {HOST}:{server.port}\r\nContent-Type: application/json\r\n"
        head += f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
        sent.append(head.encode() + body)
        return await post(path, body, key)

    engine.wire.post = noted  # type: ignore[method-assign]
    requests: list[bytes] = []
    again = 0
    for question in asked:
        sent.clear()
        await engine.search(searching.understood(question))
        requests.append(sent[0])
        again += len(sent) > 1
    engine.wire.close()
    return requests, again


@contextmanager
def _running(folder: Path) -> Iterator[_Server | None]:
    """A server that may be written to; None where there is none. What was started here ends here."""
    if url := os.environ.get(URL):
        yield _Server(url.rstrip("/"), os.environ.get(KEY, ""))
        return
    if (program := shutil.which("meilisearch")) is None:
        yield None
        return
    port, key = servers.free_port(), secrets.token_hex(16)
    command = [program, "--no-analytics", "--http-addr", f"{HOST}:{port}", "--db-path", str(folder / "db")]
    command += ["--dump-dir", str(folder / "dumps"), "--master-key", key, "--log-level", "ERROR"]
    with servers.process(command, servers.environment(), folder, port, "/health"):
        yield _Server(f"http://{HOST}:{port}", key)
