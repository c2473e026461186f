"""Errors over HTTP: one shape for all, a status for each, and nothing of ours in them."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar import Request, get
from litestar.exceptions import (
    HTTPException,
    ImproperlyConfiguredException,
    InternalServerException,
    ServiceUnavailableException,
)
from litestar.params import FromPath
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from structlog.testing import capture_logs

from registry import errors, problems
from registry.app import create_app
from registry.errors import CandorError, Finding, Misconfigured, NotFound
from registry.extensions import Extension, Node
from registry.problems import STATUS, body_of, status_of, translate
from tests.conftest import running

SECRET = "SELECT secret FROM /srv/candor/var WHERE password='hunter2'"


def every_kind() -> list[type[CandorError]]:
    found, waiting = [CandorError], [CandorError]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            if kind.__module__ == errors.__name__:
                found.append(kind)
                waiting.append(kind)
    return found


# --- the mapping ---


def test_every_error_has_a_status_and_words_of_its_own() -> None:
    kinds = every_kind()
    assert len(kinds) > 15
    assert set(kinds) == set(STATUS)
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert len({kind.title for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert 400 <= status_of(kind("x")) < 600
        assert kind.__name__ in (errors.__doc__ or ""), "the tree in the docstring is whole"


def test_an_error_of_somebody_elses_extension_is_what_it_descends_from() -> None:
    class NoSuchChart(NotFound):
        code = "no-such-chart"

    assert status_of(NoSuchChart("x")) == 404
    assert body_of(NoSuchChart("x"), "/x")["type"] == "urn:candor:problem:no-such-chart"


def test_a_problem_says_what_and_where() -> None:
    finding = Finding("bad-date", "/times/started", "There is no 31 June.", "Write 2026-06-30.")
    error = errors.Invalid("It has errors.", findings=[finding], hint=None, limit=3)
    assert body_of(error, "/api/v1/records") == {
        "type": "urn:candor:problem:invalid",
        "title": "The content has errors",
        "status": 422,
        "detail": "It has errors.",
        "instance": "/api/v1/records",
        "limit": 3,
        "findings": [
            {
                "code": "bad-date",
                "pointer": "/times/started",
                "message": "There is no 31 June.",
                "suggestion": "Write 2026-06-30.",
                "severity": "error",
            }
        ],
    }


class Driver(Exception):
    """An error of a database driver, which knows its SQLSTATE."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__(SECRET)
        self.sqlstate = sqlstate


def database_error(kind: type[DBAPIError], sqlstate: str | None = None) -> DBAPIError:
    return kind(SECRET, {}, Driver(sqlstate))


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (database_error(OperationalError), 503),
        (database_error(InterfaceError), 503),
        (database_error(DBAPIError, "57P01"), 503),
        (database_error(DBAPIError, "40P01"), 503),
        (database_error(DBAPIError, "53300"), 503),
        (database_error(DBAPIError, "22001"), 500),
        (database_error(DBAPIError), 500),
        (database_error(IntegrityError), 409),
        (PoolTimeout("no connection"), 503),
        (ConnectionRefusedError(111, SECRET), 503),
        (OSError(f"Multiple exceptions: {SECRET}"), 503),
        (TimeoutError(SECRET), 503),
        (LookupError(SECRET), 500),
        (InternalServerException(SECRET), 500),
        (ImproperlyConfiguredException(SECRET), 500),
        (ServiceUnavailableException(SECRET), 503),
        (HTTPException(SECRET, status_code=502), 500),
        (HTTPException("I am a teapot", status_code=418), 400),
        (HTTPException("Gone", status_code=410), 410),
    ],
    ids=lambda value: f"{type(value).__name__}" if isinstance(value, Exception) else str(value),
)
def test_what_is_raised_elsewhere_is_translated_and_leaks_nothing(raised: Exception, status: int) -> None:
    problem = translate(raised)
    assert status_of(problem) == status
    assert "hunter2" not in str(body_of(problem, "/x"))
    assert (problem.retry_after is not None) is (status == 503 and not isinstance(raised, HTTPException))


