"""One page of an answer: which questions that takes, one after the other. Mostly it is one.

More than one round is asked where Meilisearch cannot say it at once: when nothing was found and a word may be
misspelt, when there are more words than it reads, when a row of words ends in one that is still being typed,
and for the second page of what an id or alias brought to the front.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from registry.errors import Finding, Severity, Unavailable
from search.document import Key
from search.engine import Place
from search.meili import fields, loosely, queries
from search.meili.asking import Asker, Record, Result
from search.meili.loosely import Some
from search.meili.queries import MOST_PARTS, Plan, Query
from search.meili.still import Moved, Still
from search.relevance import enough
from search.request import Request

Counted = Callable[[Plan], tuple[Sequence[str], Mapping[str, Query]]]
"""Which attributes are counted with the page, and what is counted apart from it, by facet."""

_AGAIN = 5
_KEYS = (fields.RECORD, fields.KEY, fields.VERSION)
_WHOLE = (*_KEYS, fields.DOCUMENT)
# So many records bear one alias at most, as far as their place at the front goes.
_KNOWN = 20
# Among so many records what is left of a long question is looked for.
_MOST_LEFT = 2_000
# Of so many the texts are read, to see whether a row of words stands in them.
_MOST_READ, _MOST_READ_EXACT = 200, 1_000


@dataclass(frozen=True, slots=True)
class Page:
    """What was found: the records of the page, `main` with the total and the counts that come with it, and
    what was counted apart. `named` tells whether an id or alias was typed.
    """

    plan: Plan
    place: Place
    hits: Sequence[Record]
    main: Result
    more: Mapping[str, Result] = field(default_factory=dict)
    notes: Sequence[Finding] = ()
    named: bool = False


async def find(
    asker: Asker,
    request: Request,
    hidden: frozenset[Key],
    exact: bool,
    counted: Counted | None = None,
) -> Page:
    """The page that is asked for; with documents and counts where `counted` says which."""
    for _ in range(_AGAIN):
        try:
            return await _find(Still(asker, request), queries.plan(request, hidden, exact), counted)
        except Moved:
            continue
    raise Unavailable("The search index moves too fast to be read.", retry_after=1)


async def _find(still: Still, asked: Plan, counted: Counted | None) -> Page:
    plan, notes = await _narrowed(still, asked)
    page = await _page(still, plan, counted)
    if page.main.total == 0 and (maybe := queries.open_words(plan)):
        held = await still.ask([queries.is_held(plan, item) for item in maybe])
        misspelt = [item for item, found in zip(maybe, held, strict=True) if not found.total]
        if misspelt:
            plan, notes = await _narrowed(still, queries.with_misspelt(asked, misspelt))
            page = await _page(still, plan, counted)
            notes = [*notes, *(item.note() for item in misspelt)]
    every, parts = page.main.total, len(plan.question.wanted)
    if every < enough(parts) and not page.named and queries.may_do_with_less(plan):
        found = await loosely.some(still, plan, every)
        if found is not None:
            less = await _less(still, plan, found, every, counted)
            return replace(less, notes=[*notes, _fewer(every, parts, found.least)])
    return replace(page, notes=notes)


async def _less(still: Still, plan: Plan, found: Some, every: int, counted: Counted | None) -> Page:
    """The page of records that hold some of the words."""
    request = plan.request
    ids = found.records[request.offset : request.offset + request.limit]
    facets, apart = counted(plan) if counted is not None else ((), {})
    shown = list(_WHOLE if counted is not None else _KEYS)
    among = queries.among(fields.RECORD, found.records)
    asked: list[Query] = [{"filter": [*plan.filter(), among], "facets": list(facets), "limit": 0}]
    if ids:
        page = queries.among(fields.RECORD, ids)
        asked.append({"filter": [*plan.filter(), page], "limit": len(ids), "attributesToRetrieve": shown})
    for name in apart:
        others = await loosely.some(still, plan, every, name)
        within = queries.among(fields.RECORD, others.records if others else found.records)
        counts = [fields.facet_field(name)]
        asked.append({"filter": [*plan.filter(without=name), within], "facets": counts, "limit": 0})
    main, *rest = await still.ask(asked)
    held = {hit.record: hit for hit in (rest.pop(0).hits if ids else ())}
    assert still.place is not None  # noqa: S101
    more = dict(zip(apart, rest, strict=True))
    return Page(plan, still.place, [held[id] for id in ids if id in held], main, more)


async def _page(still: Still, plan: Plan, counted: Counted | None) -> Page:
    request = plan.request
    shown: dict[str, Any] = {"attributesToRetrieve": list(_WHOLE if counted is not None else _KEYS)}
    facets, apart = counted(plan) if counted is not None else ((), {})
    order = queries.order(request)
    main = plan.query(limit=request.limit, offset=request.offset, facets=list(facets), **shown, **order)
    known = queries.known(plan) if request.limit else None
    named = []
    if known is not None:
        named.append(plan.query(limit=_KNOWN, filter=[*plan.filter(), known], **shown))
    first, *others = await still.ask([main, *named, *apart.values()])
    front = others.pop(0).hits if named else []
    hits: Sequence[Record] = first.hits
    if front:
        hits = await _behind(still, plan, front, first, shown)
    assert still.place is not None  # noqa: S101
    more = dict(zip(apart, others, strict=True))
    return Page(plan, still.place, hits, first, more, named=bool(front))


async def _behind(
    still: Still, plan: Plan, front: Sequence[Record], first: Result, shown: Mapping[str, Any]
) -> Sequence[Record]:
    """The page with these at the front of the whole answer."""
    limit, offset = plan.request.limit, plan.request.offset
    head = front[offset : offset + limit]
    left = limit - len(head)
    if not left:
        return head
    named = {hit.record for hit in front}
    if not offset:
        return [*head, *(hit for hit in first.hits if hit.record not in named)][:limit]
    rest = [*plan.filter(), "NOT " + queries.among(fields.RECORD, named)]
    found = await still.ask(
        [plan.query(limit=left, offset=max(0, offset - len(front)), filter=rest, **shown)]
    )
    return [*head, *found[0].hits]


async def _narrowed(still: Still, plan: Plan) -> tuple[Plan, list[Finding]]:
    """The plan with the records among which to look, where a single query cannot say what is wanted."""
    wanted = plan.question.wanted
    notes: list[Finding] = []
    if len(wanted) > MOST_PARTS:
        for start in range(0, len(wanted), MOST_PARTS):
            typed = plan.typed(wanted[start : start + MOST_PARTS])
            (found,) = await still.ask([plan.query(**_ids(_MOST_LEFT + 1), q=typed)])
            if found.total > _MOST_LEFT:
                notes.append(_shortened())
                break
            plan = replace(plan, only=[hit.record for hit in found.hits])
    if rows := queries.rows_to_check(plan):
        most = _MOST_READ_EXACT if plan.exact else _MOST_READ
        (found,) = await still.ask([plan.query(**_ids(most + 1, *fields.WORDS))])
        if found.total <= most:
            holding = [
                hit.record
                for hit in found.hits
                if all(queries.holds(hit.texts(), row, growing) for row, growing in rows)
            ]
            plan = replace(plan, only=holding)
        elif plan.growing is not None:
            # Too many to look at each: the row is taken as it is written.
            plan = replace(plan, question=replace(plan.question, unfinished=False))
    return plan, notes


def _ids(limit: int, *more: str) -> dict[str, Any]:
    return {"limit": limit, "attributesToRetrieve": [fields.RECORD, *more]}


def _fewer(every: int, parts: int, least: int) -> Finding:
    hold = {0: "No record holds", 1: "1 record holds"}.get(every, f"{every} records hold")
    return Finding(
        "fewer-words",
        "/q",
        f"{hold} all {parts} words; those that hold at least {least} of them are counted.",
        "Put in quotes what every record must hold.",
        severity=Severity.WARNING,
    )


def _shortened() -> Finding:
    return Finding(
        "question-shortened",
        "/q",
        f"Only the first {MOST_PARTS} words were looked for: too many records hold those.",
        "Ask for fewer words, or set a filter.",
        severity=Severity.WARNING,
    )
