"""What OpenAPI is told of bodies that handlers read by themselves, strictly and to a limit."""

from dataclasses import dataclass
from typing import Any

import msgspec
from litestar.openapi.spec import Example, OpenAPIMediaType, Operation, Reference, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

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
            "comments": Schema(
                type=OpenAPIType.ARRAY,
                description="return: what is to be changed, as {pointer, text}.",
                items=Schema(
                    type=OpenAPIType.OBJECT,
                    required=["text"],
                    properties={
                        "pointer": Schema(type=OpenAPIType.STRING, description="Into the draft (RFC 6901)."),
                        "text": Schema(type=OpenAPIType.STRING),
                    },
                ),
            ),
            "at": Schema(
                type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME, description="schedule: when."
            ),
            "with": Schema(
                type=OpenAPIType.ARRAY,
                items=Schema(type=OpenAPIType.STRING),
                description="schedule: ids of the records that go out together with it, or not at all.",
            ),
            "signature": Schema(
                type=OpenAPIType.STRING,
                description="publish, approve, schedule: your organisation's detached JWS (EdDSA) over the "
                "draft's bytes.",
            ),
            "provider": Schema(
                type=OpenAPIType.STRING, description="invite: the organisation that is to publish it jointly."
            ),
            "code": Schema(type=OpenAPIType.STRING, description="withdraw: why, as one word."),
            "text": Schema(type=OpenAPIType.STRING, description="withdraw: why, as readers are told."),
            "replaced_by": Schema(
                type=OpenAPIType.OBJECT, description="withdraw: the record to read instead."
            ),
            "note": Schema(type=OpenAPIType.STRING, description="reinstate: why."),
        },
    ),
    "What the action takes; nothing to submit, cancel and leave.",
    {
        "publish": {},
        "return": {"comments": [{"pointer": "/title", "text": "Say where it happened."}]},
        "schedule": {"at": "2030-05-01T09:00:00Z", "with": ["CIR-7GQ2M4KX9X"]},
        "invite": {"provider": "example-lab"},
        "withdraw": {"code": "duplicate", "text": "Told twice."},
        "reinstate": {"note": "It was not a duplicate."},
    },
    required=False,
)
_HANDLING = _body(
    Schema(
        type=OpenAPIType.OBJECT,
        properties={
            "handling": Schema(
                type=OpenAPIType.OBJECT, description="tlp, groups, people, embargo_until: whom it is for."
            ),
            "restricted": Schema(
                type=OpenAPIType.ARRAY,
                items=Schema(type=OpenAPIType.OBJECT),
                description="Parts that only some may see: {id, tlp, groups, people, content}.",
            ),
        },
    ),
    "What stands beside the draft, in the shape that reading it answers; the rest of that is passed over.",
    {"amber": {"handling": {"tlp": "AMBER", "groups": ["labs"]}}},
)


@dataclass
class TakesSubmission(Operation):
    """An operation whose body is a submission."""

    def __post_init__(self) -> None:
        self.request_body = _SUBMISSION


@dataclass
class TakesAction(Operation):
    """An operation whose body says more of what is to be done."""

    def __post_init__(self) -> None:
        self.request_body = _ACTION


@dataclass
class TakesSame(Operation):
    """An operation whose body names a record that is, or is not, the same."""

    def __post_init__(self) -> None:
        text = Schema(type=OpenAPIType.STRING)
        self.request_body = _body(
            Schema(
                type=OpenAPIType.OBJECT,
                required=["id", "reason"],
                properties={
                    "id": text,
                    "origin": Schema(
                        type=OpenAPIType.STRING, description="Whose it is; this registry's when not given."
                    ),
                    "reason": Schema(type=OpenAPIType.STRING, description="Why, for the audit trail."),
                },
            ),
            "The other record, and why.",
            {
                "another": {
                    "id": "CIR-7GQ2M4KX9X",
                    "origin": "peer.example/log",
                    "reason": "Both tell of the same fraud.",
                }
            },
        )


@dataclass
class TakesOrder(Operation):
    """An operation whose body names the order that withholds a record, or the ground of its erasure."""

    def __post_init__(self) -> None:
        self.request_body = _body(
            Schema(
                type=OpenAPIType.OBJECT,
                required=["reason"],
                properties={
                    "code": Schema(
                        type=OpenAPIType.STRING,
                        description="As every reader is told. suppress: the order, in words. "
                        "erase: the ground, as a code such as personal-data, court-order or copyright.",
                    ),
                    "reason": Schema(type=OpenAPIType.STRING, description="Why, for the audit trail."),
                },
            ),
            "The order, and why.",
            {
                "suppress": {"code": "Court of Example, 12 O 34/26", "reason": "An injunction was served."},
                "unsuppress": {"reason": "The injunction was lifted."},
                "erase": {"code": "personal-data", "reason": "It named a victim."},
            },
        )


@dataclass
class TakesSignature(Operation):
    """An operation whose body is a signature of a draft."""

    def __post_init__(self) -> None:
        self.request_body = _body(
            Schema(
                type=OpenAPIType.OBJECT,
                required=["signature"],
                properties={
                    "signature": Schema(
                        type=OpenAPIType.STRING,
                        description="A detached JWS (EdDSA) over the draft's bytes: header..signature.",
                    )
                },
            ),
            "What `GET .../draft` answers, signed with a key of your organisation.",
            {"detached": {"signature": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9..c2lnbmF0dXJl"}},
        )


@dataclass
class TakesHandling(Operation):
    """An operation whose body is what stands beside a draft."""

    def __post_init__(self) -> None:
        self.request_body = _HANDLING


@dataclass
class TakesReason(Operation):
    """An operation whose body says why."""

    def __post_init__(self) -> None:
        self.request_body = _body(
            Schema(
                type=OpenAPIType.OBJECT,
                required=["reason"],
                properties={"reason": Schema(type=OpenAPIType.STRING)},
            ),
            "Why.",
            {"a hotline": {"reason": "The number is a public hotline."}},
        )


@dataclass
class TakesCheckpoint(Operation):
    """An operation whose body is a checkpoint, with the proof that it continues another (C2SP
    tlog-witness).
    """

    def __post_init__(self) -> None:
        media = OpenAPIMediaType(
            schema=Schema(type=OpenAPIType.STRING),
            examples={"the first": Example(value="old 0\n\nregistry.example/log\n3\n...")},
        )
        about = "`old N`, the lines of a consistency proof, an empty line, and the signed checkpoint."
        self.request_body = RequestBody(content={"text/plain": media}, description=about, required=True)


@dataclass
class TakesLines(Operation):
    """An operation whose body is a submission a line."""

    def __post_init__(self) -> None:
        example = "\n".join(msgspec.json.encode(item).decode() for item in list(EXAMPLES.values())[:2])
        media = OpenAPIMediaType(
            schema=Schema(type=OpenAPIType.STRING), examples={"two": Example(value=example)}
        )
        self.request_body = RequestBody(
            content={"application/x-ndjson": media},
            description="JSON of a submission in each line (NDJSON).",
            required=True,
        )
