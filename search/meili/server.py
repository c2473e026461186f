"""Everything that is done to a Meilisearch server, but for asking: indexes, settings, documents, tasks, keys.

By the official client, which is synchronous, in one thread: it keeps the headers of a request in itself, so
two requests at once would mix theirs.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import meilisearch
from meilisearch.errors import MeilisearchApiError, MeilisearchCommunicationError, MeilisearchTimeoutError
from meilisearch.models.task import Task, TaskInfo
from requests import RequestException

from registry.errors import Misconfigured
from search.meili.wire import Refused, unreachable

T = TypeVar("T")

SECONDS = 30
# What waits before it has to be done first.
SWAP_SECONDS = 600
_POLL_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
_DONE = ("succeeded", "failed", "canceled")
# Answers of proxies and of a server that is starting or has too much to do.
_BUSY = (429, 502, 503, 504)


class TaskFailed(Exception):
    """Meilisearch took a task and could not do it. `code` is its own name for the reason."""

    def __init__(self, task: Task) -> None:
        error = task.error or {}
        self.code = str(error.get("code") or task.status)
        self.uid = task.uid
        super().__init__(f"task {task.uid} ({task.type}): {error.get('message') or task.status}")


class Server:
    """One server, with one key. Raises `Unavailable` when it does not answer, `Refused` when it says no; and
    `Misconfigured` where that is for lack of rights of a key for `keeping` an index.
    """

    def __init__(self, url: str, key: str | None, *, keeping: bool = False, seconds: int = SECONDS) -> None:
        self._keeping = keeping
        self._client = meilisearch.Client(url, key, timeout=seconds, client_agents=("Candor",))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="meilisearch")

    async def _do(self, work: Callable[..., T], *given: Any, **named: Any) -> T:
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._thread, lambda: told(work, *given, **named))
        try:
            return await asyncio.shield(future)
        except Refused as error:
            if self._keeping and error.status in (401, 403):
                raise Misconfigured(
                    "Meilisearch does not let this key keep the index. CANDOR_SEARCH_KEY has to be its "
                    "master key, or one with the rights that docs/operator.md names. It says: "
                    f"{error.message}"
                ) from error
            raise
        except asyncio.CancelledError:
            # A request that is under way cannot be called back: whoever comes next waits for its end.
            await asyncio.wait([future])
            raise

    # --- indexes

    async def create(self, uid: str) -> None:
        await self.done(await self._do(self._client.create_index, uid, {"primaryKey": "id"}))

    async def exists(self, uid: str) -> bool:
        try:
            await self._do(self._client.get_raw_index, uid)
        except Refused as error:
            if error.code == "index_not_found":
                return False
            raise
        return True

    async def uids(self) -> list[str]:
        found: list[str] = []
        while True:
            page = await self._do(self._client.get_indexes, {"offset": len(found), "limit": 100})
            found += [index.uid for index in page["results"]]
            if not page["results"]:
                return found

    async def delete(self, uid: str) -> None:
        await self.done(await self._do(self._client.delete_index, uid))

    async def swap(self, uid: str, other: str) -> None:
        """Let each of two indexes have the other's name, in one step.

        A key for some indexes may not look at this task, which is of none: so whether it is done is seen by
        the index that bears the name.
        """
        wanted = (await self._do(self._client.get_raw_index, other))["createdAt"]
        await self._do(self._client.swap_indexes, [{"indexes": [uid, other]}])
        waits = iter(_POLL_SECONDS)
        async with self._in_time():
            # Meilisearch tells nobody when a task is done.
            while (await self._do(self._client.get_raw_index, uid))["createdAt"] != wanted:  # noqa: ASYNC110
                await asyncio.sleep(next(waits, _POLL_SECONDS[-1]))

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(SWAP_SECONDS):
                yield
        except TimeoutError as error:
            raise unreachable("indexes were not swapped in time") from error

    async def set(self, uid: str, settings: Mapping[str, Any]) -> None:
        await self.done(await self._do(self._client.index(uid).update_settings, dict(settings)))

    async def synonyms(self, uid: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = await self._do(self._client.index(uid).get_synonyms)
        return found

    async def spelt(self, uid: str) -> list[str]:
        """The words in which no typing errors are looked for."""
        found = await self._do(self._client.index(uid).get_typo_tolerance)
        return list(found.disable_on_words or ())

    # --- documents

    async def put(self, uid: str, lines: bytes) -> int:
        """Hand over documents, a line each, to be put in in one step; gives the number of the task."""
        task: TaskInfo = await self._do(self._client.index(uid).add_documents_ndjson, lines, "id")
        return task.task_uid

    async def take_out(self, uid: str, filter: str) -> int:
        task: TaskInfo = await self._do(self._client.index(uid).delete_documents, filter=filter)
        return task.task_uid

    # --- tasks

    async def done(self, task: TaskInfo | int) -> None:
        """Wait until a task is done, however long that takes. Raises `TaskFailed`."""
        uid = task if isinstance(task, int) else task.task_uid
        waits = iter(_POLL_SECONDS)
        while True:
            await asyncio.sleep(next(waits, _POLL_SECONDS[-1]))
            found = await self._do(self._client.get_task, uid)
            if found.status == "succeeded":
                return
            if found.status in _DONE:
                raise TaskFailed(found)

    # --- keys

    async def key(self, uid: str, actions: Sequence[str], indexes: Sequence[str], name: str) -> str:
        """The key with this uid, made where there is none. Raises `Refused` without the right to make it."""
        try:
            return (await self._do(self._client.get_key, uid)).key
        except Refused as error:
            if error.code != "api_key_not_found":
                raise
        wanted = {
            "uid": uid,
            "name": name,
            "description": "Made by Candor from the key that it was given.",
            "actions": list(actions),
            "indexes": list(indexes),
            "expiresAt": None,
        }
        try:
            return (await self._do(self._client.create_key, wanted)).key
        except Refused as error:
            if error.code != "api_key_already_exists":
                raise
            return (await self._do(self._client.get_key, uid)).key  # another process was quicker

    def close(self) -> None:
        self._thread.shutdown(wait=False)


def told(work: Callable[..., T], *given: Any, **named: Any) -> T:
    """Do something with the official client, and tell its errors as ours."""
    try:
        return work(*given, **named)
    except MeilisearchApiError as error:
        if error.status_code in _BUSY:
            raise unreachable(error) from error
        raise Refused(error.status_code, error.code or "", error.message) from error
    except (MeilisearchCommunicationError, MeilisearchTimeoutError, RequestException, ValueError) as error:
        raise unreachable(error) from error


def glance(url: str, keys: Mapping[str, str | None], uid: str, seconds: int) -> dict[str, Any]:
    """What operators see of the server, as far as the keys may see it: `version`; `queue`, the tasks that
    wait or are being done; and `place`, what the index says of how far it has read. Blocks. Raises
    `Unavailable`.
    """
    asker, keeper, looker = (
        meilisearch.Client(url, keys[purpose], timeout=seconds, client_agents=("Candor",))
        for purpose in ("asking", "keeping", "looking")
    )
    place = {"filter": "is_place = 1", "attributesToRetrieve": ["place"], "limit": 1}
    looks: dict[str, Callable[[], Any]] = {
        "place": lambda: asker.index(uid).search("", place)["hits"][0]["place"],
        "version": lambda: looker.get_version()["pkgVersion"],
        "queue": lambda: keeper.get_tasks({"statuses": ["enqueued", "processing"], "limit": 1}).total,
    }
    seen: dict[str, Any] = {}
    for name, look in looks.items():
        try:
            seen[name] = told(look)
        except (Refused, LookupError):
            seen[name] = None
    return seen
