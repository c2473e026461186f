"""The two faces of the client: one waits, the other lets others go on."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from registry.client.answers import Page
from registry.client.flow import Credentials, Flow, Patience, Send, Steps, registry_url
from registry.client.wire import MAX_ANSWER_BYTES, Answer, Ask, Call, Failure
from registry.errors import TooLarge

T = TypeVar("T")

_PATIENCE = Patience()
_AGENT = {"User-Agent": "candor-client/1", "Accept": "application/json"}
# Nothing of the request has left: it may be sent again, whatever it is.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Client:
    """A registry to talk to. Use it in a `with` block, or call `close`. Not to be shared between threads.

    `url` is the registry's address; http is taken for loopback alone, unless `insecure`. `token` is an access
    token instead of credentials. `transport` is httpx's, for tests. Raises `Malformed` for a wrong address.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials | None = None,
        *,
        token: str | None = None,
        patience: Patience = _PATIENCE,
        insecure: bool = False,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = registry_url(url, insecure=insecure)
        self._flow = Flow(credentials, patience, time.monotonic, token)
        self._http = httpx.Client(
            base_url=self.url, timeout=patience.timeout, headers=_AGENT, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def login(self) -> tuple[str, ...]:
        """Get a token now; answers its scopes. Raises `Unauthenticated` when the credentials are wrong."""
        return self._driven(self._flow.login())

    def run(self, call: Call[T]) -> T:
        """Send a call and answer what it says. Raises `registry.errors`; `Unavailable` without an answer."""
        return self._driven(self._flow.run(call))

    def each(self, call: Call[Page[T]]) -> Iterator[T]:
        """Every item of a list, fetched page by page as it is asked for."""
        following: Call[Page[T]] | None = call
        while following is not None:
            page = self.run(following)
            yield from page.items
            following = page.following

    def _driven(self, steps: Steps[T]) -> T:
        outcome: Any = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as done:
                result: T = done.value
                return result
            if isinstance(step, Send):
                outcome = self._sent(step.ask)
                continue
            time.sleep(step.seconds)
            outcome = None

    def _sent(self, ask: Ask) -> Answer | Failure:
        try:
            with self._http.stream(**_arguments(ask)) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    _bounded(body)
                return _answer(response, bytes(body))
        except httpx.HTTPError as error:
            return _failure(error)


class AsyncClient:
    """As `Client`, for asynchronous programs. Use it in an `async with` block, or call `close`."""

    def __init__(
        self,
        url: str,
        credentials: Credentials | None = None,
        *,
        token: str | None = None,
        patience: Patience = _PATIENCE,
        insecure: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = registry_url(url, insecure=insecure)
        self._flow = Flow(credentials, patience, time.monotonic, token)
        self._http = httpx.AsyncClient(
            base_url=self.url, timeout=patience.timeout, headers=_AGENT, transport=transport
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def login(self) -> tuple[str, ...]:
        """As `Client.login`."""
        return await self._driven(self._flow.login())

    async def run(self, call: Call[T]) -> T:
        """As `Client.run`."""
        return await self._driven(self._flow.run(call))

    async def each(self, call: Call[Page[T]]) -> AsyncIterator[T]:
        """As `Client.each`."""
        following: Call[Page[T]] | None = call
        while following is not None:
            page = await self.run(following)
            for item in page.items:
                yield item
            following = page.following

    async def _driven(self, steps: Steps[T]) -> T:
        outcome: Any = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as done:
                result: T = done.value
                return result
            if isinstance(step, Send):
                outcome = await self._sent(step.ask)
                continue
            await asyncio.sleep(step.seconds)
            outcome = None

    async def _sent(self, ask: Ask) -> Answer | Failure:
        try:
            async with self._http.stream(**_arguments(ask)) as response:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    _bounded(body)
                return _answer(response, bytes(body))
        except httpx.HTTPError as error:
            return _failure(error)


def _arguments(ask: Ask) -> dict[str, Any]:
    return {
        "method": ask.method,
        "url": ask.path,
        "params": list(ask.params),
        "headers": dict(ask.headers),
        "content": ask.body,
    }


def _bounded(body: bytearray) -> None:
    if len(body) > MAX_ANSWER_BYTES:
        raise TooLarge(f"The registry answered more than the {MAX_ANSWER_BYTES:,} bytes that are read here.")


def _answer(response: httpx.Response, body: bytes) -> Answer:
    return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)


def _failure(error: httpx.HTTPError) -> Failure:
    if isinstance(error, httpx.TimeoutException):
        return Failure("it takes too long", isinstance(error, _UNSENT))
    return Failure(str(error) or type(error).__name__, isinstance(error, _UNSENT))
