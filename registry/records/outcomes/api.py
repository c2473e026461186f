"""What was reported to work, over HTTP."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Controller, Response, get
from litestar.openapi.spec import Operation, Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType

from registry.canonical import digest
from registry.errors import Malformed
from registry.http import JSON_TYPE, AnyRequest, prepared
from registry.problems import problem_responses
from registry.records import list_queries
from registry.records.api_shared import Actors, Nodes, Reading
from registry.records.outcomes import views
from registry.records.outcomes.asked import (
    KINDS,
    LIMIT,
    LINES,
    MOST,
    MOST_DEPTH,
    MOST_LINES,
    MOST_OFFSET,
    MOST_SOURCES,
    SHOWN,
    SOURCES,
    Parameters,
    read_evidence,
    read_matrix,
)
from registry.records.outcomes.kept import kept_matrix
from registry.records.outcomes.queries import evidence
from registry.taxonomies.equivalents import CROSSWALKS

SCOPES = ("all", "taxonomies", "providers")
"""Every publication may count, terms have labels and crosswalks, and organisations prove domains."""
MAX_PARAMETERS = 100


def _parameter(
    name: str, about: str, *, many: bool = False, required: bool = False, **schema: Any
) -> Parameter:
    one = Schema(**({"type": OpenAPIType.STRING} | schema))
    whole = Schema(type=OpenAPIType.ARRAY, items=one) if many else one
    return Parameter(name=name, param_in="query", description=about, schema=whole, required=required)


def _whole(name: str, about: str, least: int, most: int) -> Parameter:
    return _parameter(name, about, type=OpenAPIType.INTEGER, minimum=least, maximum=most)


_NARROWING = (
    _parameter("origin", "Only reports of records of these registries.", many=True),
    _parameter("since", "Only records first published at or after; a date or RFC 3339."),
    _parameter("imported", "false leaves out what was imported.", enum=["true", "false"]),
)
_EVIDENCE = (
    _parameter("against", "A tag, with what is narrower, or a record's id.", required=True),
    _parameter("against_origin", "Whose record, where two registries hold the same id."),
    _parameter(
        "crosswalks", "Which terms of other vocabularies stand for the tag; close.", enum=[*CROSSWALKS]
    ),
    _parameter("kind", "Only reports in records of these kinds.", many=True, enum=[*KINDS]),
    *_NARROWING,
    _parameter("show", "all when not given.", enum=[*SHOWN]),
    _parameter("safeguard", "Only this safeguard's term and narrower ones."),
    _parameter("mitigation", "Only this mitigation, by its record's id."),
    _whole("limit", f"Entries on a page; {LIMIT} when not given.", 1, MOST),
    _whole("offset", "Entries to pass over.", 0, MOST_OFFSET),
    _whole("sources", f"Newest reports shown of each entry; {SOURCES} when not given.", 0, MOST_SOURCES),
)
_MATRIX = (
    _parameter("rows", "A vocabulary, or a term whose narrower terms are wanted; misuse when not given."),
    _parameter("columns", "The same; safeguard when not given."),
    _whole("depth", "How many levels of terms; 1 when not given.", 1, MOST_DEPTH),
    *_NARROWING,
    _whole("limit", f"Rows, and columns, that are shown at most; {LINES} when not given.", 1, MOST_LINES),
)


@dataclass
class _EvidenceOperation(Operation):
    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or ()), *_EVIDENCE]


@dataclass
class _MatrixOperation(Operation):
    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or ()), *_MATRIX]


class OutcomesController(Controller):
    """What was reported to work against what."""

    path = "/api/v1"
    tags = ("evidence",)

    @get(
        "/evidence",
        operation_id="rankEvidence",
        operation_class=_EvidenceOperation,
        responses=problem_responses(400, 404, 451),
    )
    async def read_evidence(
        self, request: AnyRequest, reading: Reading, actor: Actors, node: Nodes
    ) -> Response[bytes]:
        """Safeguards and mitigations, ranked by what was reported of them against a tag or a record.

        `order` explains the ranking and `counting` the numbers; what was reported as failing stands beside
        what was reported as working, and is not taken off it.
        """
        vocabulary = await node.vocabulary.current(fresh=True)
        asked = read_evidence(parameters_of(request), vocabulary)
        found = await evidence(reading, actor, vocabulary, asked)
        return await _answer(request, reading, views.evidence(found, vocabulary, node.origin))

    @get(
        "/matrix",
        operation_id="readMatrix",
        operation_class=_MatrixOperation,
        responses=problem_responses(400),
    )
    async def read_matrix(self, request: AnyRequest, reading: Reading, node: Nodes) -> Response[bytes]:
        """Two vocabularies against each other: incidents that bear both terms, and what was reported there.

        Cells in which nothing is are left out.
        """
        vocabulary = await node.vocabulary.current(fresh=True)
        asked = read_matrix(parameters_of(request), vocabulary)
        found = await kept_matrix(node.database, vocabulary, asked)
        return await _answer(request, reading, views.matrix(found, vocabulary))


def parameters_of(request: AnyRequest) -> Parameters:
    """The parameters as they were sent, each with all its values. Raises `Malformed` for too many."""
    text = request.scope["query_string"].decode("latin-1")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise Malformed(f"More than {MAX_PARAMETERS} parameters are not read.") from error
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


async def _answer(request: AnyRequest, reading: Reading, body: Any) -> Response[bytes]:
    data = msgspec.json.encode(body)
    changed = await list_queries.changed_at(reading)
    return prepared(request, data, JSON_TYPE, etag=digest(data)[:32], last_modified=changed, scopes=SCOPES)
