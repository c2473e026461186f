"""Where an application is put together: the only place that knows every room."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from registry.actor import Actor
from registry.api_docs import openapi_config
from registry.audit.api import AuditController
from registry.auth.admin_api import ClientsController, MembersController
from registry.auth.api import OAuthController
from registry.auth.checks import Checks, Uses
from registry.auth.middleware import ActorMiddleware
from registry.auth.session_api import SessionController
from registry.canonical import MAX_DOCUMENT_BYTES
from registry.changelog.tail import LogReader, Tail
from registry.extensions import Extension, Node
from registry.feeds.api import FeedsController
from registry.feeds.private.api import FeedKeysController, PrivateFeedController
from registry.front import Front, Receive, Scope, Send
from registry.http import AnyRequest, ReadableAddress, reading_from
from registry.joining.api import ProvidersController
from registry.logs import RequestLog
from registry.moderation import screening
from registry.moderation.anomalies.reader import ActivityReader
from registry.moderation.api import AnomaliesController
from registry.moderation.limits.middleware import Guesses, Limits
from registry.notices.api import NoticesController
from registry.problems import answer_problem
from registry.queue.api import QueueController
from registry.records.api import RecordsController
from registry.records.api_shared import desk_of
from registry.records.api_stewards import StewardsController
from registry.records.evidence.api import EvidenceController
from registry.records.firing import Firing
from registry.records.responses.api import ResponsesController
from registry.records.restricted.api import RestrictedController
from registry.reports.api import ReportsController
from registry.sharing.api import SharingController
from registry.status import StatusController
from registry.taxonomies.api import TaxonomiesController

ROUTES: tuple[ControllerRouterHandler, ...] = (
    RecordsController,
    QueueController,
    ReportsController,
    StewardsController,
    ResponsesController,
    RestrictedController,
    EvidenceController,
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
    FeedsController,
    FeedKeysController,
    PrivateFeedController,
    StatusController,
)


class Application:
    """One registry as an ASGI application: the front, and behind it the framework."""

    def __init__(self, framework: Litestar, front: Front, tails: Sequence[Tail]) -> None:
        self.framework = framework
        self.front = front
        self.tails = tuple(tails)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.front(scope, receive, send)


def create_app(
    node: Node, extensions: Sequence[Extension] = (), *, run_readers: bool | None = None
) -> Application:
    """Put a registry together.

    `node` was opened by `registry.node`; it is closed by whoever opened it. `run_readers` overrides the
    setting.
    """
    for extension in extensions:
        if extension.finder is not None and node.finder is None:
            node = node.with_finder(extension.finder(node))
    routes = list(ROUTES)
    readers: list[LogReader] = [ActivityReader(node)]
    for extension in extensions:
        routes += extension.routes(node) if extension.routes else ()
        readers += extension.readers(node) if extension.readers else ()
    tails = [Tail(node.database, reader) for reader in readers]
    firing = Firing(node.database, partial(desk_of, node))
    follow = node.settings.run_readers if run_readers is None else run_readers

    async def actor(request: AnyRequest) -> Actor:
        found: Actor = request.scope["state"]["actor"]
        return found

    checks, uses = Checks(), Uses(node.database)
    framework = Litestar(
        routes,
        dependencies={
            "node": Provide(lambda: node, sync_to_thread=False),
            "keeper": Provide(lambda: node.vocabulary, sync_to_thread=False),
            "actor": Provide(actor),
            "reading": Provide(reading_from(node.database)),
        },
        middleware=[
            ReadableAddress(),
            Guesses(node.settings, node.counters),
            ActorMiddleware(node.database, node.settings, node.secret, checks, uses),
            Limits(node.settings, node.counters),
        ],
        exception_handlers={Exception: answer_problem},
        openapi_config=openapi_config(node.settings.name),
        request_max_body_size=2 * MAX_DOCUMENT_BYTES,
        state=State({"node": node}),
        lifespan=[_running(node, tails if follow else (), firing if follow else None, lambda: front, uses)],
        logging_config=None,
        debug=False,
    )
    # Around the framework: its own middleware never hears of addresses that lead nowhere.
    front = Front(RequestLog(framework), node.database, megabytes=node.settings.cache_megabytes)
    framework.state["front"] = front
    for extension in extensions:
        if extension.error_page is not None:
            framework.state["error_page"] = extension.error_page(node)
    node.database.on_commit += [checks.forget, front.refresh]
    return Application(framework, front, tails)


def _running(
    node: Node,
    tails: Sequence[Tail],
    firing: Firing | None,
    front: Callable[[], Front],
    uses: Uses,
) -> Callable[[Litestar], Any]:
    """What runs as long as the application: the readers of the log, what publishes drafts at their time, and
    the front's look-out.
    """

    async def wake() -> None:
        for tail in tails:
            tail.wake()
        if firing is not None:
            firing.wake()

    @contextlib.asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await front().refresh()
        node.database.on_commit.append(wake)
        tasks = [
            asyncio.create_task(front().keep_fresh()),
            asyncio.create_task(uses.run()),
            asyncio.create_task(asyncio.to_thread(screening.prepare)),
            *(asyncio.create_task(tail.run()) for tail in tails),
            *([asyncio.create_task(firing.run())] if firing is not None else ()),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await node.counters.close()
            node.database.on_commit.remove(wake)

    return lifespan
