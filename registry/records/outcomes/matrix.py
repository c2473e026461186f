"""Two vocabularies against each other: how many incidents bear both terms, and what was reported where they
meet. Counted by the database; every number is one of distinct records, or of distinct organisations.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, String, and_, case, column, func, or_, select, values
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from registry.actor import Actor
from registry.changelog.append import public_head
from registry.records import queries
from registry.records.models import Record, RecordTag
from registry.records.outcomes.asked import Table
from registry.records.outcomes.claims import CIRCUMSTANCES, DESCRIBED
from registry.records.outcomes.counting import COUNTING
from registry.records.outcomes.models import Outcome, OutcomeSubject
from registry.records.outcomes.queries import countable, first_seq_since, organisation, with_publishers
from registry.records.outcomes.service import AGAINST, WITH
from registry.records.visibility import readable
from registry.taxonomies.vocabulary import Vocabulary

SAFEGUARDS = "safeguard"
_MOST_PAIRS = 4_000
"""Terms, with those below them, that one axis asks the database for."""

CELLS: Mapping[str, str] = {
    "incidents": "Incidents that bear both terms, or narrower ones.",
    "worked": (
        "Incidents that report that the safeguard worked; `bypassed`, `degraded` and `absent` likewise."
    ),
    "evaluated": (
        "Mitigations and responses that report an effect; of them so many found it `effective`, `partial`, "
        "or `failing` (ineffective or harmful), and so many were `measured`."
    ),
    "sides": (
        "A report stands in the column of the safeguard's term that it names or that its mitigation bears, "
        "and in the row of what it is against. Terms of other vocabularies, such as sectors, are those that "
        "its record bears."
    ),
    "hierarchy": "A term holds what its narrower terms hold: lines of different depth do not add up.",
}
_SHARED = ("reports", "against", "organisations", "unnamed", "copies", "imported")


@dataclass(frozen=True, slots=True)
class Line:
    """A row or a column. `incidents` are all that bear its term, whatever stands on the other axis."""

    tag: str
    depth: int
    parent: str | None
    incidents: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """Distinct records, and after `by_` distinct organisations."""

    incidents: int = 0
    worked: int = 0
    bypassed: int = 0
    degraded: int = 0
    absent: int = 0
    evaluated: int = 0
    effective: int = 0
    partial: int = 0
    failing: int = 0
    measured: int = 0
    by_any: int = 0
    by_worked: int = 0
    by_bypassed: int = 0
    by_evaluated: int = 0
    by_effective: int = 0

    def as_json(self) -> dict[str, Any]:
        whole = {one.name: getattr(self, one.name) for one in fields(self)}
        records = {name: value for name, value in whole.items() if not name.startswith("by_")}
        by = {name.removeprefix("by_"): value for name, value in whole.items() if name.startswith("by_")}
        return {**records, "organisations": by}


@dataclass(frozen=True)
class Matrix:
    """`cells` holds those in which anything is. `all_rows` and `all_columns` are how many lines there are to
    that depth, shown or not; `incidents` how many incidents were looked at.
    """

    asked: Table
    rows: Sequence[Line]
    columns: Sequence[Line]
    all_rows: int
    all_columns: int
    cells: Mapping[tuple[str, str], Cell]
    incidents: int
    position: int

    @property
    def counting(self) -> Mapping[str, str]:
        return {**CELLS, **{id: COUNTING[id] for id in _SHARED}}


def lines_of(vocabulary: Vocabulary, axis: str, depth: int) -> list[Line]:
    """The terms of a namespace, or a term and those below it, to that depth, in the publisher's order: each
    once, under the first of its parents.
    """
    if ":" in axis:
        waiting = [Line(axis, 0, None)]
    else:
        waiting = [Line(tag, 1, None) for tag in vocabulary.tags(axis) if not vocabulary.parents(tag)]
        waiting.reverse()
    found: dict[str, Line] = {}
    while waiting:
        line = waiting.pop()
        if line.tag in found:
            continue
        found[line.tag] = line
        if line.depth < depth:
            below = [Line(tag, line.depth + 1, line.tag) for tag in vocabulary.children(line.tag)]
            waiting += reversed([one for one in below if vocabulary.term(one.tag) is not None])
    return list(found.values())


async def matrix(session: AsyncSession, actor: Actor, vocabulary: Vocabulary, asked: Table) -> Matrix:
    """The cells behind a coverage matrix."""
    position = await public_head(session)
    since = await first_seq_since(session, asked)
    conditions = countable(actor, asked, since)
    all_rows = lines_of(vocabulary, asked.rows, asked.depth)
    all_columns = lines_of(vocabulary, asked.columns, asked.depth)
    rows, under_rows = _bounded(vocabulary, all_rows, asked.limit)
    columns, under_columns = _bounded(vocabulary, all_columns, asked.limit)
    bearing = await _bearing(session, conditions, [line.tag for line in (*rows, *columns)])
    cells: dict[tuple[str, str], dict[str, int]] = {}
    for row, col, incidents in await _incidents(session, conditions, rows, columns):
        cells[row, col] = {"incidents": incidents}
    if rows and columns:
        query = _reported(actor, conditions, asked, under_rows, under_columns)
        for row, col, *counts in await session.execute(query):
            cells.setdefault((row, col), {}).update(zip(_REPORTED, counts, strict=True))
    places = {line.tag: place for place, line in enumerate((*rows, *columns))}
    return Matrix(
        asked,
        [_with(line, bearing) for line in rows],
        [_with(line, bearing) for line in columns],
        len(all_rows),
        len(all_columns),
        {key: Cell(**cells[key]) for key in sorted(cells, key=lambda one: (places[one[0]], places[one[1]]))},
        await session.scalar(
            select(func.count()).select_from(Record).where(Record.kind == "incident", *conditions)
        )
        or 0,
        position,
    )


def _with(line: Line, bearing: Mapping[str, int]) -> Line:
    return Line(line.tag, line.depth, line.parent, bearing.get(line.tag, 0))


def _bounded(
    vocabulary: Vocabulary, lines: Sequence[Line], limit: int
) -> tuple[list[Line], list[tuple[str, str]]]:
    """The lines that are shown, and (tag, line) of every tag that counts in one. What a path names as broader
    has rows of its own; what only the vocabulary knows to be broader is told here.
    """
    shown: list[Line] = []
    pairs: list[tuple[str, str]] = []
    for line in lines[:limit]:
        below = [tag for tag in vocabulary.descendants(line.tag) if not tag.startswith(f"{line.tag}/")]
        if len(pairs) + len(below) >= _MOST_PAIRS:
            break
        shown.append(line)
        pairs += [(tag, line.tag) for tag in (line.tag, *below)]
    return shown, pairs


async def _bearing(
    session: AsyncSession, conditions: Iterable[ColumnElement[bool]], tags: Sequence[str]
) -> dict[str, int]:
    query = (
        select(RecordTag.tag, func.count())
        .join(Record, Record.pk == RecordTag.record_pk)
        .where(RecordTag.tag.in_(tags), Record.kind == "incident", *conditions)
        .group_by(RecordTag.tag)
    )
    rows = await session.execute(query)
    return dict(rows.all())


async def _incidents(
    session: AsyncSession,
    conditions: Iterable[ColumnElement[bool]],
    rows: Sequence[Line],
    columns: Sequence[Line],
) -> list[tuple[str, str, int]]:
    row, col = aliased(RecordTag), aliased(RecordTag)
    query = (
        select(row.tag, col.tag, func.count())
        .select_from(row)
        .join(col, col.record_pk == row.record_pk)
        .join(Record, Record.pk == row.record_pk)
        .where(
            row.tag.in_([line.tag for line in rows]),
            col.tag.in_([line.tag for line in columns]),
            Record.kind == "incident",
            *conditions,
        )
        .group_by(row.tag, col.tag)
    )
    return [(first, second, number) for first, second, number in await session.execute(query)]


# --- what was reported

_REPORTED = tuple(one.name for one in fields(Cell) if one.name != "incidents")


def _counts(who: ColumnElement[str]) -> list[ColumnElement[int]]:
    """The counts of `_REPORTED`, in its order."""
    incident = Record.kind == "incident"
    effect = Record.kind != "incident"
    said: dict[str, ColumnElement[bool]] = {
        **{
            name: and_(incident, Outcome.outcome == name)
            for name in ("worked", "bypassed", "degraded", "absent")
        },
        "evaluated": effect,
        "effective": and_(effect, Outcome.outcome == "effective"),
        "partial": and_(effect, Outcome.outcome == "partial"),
        "failing": and_(effect, Outcome.outcome.in_(("ineffective", "harmful"))),
        "measured": and_(effect, Outcome.measured.is_(True)),
    }
    records = [func.count(case((told, Outcome.record_pk)).distinct()) for told in said.values()]
    by = ("worked", "bypassed", "evaluated", "effective")
    return [
        *records,
        func.count(who.distinct()),
        *(func.count(case((said[name], who)).distinct()) for name in by),
    ]


def _reported(
    actor: Actor,
    conditions: Iterable[ColumnElement[bool]],
    asked: Table,
    under_rows: Sequence[tuple[str, str]],
    under_columns: Sequence[tuple[str, str]],
) -> Select[Any]:
    mitigation = (
        select(Record.pk, Record.origin, Record.id)
        .where(Record.kind == "mitigation", queries.IS_LISTED, readable(actor))
        .subquery()
    )
    rows, columns = _lines("matrix_rows", under_rows), _lines("matrix_columns", under_columns)
    query = (
        select(rows.c.line, columns.c.line, *_counts(organisation()))
        .select_from(Outcome)
        .join(Record, Record.pk == Outcome.record_pk)
        .outerjoin(
            mitigation,
            and_(mitigation.c.id == Outcome.target_id, mitigation.c.origin == Outcome.target_origin),
        )
    )
    for axis, lines in ((asked.rows, rows), (asked.columns, columns)):
        query = _joined(query, axis.partition(":")[0], lines, mitigation)
    return (
        with_publishers(query)
        .where(
            *conditions,
            Outcome.outcome != DESCRIBED,
            # A response to what is no mitigation, or to none that can be read here, reports on nothing here.
            or_(Record.kind == "incident", mitigation.c.pk.is_not(None)),
        )
        .group_by(rows.c.line, columns.c.line)
    )


def _lines(name: str, pairs: Sequence[tuple[str, str]]) -> CTE:
    return (
        values(column("tag", String), column("line", String), name=f"{name}_values")
        .data(list(pairs))
        .cte(name)
    )


def _joined(query: Select[Any], namespace: str, lines: CTE, mitigation: Any) -> Select[Any]:
    """Join the lines in which a report stands on one axis."""
    if namespace in CIRCUMSTANCES - {SAFEGUARDS}:
        borne = aliased(RecordTag)
        return query.join(borne, borne.record_pk == Record.pk).join(lines, lines.c.tag == borne.tag)
    subject = aliased(OutcomeSubject)
    # What a report leaves unsaid stands in the first row of its mitigation.
    elsewhere = Outcome.safeguard.is_(None) if namespace == SAFEGUARDS else Outcome.inherits.is_(True)
    return query.join(
        subject,
        and_(
            subject.record_pk == case((elsewhere, mitigation.c.pk), else_=Outcome.record_pk),
            subject.number == case((elsewhere, 0), else_=Outcome.number),
            subject.role == (WITH if namespace == SAFEGUARDS else AGAINST),
        ),
    ).join(lines, lines.c.tag == subject.subject)
