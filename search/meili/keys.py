"""Which key opens what. From a master key, one is made that may only ask and one that may only keep the
index; any other key is used as it is.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

import structlog

from search.meili.server import Server
from search.meili.wire import Refused

log = structlog.get_logger("candor.search")

ASKING = ("search",)
KEEPING = (
    "documents.add",
    "documents.delete",
    "indexes.create",
    "indexes.get",
    "indexes.delete",
    "indexes.swap",
    "settings.get",
    "settings.update",
    "tasks.get",
)
LOOKING = ("version",)
_AGAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Keys:
    """What asks, what keeps the index, and what looks at the server, which is no matter of one index."""

    asking: str | None
    keeping: str | None
    looking: str | None


class Keyring:
    """The keys for one index, found out when the first of them is needed."""

    def __init__(self, url: str, given: str | None, uid: str) -> None:
        self._url = url
        self._given = given
        self._uid = uid
        self._made: Keys | None = None
        self._making = asyncio.Lock()
        self._refused_at = 0.0

    async def to_search(self) -> str | None:
        return (self._made or await self._make()).asking

    async def to_keep(self) -> str | None:
        return (self._made or await self._make()).keeping

    def known(self) -> Keys:
        """The keys, as far as they are known: before, the one that was given."""
        return self._made or self._same()

    def _same(self) -> Keys:
        return Keys(self._given, self._given, self._given)

    def refused(self, error: Refused) -> None:
        """A key was not taken: it may have been made by a master key that is another one now."""
        if time.monotonic() > self._refused_at + _AGAIN_SECONDS:
            log.error("Meilisearch refuses the key", index=self._uid, reason=error.message[:300])
            self._refused_at = time.monotonic()
            self._made = None

    async def _make(self) -> Keys:
        async with self._making:
            if self._made is None:
                self._made = await self._make_now() if self._given else self._same()
        return self._made

    async def _make_now(self) -> Keys:
        server = Server(self._url, self._given)
        # Indexes that are being built have names of their own behind the one that serves.
        beside = (self._uid, f"{self._uid}-*")
        try:
            return Keys(
                await self._key(server, "ask", ASKING, (self._uid,)),
                await self._key(server, "keep", KEEPING, beside),
                await self._key(server, "look", LOOKING, ("*",)),
            )
        except Refused as error:
            if error.status in (401, 403):
                return self._same()  # no master key
            raise
        finally:
            server.close()

    async def _key(self, server: Server, purpose: str, actions: Sequence[str], indexes: Sequence[str]) -> str:
        # What it may do is in its name: a version that needs more makes another.
        uid = uuid5(NAMESPACE_URL, f"candor:{self._uid}:{purpose}:{','.join(actions)}")
        return await server.key(str(uid), actions, indexes, f"Candor: {purpose} {self._uid}")
