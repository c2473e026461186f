"""The files of logs in an object store: S3, or what speaks as it does."""

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from registry.errors import Misconfigured, Unavailable

if TYPE_CHECKING:
    from obstore.store import ObjectStore, S3Config

SCHEME = "s3"
# What S3 removes with one request.
_AT_ONCE = 1000
_SIDE_BY_SIDE = 8
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


class ObjectStorage:
    """A `registry.transparency.storage.Storage` over any store of `obstore`.

    An object that was put is durable and seen by everybody: `sync` has nothing to wait for. Raises
    `Unavailable` where the store does not answer.
    """

    def __init__(self, store: "ObjectStore") -> None:
        self._store = store

    async def get(self, path: str) -> bytes | None:
        try:
            found = await obstore.get_async(self._store, path)
            return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None
        except BaseError as error:
            raise _unanswered(error) from error

    async def put(self, files: Mapping[str, bytes]) -> None:
        waiting = list(files.items())
        for start in range(0, len(waiting), _SIDE_BY_SIDE):
            await asyncio.gather(
                *(self._put(path, body) for path, body in waiting[start : start + _SIDE_BY_SIDE])
            )

    async def _put(self, path: str, body: bytes) -> None:
        try:
            await obstore.put_async(self._store, path, body, use_multipart=False)
        except BaseError as error:
            raise _unanswered(error) from error

    async def delete(self, paths: Iterable[str]) -> None:
        unwanted = list(paths)
        for start in range(0, len(unwanted), _AT_ONCE):
            await self._delete(unwanted[start : start + _AT_ONCE])

    async def _delete(self, paths: Sequence[str]) -> None:
        try:
            await obstore.delete_async(self._store, paths)
        except FileNotFoundError:
            # A local folder stops at the first that is not there; S3 does not know such an error.
            if len(paths) > 1:
                for path in paths:
                    await self._delete([path])
        except BaseError as error:
            raise _unanswered(error) from error

    async def sync(self) -> None:
        """Every answer to `put` said so already."""


def open_s3(url: str) -> ObjectStorage:
    """The store that `s3://bucket/prefix` names. Credentials, region and endpoint come from the usual
    variables of the environment (`AWS_ACCESS_KEY_ID` and the like). Raises `Misconfigured`.
    """
    parts = urlsplit(url)
    if parts.scheme != SCHEME or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        # Not what was set: somebody may have written a secret into it.
        raise Misconfigured(
            "CANDOR_LOG_STORE is neither a folder nor s3://bucket/prefix. Credentials belong into the "
            "environment, as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), "")
    config: S3Config = {"endpoint": endpoint} if endpoint else {}
    try:
        store = S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            config=config,
            client_options={
                "timeout": "10s",
                "connect_timeout": "3s",
                # Whoever writes an endpoint without TLS means it, such as a server on this machine.
                "allow_http": endpoint.startswith("http://"),
            },
            retry_config={"max_retries": 3},
        )
    except (BaseError, ValueError) as error:
        raise Misconfigured(f"CANDOR_LOG_STORE cannot be used: {_said(error)}") from error
    return ObjectStorage(store)


def _unanswered(error: Exception) -> Unavailable:
    return Unavailable(f"The object store of the log's files does not answer: {_said(error)}", retry_after=5)


def _said(error: Exception) -> str:
    """What went wrong, on one line: what follows below it is the library's own state."""
    return str(error).partition("\n")[0][:200]