# --- over HTTP ---


@pytest.fixture
async def broken(node: Node) -> AsyncIterator[httpx.AsyncClient]:
    """A registry with an extension that fails in every way."""
    raised: dict[str, Exception] = {
        "mistake": LookupError(SECRET),
        "database": database_error(OperationalError),
        "misconfigured": Misconfigured("Set CANDOR_X."),
        "busy": errors.TooMany("Too many at once.", retry_after=7),
        "suppressed": errors.Suppressed("By order.", order="X-1"),
    }

    @get("/api/v1/fail/{how:str}", include_in_schema=False)
    async def fail(how: FromPath[str], request: Request[Any, Any, Any]) -> None:
        raise raised[how]

    app = create_app(node, [Extension("broken", routes=lambda _: [fail])], run_readers=False)
    async with running(app) as client:
        yield client


@pytest.mark.one_database
async def test_a_mistake_of_ours_tells_nothing_and_is_logged(broken: httpx.AsyncClient) -> None:
    with capture_logs() as lines:
        answer = await broken.get("/api/v1/fail/mistake")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:candor:problem:error",
        "title": "Something went wrong",
        "status": 500,
        "detail": "The registry made a mistake. It has been logged under the request id.",
        "instance": "/api/v1/fail/mistake",
    }
    assert answer.headers["x-request-id"]
    (line,) = (line for line in lines if line["log_level"] == "error")
    assert isinstance(line["exc_info"], LookupError)


async def test_an_outage_says_when_to_come_back_and_its_cause_is_logged(broken: httpx.AsyncClient) -> None:
    with capture_logs() as lines:
        answer = await broken.get("/api/v1/fail/database")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "hunter2" not in answer.text
    assert any(isinstance(line.get("exc_info"), OperationalError) for line in lines)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("how", "status", "header"), [("busy", 429, "7"), ("suppressed", 451, None), ("misconfigured", 500, None)]
)
async def test_errors_are_not_for_caches(
    broken: httpx.AsyncClient, how: str, status: int, header: str | None
) -> None:
    answer = await broken.get(f"/api/v1/fail/{how}")
    assert answer.status_code == status
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers.get("retry-after") == header
    assert answer.json()["title"]


@pytest.mark.one_database
async def test_what_is_not_there_is_a_problem(client: httpx.AsyncClient) -> None:
    for path in ("/", "/nothing", "/api/v1/nothing", "/api/v1/records/x/y/z", "/api/v1/recordsx", "/api/v1"):
        answer = await client.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["instance"] == path


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/records", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("PATCH", "/api/v1/records/CIR-7GQ2M4KX9X", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/api/v1/changes", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/oauth/token", {"POST", "OPTIONS"}),
        ("PUT", "/healthz", {"GET", "HEAD", "OPTIONS"}),
    ],
)
async def test_a_method_that_is_not_answered_is_told_with_those_that_are(
    client: httpx.AsyncClient, method: str, path: str, allowed: set[str]
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert {one.strip() for one in answer.headers["allow"].split(",")} == allowed


@pytest.mark.one_database
async def test_what_cannot_be_read_is_a_problem(client: httpx.AsyncClient) -> None:
    sent: list[tuple[dict[str, str], int]] = [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/xml"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content-Length": "99999999"}, 413),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
        ({"Content-Type": "application/candor+json"}, 200),
    ]
    for headers, status in sent:
        answer = await client.post("/api/v1/validate", content=b"{}", headers=headers)
        assert answer.status_code == status, headers
        if status != 200:
            assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.one_database
async def test_a_parameter_that_is_wrong_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/records", params={"limit": "many"})
    assert answer.status_code == 400
    (finding,) = answer.json()["findings"]
    assert (finding["code"], finding["pointer"]) == ("bad-parameter", "/limit")


def test_the_documentation_knows_every_status() -> None:
    documented = problems.problem_responses(400, 401, 404, 409, 412, 413, 415, 422, 428, 429, 451, 503)
    assert all(response.media_type == "application/problem+json" for response in documented.values())
