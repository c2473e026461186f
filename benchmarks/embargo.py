"""Scheduled publication: a thousand drafts that are due at once, while a registry serves and indexes."""

import asyncio
import sqlite3
import time
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import bindparam, select

from benchmarks import servers, synthetic
from benchmarks.stand import Found, Stand, isolated
from registry.actor import Actor
from registry.clock import instant
from registry.db import now, table_of
from registry.exchange.item import Options
from registry.exchange.run import run
from registry.exchange.sink import RegistrySink
from registry.node import init_node, open_node
from registry.providers import service as providers
from registry.records.models import Draft, Record
from registry.records.versions import Desk
from registry.settings import Settings

DUE = 1000
AHEAD = timedelta(seconds=3)
ROUNDS = 2
PATIENCE = 60


def measure(stand: Stand) -> Found:
    """How long after its time the last of those that are due at once is published; the worst round."""
    late = []
    for _ in stand.steps(ROUNDS, "schedules"):
        with TemporaryDirectory(dir=stand.folder) as folder:
            settings = isolated(data=Path(folder))
            asyncio.run(_prepare(settings))
            with servers.candor(settings.data):
                late.append(_seconds_late(settings.data, asyncio.run(_schedule(settings))))
    return {"embargo_late": (max(late), f"{DUE:,} at once: " + " ".join(f"{one:.2f}" for one in late))}


async def _prepare(settings: Settings) -> None:
    await init_node(settings)
    async with open_node(settings) as node:
        async with node.database.write() as session:
            provider = await providers.add(
                session, "benchmark", "Benchmark", origin=node.origin, approve=True, by="candor bench"
            )
        desk = Desk(node.origin, await node.vocabulary.current(), secret=node.secret)
        sink = RegistrySink(node.database, desk, Actor(name="candor bench"), provider, node.secret, False)
        source = settings.data / "source"
        synthetic.write_source(source, range(DUE), lambda _: None)
        await run(synthetic.FORMAT.read(source, Options()), sink, vocabulary=desk.vocabulary, strict=True)


async def _schedule(settings: Settings) -> datetime:
    """Approve all drafts and schedule them, as a thousand calls would leave them; answers for when."""
    async with open_node(settings) as node, node.database.write() as session:
        due = now() + AHEAD
        keys = (await session.execute(select(Record.pk, Record.id).join(Draft))).all()
        table = table_of(Draft)
        statement = table.update().where(table.c.record_pk == bindparam("of"))
        values: dict[str, Any] = {
            name: bindparam(name) for name in ("step", "due_at", "together", "scheduled_by")
        }
        rows = [
            {"of": pk, "step": "approved", "due_at": due, "together": [id], "scheduled_by": "candor bench"}
            for pk, id in keys
        ]
        if len(rows) != DUE:
            raise RuntimeError(f"{len(rows)} drafts were made instead of {DUE}")
        await session.execute(statement.values(**values), rows)
        return due


def _seconds_late(data: Path, due: datetime) -> float:
    with sqlite3.connect(f"file:{data / 'candor.sqlite'}?mode=ro", uri=True) as connection:
        end = due + timedelta(seconds=PATIENCE)
        while connection.execute("SELECT EXISTS (SELECT 1 FROM draft)").fetchone()[0]:
            if now() > end:
                raise RuntimeError(f"what was due at {instant(due)} is not published yet")
            time.sleep(0.01)
        return (now() - due).total_seconds()
