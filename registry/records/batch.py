"""Many submissions in one request: a line each in, a line each out, each stored on its own.

A line's result stands as soon as the line is read: it is a draft, or a problem that says why there is none.
Nothing is half done: each is a transaction of its own, and what ends the request leaves the lines before it
as they were told.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from registry.actor import Actor
from registry.canonical import MAX_DOCUMENT_BYTES, digest, read_json
from registry.db import Database
from registry.errors import CandorError, TooLarge
from registry.extensions import Node
from registry.idempotency import once_in
from registry.problems import body_of, translate
from registry.records import drafts, views
from registry.records.versions import Desk

MOST_LINES = 1000
MOST_BYTES = 16 * MAX_DOCUMENT_BYTES
LONGEST_LINE = MAX_DOCUMENT_BYTES

log = structlog.get_logger("candor.batch")


@dataclass(frozen=True, slots=True)
class Batch:
    """A request for many drafts. `still` answers who the sender is by now; `key` tells repeats apart."""

    node: Node
    desk: Desk
    still: Callable[[], Awaitable[Actor]]
    key: str | None
    instance: str


async def results(batch: Batch, sent: "Sent") -> AsyncIterator[dict[str, Any]]:
    """What becomes of each line, in order. Empty lines count, and have no result."""
    for number, line in enumerate(sent.lines, 1):
        if line.strip():
            yield await _one(batch, number, line)
    if sent.ended_by is not None:
        yield _problem(batch, len(sent.lines) + 1, sent.ended_by)


@dataclass(frozen=True, slots=True)
class Sent:
    """The lines of a request, and what ended it before its end: the limit that it passed."""

    lines: list[bytes]
    ended_by: CandorError | None = None


async def read_lines(chunks: AsyncIterator[bytes]) -> Sent:
    """Cut a body into lines, up to the first limit that is passed.

    All of it is read before the first answer goes out: a sender that reads nothing before all is sent would
    else wait for us, and we for it.
    """
    lines: list[bytes] = []
    rest, total = b"", 0
    try:
        async for chunk in chunks:
            total += len(chunk)
            if total > MOST_BYTES:
                raise TooLarge(f"A batch has {MOST_BYTES:,} bytes at most. The lines before this are stored.")
            if b"\n" not in chunk:
                rest += chunk
                _bounded(rest, len(lines))
                continue
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                _bounded(line, len(lines))
                lines.append(line)
            _bounded(rest, len(lines))
    except TooLarge as error:
        return Sent(lines, error)
    return Sent([*lines, rest] if rest else lines)


def _bounded(line: bytes, before: int) -> None:
    if before >= MOST_LINES and line:
        raise TooLarge(f"A batch has {MOST_LINES:,} lines at most. The lines before this are stored.")
    if len(line) > LONGEST_LINE:
        raise TooLarge(f"A line has {LONGEST_LINE:,} bytes at most. The lines before this are stored.")


async def _one(batch: Batch, number: int, line: bytes) -> dict[str, Any]:
    try:
        raw = read_json(line, limit=LONGEST_LINE)
        # Asked again for every line: a client may be revoked, or its organisation suspended, meanwhile.
        actor = await batch.still()
        database: Database = batch.node.database
        async with database.write() as session:

            async def work() -> Any:
                return views.draft(await drafts.create_draft(session, batch.desk, actor, raw))

            if batch.key is None:
                made = await work()
            else:
                key = f"{batch.key}\nline {number}"
                made = await once_in(session, batch.node, actor, key, digest(line), work)
        return {"line": number, **made}
    except Exception as error:
        known = translate(error)
        if known is not error and type(known) is CandorError:
            log.exception("a line of a batch failed", line=number)
        return _problem(batch, number, known)


def _problem(batch: Batch, number: int, error: CandorError) -> dict[str, Any]:
    problem = body_of(error, batch.instance)
    findings = problem.pop("findings", None)
    return {"line": number, "problem": problem, **({"findings": findings} if findings else {})}
