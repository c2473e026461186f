"""From a publication until it is found."""

import asyncio
import time

from benchmarks import servers
from benchmarks.load import Client
from benchmarks.stand import Found, Stand, publish_one, until_at_rest
from benchmarks.synthetic import BLOCK

ROUNDS = 10
FIRST = 20_000_000
"""The number of the first record that is published: far from those there are."""
PATIENCE = 30
_LOOK_SECONDS = 0.01


def measure(stand: Stand) -> Found:
    """One record at a time is published by another process than the one that serves and indexes; the slowest
    counts. The time begins when it is written.
    """
    registry = stand.large()
    took: list[float] = []
    with servers.candor(registry.folder) as (port, _), Client(port) as client:
        until_at_rest(client)
        first = FIRST + _total(client) * BLOCK
        for number in stand.steps(ROUNDS, "publications"):
            before = _total(client)
            asyncio.run(publish_one(registry, first + number * BLOCK))
            took.append(_until_found(client, before + 1))
    said = f"{ROUNDS} publications, {min(took):.2f} s to {max(took):.2f} s"
    return {"found_after": (max(took), said)}


def _until_found(client: Client, total: int) -> float:
    begun = time.perf_counter()
    while _total(client) < total:
        if time.perf_counter() > begun + PATIENCE:
            raise TimeoutError("what was published is not found")
        time.sleep(_LOOK_SECONDS)
    return time.perf_counter() - begun


def _total(client: Client) -> int:
    import msgspec

    return int(msgspec.json.decode(client.get("/api/v1/search?limit=0").body)["total"])
