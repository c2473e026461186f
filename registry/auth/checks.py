"""What was checked a moment ago, and what was used: so that a check is cheap and a use costs no write."""

import asyncio
import contextlib
import time
from datetime import datetime

import structlog
from sqlalchemy import select, update

from registry.actor import Actor
from registry.auth.models import PersonSession, Token
from registry.auth.sessions import SignedIn
from registry.db import Database, now
from registry.providers.models import Client

SECONDS = 1.0
"""How long a check is good for: in other processes a revocation is seen that much later."""
MOST = 10_000
FLUSH_SECONDS = 30.0

log = structlog.get_logger("candor.auth")
Checked = Actor | SignedIn


class Checks:
    """Checked tokens and sessions, for a second at most, and until the next commit of this process.

    Any commit may be a revocation, a suspension or a lower role, so each empties it: what is forgotten too
    often costs one look at the database, what is forgotten too late would open what was closed.
    """

    def __init__(self) -> None:
        self._kept: dict[bytes, tuple[float, Checked]] = {}
        self._commits = 0

    def find(self, key: bytes) -> Checked | None:
        """What is known of a key, when it is known freshly enough."""
        found = self._kept.get(key)
        return found[1] if found is not None and found[0] > time.monotonic() else None

    def moment(self) -> tuple[int, float]:
        """To be taken before the database is read, and given to `keep`."""
        return self._commits, time.monotonic()

    def keep(self, key: bytes, value: Checked, since: tuple[int, float]) -> None:
        """Keep what was read, unless something was committed meanwhile: it may have been read before that."""
        commits, at = since
        if commits != self._commits:
            return
        if len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[key] = (at + SECONDS, value)

    async def forget(self) -> None:
        """Run after each commit (`Database.on_commit`), before whoever committed answers."""
        self._commits += 1
        self._kept.clear()


class Uses:
    """When tokens and sessions were last used, written down together now and then."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._tokens: dict[str, datetime] = {}
        self._sessions: dict[int, datetime] = {}

    def token(self, token_hash: str) -> None:
        self._tokens[token_hash] = now()

    def session(self, pk: int) -> None:
        self._sessions[pk] = now()

    async def flush(self) -> None:
        """Write down what was noted."""
        tokens, self._tokens = self._tokens, {}
        sessions, self._sessions = self._sessions, {}
        if not tokens and not sessions:
            return
        async with self.database.write() as session:
            for token_hash, at in sorted(tokens.items()):
                await session.execute(
                    update(Token).where(Token.token_hash == token_hash).values(last_used_at=at)
                )
                holder = select(Token.client_pk).where(Token.token_hash == token_hash).scalar_subquery()
                await session.execute(update(Client).where(Client.pk == holder).values(last_used_at=at))
            for pk, at in sorted(sessions.items()):
                await session.execute(update(PersonSession).where(PersonSession.pk == pk).values(seen_at=at))

    async def run(self) -> None:
        """Flush until cancelled, and once more then."""
        try:
            while True:
                await asyncio.sleep(FLUSH_SECONDS)
                await self._try()
        finally:
            await self._try()

    async def _try(self) -> None:
        # Times of use are a convenience: a database that does not answer is told of elsewhere.
        with contextlib.suppress(asyncio.CancelledError):
            try:
                await self.flush()
            except Exception:
                log.warning("could not write down what was last used", exc_info=True)
