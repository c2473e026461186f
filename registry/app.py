"""Where an application is put together: the only place that knows every room."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

from litestar import Litestar
from litestar.di import Provide
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.api_docs import openapi_config
from registry.audit.api import AuditController
from registry.auth.admin_api import ClientsController, MembersController
from registry.auth.api import OAuthController
from registry.auth.checks import Checks, Uses
from registry.auth.middleware import ActorMiddleware
from registry.auth.session_api import SessionController
from registry.canonical import MAX_DOCUMENT_BYTES
from registry.changelog.tail import Tail
from registry.citations.api import CitationsController
from registry.consumers import readers_of
from registry.events.api import EventsController
from registry.events.broadcast import Broadcast
from registry.extensions import Extension, Node
from registry.federation.api import FederationController
from registry.federation.api_peers import PeersController
from registry.federation.api_witness import WitnessController
from registry.federation.following import Following
from registry.feeds.api import FeedsController
from registry.feeds.private.api import FeedKeysController, PrivateFeedController
from registry.front import Front, Receive, Scope, Send
from registry.http import AnyRequest, ReadableAddress
from registry.joining.api import ProvidersController
from registry.logs import RequestLog
from registry.moderation import screening
from registry.moderation.api import AnomaliesController
from registry.moderation.limits.middleware import Guesses, Limits
from registry.notices.api import NoticesController
from registry.problems import answer_problem
from registry.queue.api import QueueController
from registry.records.api import RecordsController
from registry.records.api_identity import IdentityController
from registry.records.api_shared import desk_of
from registry.records.api_stewards import StewardsController
from registry.records.campaigns.api import CampaignsController
from registry.records.evidence.api import EvidenceController
from registry.records.firing import Firing
from registry.records.outcomes.api import OutcomesController
from registry.records.responses.api import ResponsesController
from registry.records.restricted.api import RestrictedController
from registry.reports.api import ReportsController
from registry.sharing.api import SharingController
from registry.signing.api import SigningKeysController
from registry.status import StatusController
from registry.taxonomies.api import TaxonomiesController
from registry.transparency.api import LogController
from registry.transparency.storage import Storage, open_storage

ROUTES: tuple[ControllerRouterHandler, ...] = (
    RecordsController,
    QueueController,
    ReportsController,
    StewardsController,
    ResponsesController,
    CampaignsController,
    OutcomesController,
    RestrictedController,
    EvidenceController,
    IdentityController,
    CitationsController,
    LogController,
    FederationController,
    PeersController,
    WitnessController,
    TaxonomiesController,
    ProvidersController,
    AuditController,
    NoticesController,
    SharingController,
    OAuthController,
    AnomaliesController,
    SessionController,
    MembersController,
    ClientsController,
    SigningKeysController,
    EventsController,
    FeedsController,
    FeedKeysController,
    PrivateFeedController,
    StatusController,
)


@dataclass(frozen=True, slots=True)
class _Bound:
    """All that belongs to one node: what its framework runs for."""

    node: Node
    storage: Storage
    middleware: tuple[ASGIMiddleware, ...]
    broadcast: Broadcast
    lifespan: Callable[[Litestar], AbstractAsyncContextManager[None]]
    provided: Mapping[str, Any]


class Framework:
    """The routes as the framework wants them, before they are bound to a node. `provided` are the names under
    which their handlers ask for what extensions provide.

    To read every handler's signature takes longer than most tests: a suite binds one to many nodes, one after
    the other.
    """

    MIDDLEWARE = 4

    def __init__(
        self, routes: Sequence[ControllerRouterHandler], name: str, provided: Iterable[str] = ()
    ) -> None:
        self._bound: _Bound | None = None
        self.litestar = Litestar(
            routes,
            dependencies={
                "node": Provide(lambda: self.bound.node, sync_to_thread=False),
                "keeper": Provide(lambda: self.bound.node.vocabulary, sync_to_thread=False),
                "storage": Provide(lambda: self.bound.storage, sync_to_thread=False),
                "broadcast": Provide(lambda: self.bound.broadcast, sync_to_thread=False),
                "actor": Provide(_actor),
                "reading": Provide(self._reading),
                **{each: self._provider(each) for each in provided},
            },
            middleware=[_Late(self, place) for place in range(self.MIDDLEWARE)],
            exception_handlers={Exception: answer_problem},
            openapi_config=openapi_config(name),
            request_max_body_size=2 * MAX_DOCUMENT_BYTES,
            lifespan=[lambda app: self.bound.lifespan(app)],
            logging_config=None,
            debug=False,
        )

    @property
    def bound(self) -> _Bound:
        if self._bound is None:
            raise RuntimeError("the framework runs for no node yet")
        return self._bound

    def bind(self, to: _Bound, **state: Any) -> None:
        """Run for a node from now on."""
        self._bound = to
        self.litestar.state.update({"node": to.node, "error_page": None, "healths": {}, **state})

    def _provider(self, name: str) -> Provide:
        return Provide(lambda: self.bound.provided[name], sync_to_thread=False)

    async def _reading(self) -> AsyncIterator[AsyncSession]:
        """The dependency `reading`. Writers open `Database.write` themselves, once their input is read and
        checked, so that the commit is done when the handler returns and no slow sender holds the write lock.
        """
        async with self.bound.node.database.read() as session:
            yield session


class _Late(ASGIMiddleware):
    """The middleware at one place of whatever the framework is bound to."""

    def __init__(self, framework: Framework, place: int) -> None:
        self.framework = framework
        self.place = place

    async def handle(self, scope: Any, receive: Any, send: Any, next_app: ASGIApp) -> None:
        await self.framework.bound.middleware[self.place].handle(scope, receive, send, next_app)


async def _actor(request: AnyRequest) -> Actor:
    found: Actor = request.scope["state"]["actor"]
    return found


class Application:
    """One registry as an ASGI application: the front, and behind it the framework."""

    def __init__(self, framework: Litestar, front: Front, tails: Sequence[Tail]) -> None:
        self.framework = framework
        self.front = front
        self.tails = tuple(tails)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.front(scope, receive, send)


def create_app(
    node: Node,
    extensions: Sequence[Extension] = (),
    *,
    run_readers: bool | None = None,
    framework: Framework | None = None,
) -> Application:
    """Put a registry together.

    `node` was opened by `registry.node`; it is closed by whoever opened it. `run_readers` overrides the
    setting. `framework` is one of the same routes that runs for no other node any more.
    """
    for extension in extensions:
        if extension.finder is not None and node.finder is None:
            node = node.with_finder(extension.finder(node))
    storage = open_storage(node.settings, node.database)
    tails = [Tail(node.database, reader) for reader in readers_of(node, extensions, storage)]
    firing = Firing(node.database, partial(desk_of, node))
    follow = node.settings.run_readers if run_readers is None else run_readers
    checks, uses = Checks(), Uses(node.database)
    if framework is None:
        framework = framework_of(node, extensions)
    # Around the framework: its own middleware never hears of addresses that lead nowhere.
    front = Front(RequestLog(framework.litestar), node.database, megabytes=node.settings.cache_megabytes)
    middleware = (
        ReadableAddress(),
        Guesses(node.settings, node.counters),
        ActorMiddleware(node.database, node.settings, node.secret, checks, uses),
        Limits(node.settings, node.counters),
    )
    broadcast = Broadcast(node.database)
    followers: list[Tail | Firing] = [*tails, firing] if follow else []
    runs = [front.keep_fresh, uses.run, broadcast.run, *(each.run for each in followers)]
    if follow:
        runs.append(Following(node).run)
    running = _running(node, front, broadcast, [each.wake for each in followers], runs)
    provided = {name: make(node) for extension in extensions for name, make in extension.provides.items()}
    pages = [extension.error_page(node) for extension in extensions if extension.error_page is not None]
    bound = _Bound(node, storage, middleware, broadcast, running, provided)
    healths = {one.name: one.health(node) for one in extensions if one.health is not None}
    framework.bind(bound, front=front, healths=healths, **({"error_page": pages[-1]} if pages else {}))
    node.database.on_commit += [checks.forget, front.refresh, broadcast.refresh]
    return Application(framework.litestar, front, tails)


def framework_of(node: Node, extensions: Sequence[Extension]) -> Framework:
    """The registry's routes, and those that the extensions bring."""
    routes = list(ROUTES)
    for extension in extensions:
        routes += extension.routes(node) if extension.routes else ()
    provided = [name for extension in extensions for name in extension.provides]
    return Framework(routes, node.settings.name, provided)


