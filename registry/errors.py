"""Everything that can go wrong on purpose, as one tree.

CandorError
├── Malformed             the request cannot be read: bad JSON, bad cursor, an id with a wrong check character
├── Invalid               the request was read and its content has findings
├── Unauthenticated       nobody, or nobody any more
├── Forbidden             somebody, who may not
├── NotFound              nothing there, or nothing that this reader may know of
├── NotAllowed            the path is there and answers other methods
├── Conflict              the state of things forbids it
├── Gone                  erased
├── PreconditionFailed    `If-Match` names another version than the present one
├── PreconditionRequired  `If-Match` is missing
├── TooLarge              over a stated limit
├── UnsupportedType       a media type or an encoding that is not read here
├── TooMany               over a rate or a quota; says when to try again
├── Suppressed            withheld on this node by a legal order
├── Unavailable           a part of the registry is down; says when to try again
├── Unreached             another server did not answer, or is not asked
└── Misconfigured         the operator has to act; the message says how

Nothing here knows HTTP: `registry.problems` maps this tree to status codes, `registry.cli` maps it to exit
codes.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar


class Severity(StrEnum):
    """How a finding weighs: an `error` stops what was asked for, a `warning` does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a piece of content.

    `code` is stable and machine-readable (`unknown-tag`), `pointer` is an RFC 6901 JSON pointer into what was
    sent (`/content/harms/0/tag`; empty for the whole), `message` says what is wrong and `suggestion` what to
    do about it.
    """

    code: str
    pointer: str
    message: str
    suggestion: str | None = None
    severity: Severity = Severity.ERROR

    def as_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value is not None}


def has_errors(findings: Sequence[Finding]) -> bool:
    return any(finding.severity is Severity.ERROR for finding in findings)


class CandorError(Exception):
    """The root. `detail` is one sentence for the person who asked; `findings` says what and where."""

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"
    told_without: ClassVar[frozenset[str]] = frozenset()
    """Names in `extra` that are told as null where there is no value yet; others are left out."""

    def __init__(
        self, detail: str, *, findings: Sequence[Finding] = (), retry_after: int | None = None, **extra: Any
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.findings = tuple(findings)
        self.retry_after = retry_after
        self.extra = extra


class Malformed(CandorError):
    code = "malformed"
    title = "The request cannot be read"


class Invalid(CandorError):
    code = "invalid"
    title = "The content has errors"


class Unauthenticated(CandorError):
    code = "unauthenticated"
    title = "Sign in or send a token"


class Forbidden(CandorError):
    code = "forbidden"
    title = "Not allowed"


class NotFound(CandorError):
    code = "not-found"
    title = "Not found"


class NotAllowed(CandorError):
    code = "method-not-allowed"
    title = "This address does not answer that method"


class Conflict(CandorError):
    code = "conflict"
    title = "The present state forbids this"


class Gone(CandorError):
    code = "gone"
    title = "Erased"
    told_without = frozenset({"erase_index"})


class PreconditionFailed(CandorError):
    code = "precondition-failed"
    title = "It has changed since you read it"


class PreconditionRequired(CandorError):
    code = "precondition-required"
    title = "Say which version you read"


class TooLarge(CandorError):
    code = "too-large"
    title = "Too large"


class UnsupportedType(CandorError):
    code = "unsupported-type"
    title = "This media type is not read here"


class TooMany(CandorError):
    code = "too-many"
    title = "Too many requests"


class Suppressed(CandorError):
    code = "suppressed"
    title = "Withheld here by a legal order"


class Unavailable(CandorError):
    code = "unavailable"
    title = "Not available at the moment"


class Unreached(CandorError):
    code = "unreached"
    title = "Another server did not give what was asked of it"


class Misconfigured(CandorError):
    code = "misconfigured"
    title = "The operator has to act"
