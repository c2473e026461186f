"""What goes over the wire, as plain data: requests, answers, and what became of one. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from registry.canonical import canonical, read_json
from registry.errors import CandorError, Malformed, Unavailable

T = TypeVar("T")

MAX_ANSWER_BYTES = 64 * 1024 * 1024
JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read whole. `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as strictly read JSON. Raises `Unavailable`: a registry answers nothing else."""
        try:
            return read_json(self.body, limit=MAX_ANSWER_BYTES)
        except CandorError as error:
            raise Unavailable(f"The registry answered what cannot be read: {error.detail}") from error

    def object(self) -> dict[str, Any]:
        value = self.json()
        if not isinstance(value, dict):
            raise Unavailable("The registry answered something other than an object.")
        return value

    @property
    def etag(self) -> str:
        """The validator, without its quotes; empty when there is none."""
        return self.headers.get("etag", "").removeprefix("W/").strip('"')


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer. `unsent` tells that the request cannot have reached the registry."""

    reason: str
    unsent: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to be sent. `path` is relative to the registry."""

    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request with the way to read its answer.

    `repeatable`: sending it twice does what sending it once does, so that it may be sent again when nobody
    knows what became of it. `open` ones need no token, and take one all the same.
    """

    ask: Ask
    read: Callable[[Answer], T]
    repeatable: bool = True
    open: bool = False


def query(**values: Any) -> tuple[tuple[str, str], ...]:
    """Parameters of a query; lists repeat, None and empty ones are left out."""
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        several = value if isinstance(value, list | tuple) else [value]
        pairs += [(name.rstrip("_"), _word(each)) for each in several if each is not None]
    return tuple(pairs)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def json_body(value: Any) -> bytes:
    """JSON as it is sent: canonical, so that what is the same is sent as the same bytes."""
    try:
        return canonical(value)
    except (ValueError, TypeError) as error:
        raise Malformed(f"This cannot be written as JSON: {error}.") from error


def quoted(etag: str) -> str:
    """A validator as `If-Match` has it."""
    return f'"{etag.removeprefix("W/").strip(chr(34))}"'
