"""What the front is measured against: the same answers from a bare ASGI application and from ordinary
handlers.

Both run under the server that Candor runs under. They find the answers that Candor gave in a folder named in
the environment: `answers.json` says path, file, status and headers of each.
"""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, get
from litestar.config.compression import CompressionConfig
from litestar.config.cors import CORSConfig
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, SkipValidation

from registry.auth.checks import Checks, Uses
from registry.auth.middleware import ActorMiddleware
from registry.db import Database
from registry.logs import RequestLog, configure
from registry.problems import answer_problem
from registry.settings import load

ANSWERS = "answers.json"
_VALIDATORS = ("etag", "last-modified", "cache-control", "content-encoding", "vary")
# The server writes these itself.
_THE_SERVERS = ("server", "date")


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer as Candor gave it."""

    path: str
    status: int
    headers: dict[str, str]
    body: bytes


def record(folder: Path, answers: list[Recorded]) -> None:
    """Leave answers for the rivals."""
    listed = []
    for number, answer in enumerate(answers):
        (folder / f"{number}.body").write_bytes(answer.body)
        headers = {name: value for name, value in answer.headers.items() if name not in _THE_SERVERS}
        listed.append(
            {"path": answer.path, "status": answer.status, "headers": headers, "file": f"{number}.body"}
        )
    (folder / ANSWERS).write_text(json.dumps(listed))


def _recorded() -> list[Recorded]:
    folder = Path(os.environ["CANDOR_BENCH_ANSWERS"])
    return [
        Recorded(one["path"], one["status"], one["headers"], (folder / one["file"]).read_bytes())
        for one in json.loads((folder / ANSWERS).read_text())
    ]


def bare() -> Any:
    """An ASGI application that does nothing but send: each path has its answer, headers and all."""
    empty = (
        {"type": "http.response.start", "status": 200, "headers": []},
        {"type": "http.response.body", "body": b""},
    )
    answers = {}
    for one in _recorded():
        headers = [(name.encode(), value.encode()) for name, value in one.headers.items()]
        start = {"type": "http.response.start", "status": one.status, "headers": headers}
        answers[one.path] = (start, {"type": "http.response.body", "body": one.body})

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        start, body = answers.get(scope["path"], empty)
        await send(start)
        await send(body)

    return app


def ordinary() -> Any:
    """The same bodies from ordinary Litestar handlers.

    Ordinary means what the handlers of a public API have: CORS and compression as the framework brings them,
    Candor's own middleware (a request id, a line in the log that nobody wants to see, somebody who asks), a
    session that is opened and closed, one place where errors become answers, validators, and a record that is
    encoded. No database is asked, and the feed is not made anew: that would only flatter the front.
    """
    configure(load())
    answers = {one.path: one for one in _recorded()}
    records = {
        path.rpartition("/")[2]: (one, msgspec.json.decode(one.body))
        for path, one in answers.items()
        if path.startswith("/api/v1/records/") and one.status == 200
    }

    async def actor(request: Request[Any, Any, Any]) -> object:
        found: object = request.scope["state"]["actor"]
        return found

    async def session() -> AsyncIterator[object]:
        yield object()

    @get("/")
    async def home() -> None:
        return None

    @get("/api/v1/records/{id:str}")
    async def read_record(
        request: Request[Any, Any, Any],
        session: NamedDependency[SkipValidation[object]],
        actor: NamedDependency[SkipValidation[object]],
        id: FromPath[str],
        origin: str | None = None,
    ) -> Response[Any]:
        answer, document = records[id]
        headers = _validators(answer)
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(None, status_code=304, headers=headers)
        return Response(document, headers=headers)

    @get("/feeds/{name:str}")
    async def read_feed(
        session: NamedDependency[SkipValidation[object]],
        actor: NamedDependency[SkipValidation[object]],
        name: FromPath[str],
    ) -> Response[bytes]:
        answer = answers[f"/feeds/{name}"]
        return Response(answer.body, headers=_validators(answer), media_type=answer.headers["content-type"])

    return Litestar(
        [home, read_record, read_feed],
        dependencies={"session": Provide(session), "actor": Provide(actor)},
        middleware=[RequestLog, _who(Database("sqlite://"))],
        exception_handlers={Exception: answer_problem},
        cors_config=CORSConfig(allow_origins=["*"]),
        # The feed's bytes are compressed already, which is kind to the handler.
        compression_config=CompressionConfig(backend="gzip", exclude="^/feeds"),
        logging_config=None,
    )


def _who(database: Database) -> ActorMiddleware:
    return ActorMiddleware(database, load(), b"", Checks(), Uses(database))


def _validators(answer: Recorded) -> dict[str, str]:
    return {name: answer.headers[name] for name in _VALIDATORS if name in answer.headers}