def _running(
    node: Node,
    front: Front,
    broadcast: Broadcast,
    wakes: Sequence[Callable[[], None]],
    runs: Sequence[Callable[[], Coroutine[Any, Any, None]]],
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """What runs as long as the application: the readers of the log, what publishes drafts at their time, what
    follows other registries, and the look-outs of the front and of streams. `wakes` are called after each
    commit.
    """

    async def wake() -> None:
        for each in wakes:
            each()

    @contextlib.asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        _when_told_to_stop(broadcast.close)
        await front.refresh()
        node.database.on_commit.append(wake)
        tasks = [
            asyncio.create_task(asyncio.to_thread(screening.prepare)),
            *(asyncio.create_task(run()) for run in runs),
        ]
        try:
            yield
        finally:
            broadcast.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await node.counters.close()
            node.database.on_commit.remove(wake)

    return lifespan


def _when_told_to_stop(call: Callable[[], None]) -> None:
    """Have a server's process call this when it is told to stop: it waits for every answer to end, and a
    stream does not end by itself.
    """
    before = signal.getsignal(signal.SIGTERM)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        return  # nobody waits for answers here
    loop = asyncio.get_running_loop()

    # The event loop, whose own handler does nothing, learns of the signal all the same: through a pipe.
    def told(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(call)
        before(number, frame)

    signal.signal(signal.SIGTERM, told)
