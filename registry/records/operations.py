"""What OpenAPI is told of bodies that handlers read by themselves, strictly and to a limit."""

from dataclasses import dataclass
from typing import Any

from litestar.openapi.spec import Example, OpenAPIMediaType, Operation, Reference, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType

from registry.http import JSON_TYPE
from registry.records.content.examples import EXAMPLES
from registry.records.content.submission import KINDS


def _body(schema: Schema, about: str, examples: dict[str, Any], *, required: bool = True) -> RequestBody:
    shown: dict[str, Example | Reference] = {name: Example(value=value) for name, value in examples.items()}
    media = OpenAPIMediaType(schema=schema, examples=shown)
    return RequestBody(content={JSON_TYPE: media}, description=about, required=required)


_SUBMISSION = _body(
    Schema(
        type=OpenAPIType.OBJECT,
        required=["kind", "title", "summary", "content"],
        properties={
            "kind": Schema(type=OpenAPIType.STRING, enum=list(KINDS)),
            "title": Schema(type=OpenAPIType.STRING),
            "summary": Schema(type=OpenAPIType.STRING),
            "content": Schema(type=OpenAPIType.OBJECT),
        },
    ),
    "A record without what the registry stamps. `/api/v1/schemas/{kind}.json` describes every field.",
    dict(EXAMPLES),
)
_ACTION = _body(
    Schema(
        type=OpenAPIType.OBJECT,
        properties={
            "code": Schema(type=OpenAPIType.STRING, description="withdraw: why, as one word."),
            "text": Schema(type=OpenAPIType.STRING, description="withdraw: why, as readers are told."),
            "replaced_by": Schema(
                type=OpenAPIType.OBJECT, description="withdraw: the record to read instead."
            ),
            "note": Schema(type=OpenAPIType.STRING, description="reinstate: why."),
        },
    ),
    "Nothing to publish; the reason to withdraw or reinstate.",
    {
        "publish": {},
        "withdraw": {"code": "duplicate", "text": "Told twice."},
        "reinstate": {"note": "It was not a duplicate."},
    },
    required=False,
)


@dataclass
class TakesSubmission(Operation):
    """An operation whose body is a submission."""

    def __post_init__(self) -> None:
        self.request_body = _SUBMISSION


@dataclass
class TakesReason(Operation):
    """An operation whose body may say why."""

    def __post_init__(self) -> None:
        self.request_body = _ACTION


@dataclass
class TakesOrder(Operation):
    """An operation whose body names the order that withholds a record."""

    def __post_init__(self) -> None:
        self.request_body = _body(
            Schema(
                type=OpenAPIType.OBJECT,
                required=["reason"],
                properties={
                    "code": Schema(
                        type=OpenAPIType.STRING, description="suppress: the order, as every reader is told."
                    ),
                    "reason": Schema(type=OpenAPIType.STRING, description="Why, for the audit trail."),
                },
            ),
            "The order, and why.",
            {
                "suppress": {"code": "Court of Example, 12 O 34/26", "reason": "An injunction was served."},
                "unsuppress": {"reason": "The injunction was lifted."},
            },
        )
