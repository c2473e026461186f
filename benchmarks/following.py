"""Following: a first sync with everything verified, a poll with nothing new, and one new entry behind a long
log and behind a short one.
"""

import asyncio
import time
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import servers, synthetic
from benchmarks.load import HOST, Client
from benchmarks.stand import Found, Registry, Stand, isolated, publish_one
from registry.extensions import Node
from registry.federation.leases import holder_name
from registry.federation.service import add
from registry.federation.visits import Visited, visit
from registry.node import init_node, open_node
from registry.transparency.keys import load
from registry.transparency.notes import read_checkpoint, read_note

ORIGIN = "follower.example/log"
ROUNDS = 15
FIRST = 10_000_000
"""The number of the first record that is published while others follow: far from those there are."""
CHECKPOINT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class _Followed:
    """A registry that is served, and another one that follows it."""

    registry: Registry
    port: int
    follower: Node
    log_pk: int
    holder: str

    async def visit(self) -> tuple[float, Visited]:
        started = time.perf_counter()
        visited = await visit(self.follower, self.log_pk, self.holder)
        took = time.perf_counter() - started
        if visited.code is not None:
            raise RuntimeError(f"following failed: {visited.error}")
        return took, visited

    async def publish(self) -> None:
        """Publish one record that is not there yet, and wait until a checkpoint covers it."""
        before = _size(self.port)
        number = FIRST + before * synthetic.BLOCK
        await publish_one(self.registry, number)
        await _covered(self.port, before + 1)


def measure(stand: Stand) -> Found:
    """The large registry is followed from its beginning; then one record is published at both, in turns."""
    with ExitStack() as stack:
        ports = [
            (one, stack.enter_context(servers.candor(one.folder))[0])
            for one in (stand.small(), stand.large())
        ]
        folder = Path(stack.enter_context(TemporaryDirectory(dir=stand.folder)))
        return asyncio.run(_measured(stand, ports, folder))


async def _measured(stand: Stand, ports: list[tuple[Registry, int]], folder: Path) -> Found:
    async with AsyncExitStack() as stack:
        both = [
            await _followed(stack, registry, port, folder / str(place))
            for place, (registry, port) in enumerate(ports)
        ]
        await both[0].visit()
        took, first = await both[1].visit()
        _, idle = await both[1].visit()
        times: tuple[list[float], list[float]] = ([], [])
        requests = [0, 0]
        for number in stand.steps(ROUNDS, "following: one more"):
            for which in (0, 1) if number % 2 else (1, 0):
                await both[which].publish()
                seconds, visited = await both[which].visit()
                if visited.taken.documents != 1:
                    raise RuntimeError(f"{visited.taken.documents} documents came instead of one")
                times[which].append(seconds)
                requests[which] = visited.requests
    small, large = (median(each[1:]) * 1000 for each in times)
    documents = first.taken.documents
    return {
        "follow_rate": (
            documents / took,
            f"{documents:,} documents in {took:.1f} s, {first.requests} requests",
        ),
        "follow_idle": (float(idle.requests), "the checkpoint, if it is another"),
        "follow_growth": (
            large / small,
            f"{large:.1f} ms against {small:.1f} ms, {requests[1]} requests against {requests[0]}",
        ),
    }


async def _followed(stack: AsyncExitStack, registry: Registry, port: int, folder: Path) -> _Followed:
    """A fresh registry that is about to follow one that is served."""
    settings = isolated(
        data=folder, origin=ORIGIN, federation_allow_private=True, follow_audit_minutes=100_000
    )
    await init_node(settings)
    node = await stack.enter_async_context(open_node(settings))
    async with open_node(registry.settings) as theirs:
        key = load(theirs.settings, theirs.origin).verifiers[0]
    await _covered(port, registry.records)
    async with node.database.write() as session:
        peer = await add(session, f"http://{HOST}:{port}", key, "followed", own=node.origin)
    return _Followed(registry, port, node, peer.log_pk, holder_name())


async def _covered(port: int, size: int) -> None:
    """Wait until a checkpoint covers so many entries."""
    end = time.monotonic() + CHECKPOINT_SECONDS
    while await asyncio.to_thread(_size, port) < size:
        if time.monotonic() > end:
            raise TimeoutError("no checkpoint covers what was published")
        await asyncio.sleep(0.05)


def _size(port: int) -> int:
    with Client(port) as client:
        answer = client.get("/log/checkpoint", status=None)
    return read_checkpoint(read_note(answer.body).text).size if answer.status == 200 else 0
