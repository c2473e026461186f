"""What the registry answers, as objects; and what it refuses, as errors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from registry import errors
from registry.client.wire import Answer
from registry.errors import CandorError, Finding, Severity

if TYPE_CHECKING:
    from registry.client.wire import Call

T = TypeVar("T")
PROBLEM = "urn:candor:problem:"


@dataclass(frozen=True, slots=True)
class Document:
    """A record's document, with its validator: a version's commitment, or a draft's ETag."""

    document: dict[str, Any]
    etag: str

    @classmethod
    def read(cls, answer: Answer) -> "Document":
        return cls(answer.object(), answer.etag)


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft that was taken. `state` is where it stands; `findings` are those that did not stop it."""

    id: str
    kind: str
    state: str
    etag: str
    findings: tuple[Finding, ...]

    @classmethod
    def read(cls, answer: Answer) -> "Draft":
        body = answer.object()
        return cls(body["id"], body["kind"], body["state"], body["etag"], findings(body))


@dataclass(frozen=True, slots=True)
class Handling:
    """Who a draft is for, and the parts that only some may see. `etag` is the draft's.

    `comments` are what a reviewer returned it with, as {pointer, text, by, at}. `body` is the whole answer.
    """

    state: str
    handling: dict[str, Any]
    restricted: list[dict[str, Any]]
    etag: str
    comments: list[dict[str, Any]]
    body: dict[str, Any]

    @classmethod
    def read(cls, answer: Answer) -> "Handling":
        body = answer.object()
        return cls(
            body["state"],
            body["handling"],
            body["restricted"],
            answer.etag,
            body.get("comments", []),
            body,
        )


@dataclass(frozen=True, slots=True)
class Published:
    """What was published, withdrawn or reinstated."""

    id: str
    kind: str
    version: str
    commit: str
    state: str

    @classmethod
    def read(cls, answer: Answer) -> "Published":
        body = answer.object()
        return cls(body["id"], body["kind"], str(body["version"]), body["commit"], body["state"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an action answered, as it stands in the answer."""

    body: dict[str, Any]
    etag: str

    @classmethod
    def read(cls, answer: Answer) -> "Outcome":
        return cls(answer.object(), answer.etag)


@dataclass(frozen=True, slots=True)
class Validation:
    """What submitting would say."""

    valid: bool
    findings: tuple[Finding, ...]

    @classmethod
    def read(cls, answer: Answer) -> "Validation":
        body = answer.object()
        return cls(bool(body["valid"]), findings(body))


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list, and the call that fetches the next one; None after the last."""

    items: list[T]
    following: "Call[Page[T]] | None"


def findings(body: Mapping[str, Any]) -> tuple[Finding, ...]:
    """The findings in an answer; what is not one is passed over."""
    return tuple(_findings(body.get("findings")))


def _findings(value: Any) -> Iterator[Finding]:
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict) and isinstance(item.get("message"), str):
            suggestion = item.get("suggestion")
            yield Finding(
                str(item.get("code", "finding")),
                str(item.get("pointer", "")),
                item["message"],
                str(suggestion) if suggestion is not None else None,
                Severity.WARNING if item.get("severity") == "warning" else Severity.ERROR,
            )


_KINDS: dict[str, type[CandorError]] = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, CandorError)
}
# For answers without a problem document: something in between has spoken.
_BY_STATUS: dict[int, type[CandorError]] = {
    400: errors.Malformed,
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    405: errors.NotAllowed,
    409: errors.Conflict,
    410: errors.Gone,
    412: errors.PreconditionFailed,
    413: errors.TooLarge,
    415: errors.UnsupportedType,
    422: errors.Invalid,
    428: errors.PreconditionRequired,
    429: errors.TooMany,
    451: errors.Suppressed,
}


def error_of(answer: Answer) -> CandorError:
    """The error that an answer tells: of the kind that the registry names, with its sentence and findings."""
    retry_after = seconds(answer.headers.get("retry-after"))
    body = _problem(answer)
    code = str(body.get("type", "")).removeprefix(PROBLEM)
    unknown = errors.Unavailable if answer.status >= 500 else CandorError
    kind = _KINDS.get(code) or _BY_STATUS.get(answer.status, unknown)
    # OAuth's own form of an error (RFC 6749, section 5.2) has other names.
    detail = body.get("detail") or body.get("error_description") or body.get("error")
    if not isinstance(detail, str):
        detail = f"The registry answered {answer.status}."
    if 300 <= answer.status < 400:
        detail = f"The registry points elsewhere ({answer.status}); log in to the address that it moved to."
    known = {"type", "title", "status", "detail", "instance", "findings"}
    extra = {key: value for key, value in body.items() if key not in known and key.isidentifier()}
    extra.pop("retry_after", None)
    return kind(detail, findings=findings(body), retry_after=retry_after, **extra)


def _problem(answer: Answer) -> dict[str, Any]:
    if "json" not in answer.headers.get("content-type", ""):
        return {}
    try:
        body = answer.json()
    except CandorError:
        return {}
    return body if isinstance(body, dict) else {}


def seconds(text: str | None) -> int | None:
    """`Retry-After` in seconds; a date is not read, since clocks differ."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 8 else None
