"""Two vocabularies against each other: how many incidents bear both terms, and what was reported where they
meet. Counted by the database; every number is one of distinct records, or of distinct organisations.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, column, func, or_, select, true, values
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
        reported = await _reported(session, actor, conditions, asked, under_rows, under_columns)
        for key, counts in reported.items():
            cells.setdefault(key, {}).update(counts)
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
            _one_of(col.tag, [line.tag for line in columns]),
            Record.kind == "incident",
            *conditions,
        )
        .group_by(row.tag, col.tag)
    )
    return [(first, second, number) for first, second, number in await session.execute(query)]


# --- what was reported


def _said() -> dict[str, ColumnElement[bool]]:
    """What makes a report count in each number of a cell, as conditions on `Record` and `Outcome`."""
    incident, effect = Record.kind == "incident", Record.kind != "incident"
    seen = ("worked", "bypassed", "degraded", "absent")
    return {
        **{name: and_(incident, Outcome.outcome == name) for name in seen},
        "evaluated": effect,
        "effective": and_(effect, Outcome.outcome == "effective"),
        "partial": and_(effect, Outcome.outcome == "partial"),
        "failing": and_(effect, Outcome.outcome.in_(("ineffective", "harmful"))),
        "measured": and_(effect, Outcome.measured.is_(True)),
    }


_BY = ("worked", "bypassed", "evaluated", "effective")


async def _reported(
    session: AsyncSession,
    actor: Actor,
    conditions: Sequence[ColumnElement[bool]],
    asked: Table,
    under_rows: Sequence[tuple[str, str]],
    under_columns: Sequence[tuple[str, str]],
) -> dict[tuple[str, str], dict[str, int]]:
    """Distinct records, then distinct organisations, by cell.

    First one line for each cell and record, then sums of those: to count what is distinct for each number
    by itself takes the databases several times as long.
    """
    mitigation = (
        select(Record.pk, Record.origin, Record.id)
        .where(Record.kind == "mitigation", queries.IS_LISTED, readable(actor))
        .subquery()
    )
    query: Select[Any] = (
        select(*())
        .select_from(Outcome)
        .join(Record, Record.pk == Outcome.record_pk)
        .outerjoin(
            mitigation,
            and_(mitigation.c.id == Outcome.target_id, mitigation.c.origin == Outcome.target_origin),
        )
        .where(
            *conditions,
            Outcome.outcome != DESCRIBED,
            # A response to what is no mitigation, or to none that can be read here, reports on nothing here.
            or_(Record.kind == "incident", mitigation.c.pk.is_not(None)),
        )
    )
    query, row = _joined(query, "matrix_rows", asked.rows, under_rows, mitigation)
    query, col = _joined(query, "matrix_columns", asked.columns, under_columns, mitigation)
    said = _said()
    found: dict[tuple[str, str], dict[str, int]] = {}
    by = {f"by_{name}": said[name] for name in _BY}
    for narrowed, one, numbers in (
        (query, Outcome.record_pk, said),
        (with_publishers(query), organisation(), {"by_any": true(), **by}),
    ):
        flags = [func.max(case((told, 1), else_=0)).label(name) for name, told in numbers.items()]
        columns = (row.label("line"), col.label("across"), one.label("one"))
        each = narrowed.add_columns(*columns, *flags).group_by(*columns).subquery()
        sums = [func.sum(each.c[name]) for name in numbers]
        cells = select(each.c.line, each.c.across, *sums).group_by(each.c.line, each.c.across)
        for line, across, *counts in await session.execute(cells):
            found.setdefault((line, across), {}).update(zip(numbers, map(int, counts), strict=True))
    return found


def _joined(
    query: Select[Any], name: str, axis: str, under: Sequence[tuple[str, str]], mitigation: Any
) -> tuple[Select[Any], Any]:
    """Join the lines in which a report stands on one axis; answers with the column that names them."""
    namespace = axis.partition(":")[0]
    tag: Any
    if namespace in CIRCUMSTANCES - {SAFEGUARDS}:
        borne = aliased(RecordTag)
        query, tag = query.join(borne, borne.record_pk == Record.pk), borne.tag
    else:
        subject = aliased(OutcomeSubject)
        # What a report leaves unsaid stands in the first row of its mitigation.
        elsewhere = Outcome.safeguard.is_(None) if namespace == SAFEGUARDS else Outcome.inherits.is_(True)
        query = query.join(
            subject,
            and_(
                subject.record_pk == case((elsewhere, mitigation.c.pk), else_=Outcome.record_pk),
                subject.number == case((elsewhere, 0), else_=Outcome.number),
                subject.role == (WITH if namespace == SAFEGUARDS else AGAINST),
            ),
        )
        tag = subject.subject
    if all(one == line for one, line in under):
        return query.where(_one_of(tag, [line for _, line in under])), tag
    pairs = values(column("tag", String), column("line", String), name=f"{name}_values")
    lines = pairs.data(list(under)).cte(name)
    return query.join(lines, lines.c.tag == tag), lines.c.line


def _one_of(tag: Any, lines: Sequence[str]) -> ColumnElement[bool]:
    """Whether a tag is one of these. The few rows of one record are looked through: asked plainly, SQLite
    looks up each of the lines in its index for each record.
    """
    return func.coalesce(tag, "").in_(lines)
