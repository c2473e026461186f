"""One peer over HTTP: what is asked of it, and how much of an answer is read.

Nothing that comes is believed here. A registry is named by its base URL; the copy that a third registry keeps
of its log by the URL of that copy (`…/mirror/<hash>`).
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from registry.errors import Unreached
from registry.outgoing import Fetched, fetch
from registry.transparency.merkle import HASH_BYTES
from registry.transparency.notes import LARGEST_NOTE
from registry.transparency.tiles import LONGEST_ENTRY, WIDTH, Tile

PAGE_BYTES = 16 * 1024 * 1024
"""Of one answer with documents. Whoever serves them ends a page before that."""
SPAN = 512
"""Indices that one page is asked for. More than a thousand nobody has to answer."""
LARGEST_DESCRIPTION = 64 * 1024
TIMEOUT = 30.0
NDJSON = "application/x-ndjson"
_MIRROR = re.compile(r"/mirror/[0-9a-f]{64}$")
_LARGEST_BUNDLE = WIDTH * (2 + LONGEST_ENTRY)
_LONGEST_ETAG = 200

Fetch = Callable[..., Awaitable[Fetched]]


class Remote:
    """Asks one peer. `requests` counts how often. Everything raises `Unreached`."""

    def __init__(
        self, url: str, *, allow_private: bool, timeout: float = TIMEOUT, ask: Fetch = fetch
    ) -> None:
        self.url = url.rstrip("/")
        self.is_mirror = _MIRROR.search(self.url) is not None
        self.requests = 0
        self._log = f"{self.url}/" if self.is_mirror else f"{self.url}/log/"
        self._documents = f"{self.url}/{'' if self.is_mirror else 'federation/v1/'}documents"
        self._allow_private = allow_private
        self._timeout = timeout
        self._ask = ask

    async def description(self) -> bytes:
        """`/.well-known/candor`: what the registry says of itself, which proves nothing."""
        answer = await self._get(f"{self.url}/.well-known/candor", LARGEST_DESCRIPTION)
        return self._body(answer)

    async def checkpoint(self, etag: str | None) -> tuple[bytes, str | None] | None:
        """The checkpoint and its ETag; None where it is the one that `etag` names."""
        headers = {"If-None-Match": etag} if etag else {}
        answer = await self._get(f"{self._log}checkpoint", LARGEST_NOTE, headers=headers)
        if answer.status == 304 and etag:
            return None
        told = answer.headers.get("etag", "")
        fits = 0 < len(told) <= _LONGEST_ETAG and told.isascii() and told.isprintable()
        return self._body(answer), told if fits else None

    async def tile(self, tile: Tile) -> bytes | None:
        """A tile or bundle of entries; None where there is none."""
        limit = _LARGEST_BUNDLE if tile.level is None else WIDTH * HASH_BYTES
        answer = await self._get(self._log + tile.path, limit)
        return None if answer.status == 404 else self._body(answer)

    async def documents(self, start: int, span: int) -> bytes:
        """A page with the documents of so many indices from the first on, as NDJSON."""
        url = f"{self._documents}?from={start}&limit={span}"
        return self._body(await self._get(url, PAGE_BYTES, accept=NDJSON))

    async def _get(
        self, url: str, limit: int, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> Fetched:
        self.requests += 1
        return await self._ask(
            url,
            limit=limit,
            timeout=self._timeout,
            headers=headers,
            allow_private=self._allow_private,
            **more,
        )

    def _body(self, answer: Fetched) -> bytes:
        if answer.status != 200:
            text = f"{answer.url[:200]!r} answered with status {answer.status}."
            raise Unreached(text, reason="status", status=answer.status)
        return answer.body
