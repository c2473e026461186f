"""Running a registry: web processes, and followers of the log."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import structlog

from registry.changelog.tail import Tail
from registry.consumers import readers_of
from registry.db import Database
from registry.extensions import Extension, Node, load_extensions
from registry.logs import configure
from registry.memory import collect_seldom, share_heaps
from registry.node import open_node, ready_embedded
from registry.settings import Settings, load
from registry.transparency.rotation import ready_keys
from registry.transparency.storage import open_storage
from registry.transparency.taken_back import refuse_older
from registry.transparency.witnesses import read_witnesses

log = structlog.get_logger("candor.operate")


def serve(settings: Settings) -> None:
    """Serve until told to stop. Raises `Misconfigured`, before a port is open, when the database is not
    ready.
    """
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    asyncio.run(_ready(settings))
    server = Granian(
        "registry.operate:application",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        factory=True,
        loop=cast(Any, "asyncio"),
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=20,
    )
    server.serve()


def application() -> Any:
    """What each web process runs."""
    from registry.app import create_app

    _end_with_parent()
    share_heaps()
    collect_seldom()
    settings = load()
    configure(settings)
    extensions = load_extensions(settings.extensions)
    database = Database(settings.database)
    node = asyncio.run(_loaded(settings))
    # The engine's connections belong to an event loop: the one that read the node has ended.
    app = create_app(node.on(database), extensions)
    if settings.trusted_proxies:
        from granian.utils.proxies import wrap_asgi_with_proxy_headers

        return wrap_asgi_with_proxy_headers(app, trusted_hosts=list(settings.trusted_proxies))
    return app


def _end_with_parent() -> None:
    """Let a web process end when the one that watches over it was killed.

    It would go on serving, and keep its leases, with nobody left who could tell it to stop.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


async def _loaded(settings: Settings) -> Node:
    async with open_node(settings) as node:
        return node


async def _ready(settings: Settings) -> None:
    read_witnesses(settings)
    await ready_embedded(settings)
    async with open_node(settings) as node:
        await refuse_older(settings, node.database)
        if settings.embedded:
            keys = await ready_keys(settings, node.database, node.origin)
            if not keys.log:
                log.warning("the log's key is not here: nothing is signed", folder=str(keys.folder))


async def work(settings: Settings, extensions: Sequence[Extension]) -> None:
    """Follow the log and other registries, and publish drafts at their time, until told to stop: what
    `candor worker` does where `serve` leaves it.
    """
    from registry.federation.following import Following
    from registry.records.api_shared import desk_of
    from registry.records.firing import Firing

    share_heaps()
    collect_seldom()
    async with open_node(settings, extensions) as node:
        await refuse_older(settings, node.database)
        tails = tails_of(node, extensions)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        firing = Firing(node.database, partial(desk_of, node))
        runs = [*(tail.run for tail in tails), firing.run, Following(node).run]
        tasks = [asyncio.create_task(run()) for run in runs]
        log.info("following the log", readers=[tail.reader.name for tail in tails])
        await stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def tails_of(node: Node, extensions: Sequence[Extension]) -> list[Tail]:
    """The log readers: the registry's own, and those that the extensions bring."""
    storage = open_storage(node.settings, node.database)
    return [Tail(node.database, reader) for reader in readers_of(node, extensions, storage)]
