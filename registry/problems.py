"""The one mapping from what went wrong to RFC 9457 `application/problem+json`. Nothing else knows status
codes.
"""

from dataclasses import dataclass, field
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, NotAuthorizedException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from registry import errors
from registry.errors import CandorError, Finding

MEDIA_TYPE = "application/problem+json"
RATE_LIMIT = "candor.ratelimit"
"""Key in the scope's state: the header fields that tell one reader what is left of a limit."""
TYPE_PREFIX = "urn:candor:problem:"

STATUS: dict[type[CandorError], int] = {
    CandorError: 500,
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.NotAllowed: 405,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.UnsupportedType: 415,
    errors.Invalid: 422,
    errors.PreconditionRequired: 428,
    errors.TooMany: 429,
    errors.Suppressed: 451,
    errors.Unreached: 502,
    errors.Unavailable: 503,
    errors.Misconfigured: 500,
}

# What the framework says by number. From 500 on its words are about the program, and stay here.
_BY_STATUS: dict[int, type[CandorError]] = {
    status: kind for kind, status in STATUS.items() if status < 500 or kind is errors.Unavailable
}
# SQLSTATE classes that speak of the server and its load, not of what it was asked.
_NOT_ANSWERING = ("08", "40", "53", "55", "57", "58")

log = structlog.get_logger("candor.http")


@dataclass(frozen=True)
class FindingBody:
    """One finding, as errors and validation show it."""

    code: str
    severity: str
    pointer: str
    message: str
    suggestion: str | None = None


@dataclass(frozen=True)
class Problem:
    """The body of every error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    findings: list[FindingBody] = field(default_factory=list)


def problem_responses(*statuses: int) -> dict[int, ResponseSpec]:
    """What a handler documents as its errors in the OpenAPI document."""
    return {
        status: ResponseSpec(
            Problem,
            generate_examples=False,
            description=next(kind.title for kind in STATUS if STATUS[kind] == status),
            media_type=MEDIA_TYPE,
        )
        for status in statuses
    }


def status_of(error: CandorError) -> int:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def body_of(error: CandorError, instance: str) -> dict[str, Any]:
    """The problem document for an error."""
    extra = {
        key: value for key, value in error.extra.items() if value is not None or key in error.told_without
    }
    body = {
        "type": TYPE_PREFIX + error.code,
        "title": error.title,
        "status": status_of(error),
        "detail": error.detail,
        "instance": instance,
        **extra,
    }
    if error.findings:
        body["findings"] = [finding.as_json() for finding in error.findings]
    return body


def translate(error: Exception) -> CandorError:
    """Any exception as one of ours. What is a fault of the program becomes a plain `CandorError`, without its
    text.
    """
    match error:
        case CandorError():
            return error
        case ValidationException():
            return errors.Malformed(
                "The request has parameters that cannot be read.", findings=_findings(error)
            )
        case NotAuthorizedException():
            return errors.Unauthenticated("This needs a token or a session.")
        case HTTPException() if error.status_code in _BY_STATUS:
            kind = _BY_STATUS[error.status_code]
            return kind(_WORDS.get(error.status_code, error.detail))
        case HTTPException() if error.status_code < 500:
            return errors.Malformed(error.detail)
        case IntegrityError():
            return errors.Conflict(
                "Somebody wrote the same thing at the same moment. Read it again and retry."
            )
        case DBAPIError() if _not_answering(error):
            return errors.Unavailable("The database does not answer.", retry_after=5)
        # The driver's own words, where it finds nobody to connect to or is turned away.
        case PoolTimeout() | OSError() | asyncpg.PostgresError() | asyncpg.InterfaceError():
            return errors.Unavailable("A part of the registry does not answer.", retry_after=5)
        case _:
            return CandorError("The registry made a mistake. It has been logged under the request id.")


def _not_answering(error: DBAPIError) -> bool:
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        return True
    return str(getattr(error.orig, "sqlstate", None) or "").startswith(_NOT_ANSWERING)


_WORDS = {
    404: "There is nothing at this address.",
    405: "This address does not answer that method.",
    413: "The body is larger than what is read here.",
    503: "This is not available at the moment.",
}


def _findings(error: ValidationException) -> list[Finding]:
    extra = error.extra if isinstance(error.extra, list) else []
    return [
        Finding(
            "bad-parameter", f"/{item.get('key', '')}".rstrip("/"), str(item.get("message", "cannot be read"))
        )
        for item in extra
        if isinstance(item, dict)
    ]


def answer_problem(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Litestar's one exception handler."""
    problem = translate(error)
    status = status_of(problem)
    if status == 500 or (status > 500 and problem is not error):
        log.error("request failed", path=request.url.path, exc_info=error)
    elif status > 500:
        log.warning("not available", path=request.url.path, detail=problem.detail)
    headers = {"Cache-Control": "no-store", "Vary": "Authorization, Cookie"}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="candor"'
    if isinstance(problem, errors.NotAllowed) and isinstance(error, HTTPException) and error.headers:
        # The front makes HEAD of every GET; the framework does not know that, nor keeps an order.
        told = {name.lower(): value for name, value in error.headers.items()}.get("allow", "")
        allowed = {method.strip() for method in told.split(",")}
        headers["Allow"] = ", ".join(sorted(allowed | ({"HEAD"} if "GET" in allowed else set())))
    for name, value in request.scope["state"].get(RATE_LIMIT, ()):
        headers[name.decode()] = value.decode()
    body = body_of(problem, request.url.path)
    if wants_page(request):
        page = request.app.state.get("error_page")
        if page is not None:
            response: Response[Any] = page(request, status, body)
            response.headers.update(headers)
            return response
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def wants_page(request: Request[Any, Any, Any]) -> bool:
    """Whether a person in a browser waits for this: outside the API, and HTML is asked for by name."""
    path = request.url.path
    machine = path.startswith(
        ("/api/", "/feeds/", "/oauth/", "/log/", "/federation/", "/.well-known/", "/schema")
    )
    return not machine and "text/html" in request.headers.get("accept", "")
