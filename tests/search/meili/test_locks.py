"""One writer at a time, whichever process it is in: with each database in its own way."""

import asyncio

from registry.settings import Settings
from search.meili.locks import make_lock


async def test_one_writer_at_a_time_on_either_database(settings: Settings) -> None:
    first, second = make_lock(settings, "writing"), make_lock(settings, "writing")
    other = make_lock(settings, "building")
    assert await first.take(wait=False)
    assert not await second.take(wait=False)
    assert await other.take(wait=False)
    await first.held()
    waiting = asyncio.create_task(second.take(wait=True))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await first.give()
    assert await asyncio.wait_for(waiting, 5)
    for lock in (second, other):
        await lock.give()
