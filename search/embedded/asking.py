"""One question, asked until enough answers: of all its words first, then of most of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from registry.errors import Finding, Severity
from search.document import Key
from search.embedded import queries, then
from search.embedded.queries import Plan
from search.embedded.states import Snapshot
from search.embedded.then import Found
from search.relevance import enough, fewer
from search.request import Request

Asked = Sequence[tuple[Snapshot, Plan]]
"""Each index that answers, and what it was asked."""

_SORTED_BY = {
    "newest": ("newest", False),
    "oldest": ("newest", True),
    "updated": ("updated", False),
    "severity": ("severity", False),
}


def ask(
    live: Snapshot, past: Snapshot | None, request: Request, *, hidden: frozenset[Key], exact: bool
) -> tuple[Asked, int, Sequence[Found]]:
    """How it was asked in the end, how many records answer, and where those of the page lie. `past` is there
    where the question is as of an earlier position.
    """
    asked = _plans(live, past, request, hidden, exact)
    total, found = page(asked, request)
    plan = asked[0][1]
    parts = len(plan.found.parts)
    # Only the best first: in any other order, what holds less would come before what holds all.
    if exact or _sort(request) != "relevance" or total >= enough(parts):
        return asked, total, found
    if total and any(each.count(held, queries.known_as(held.schema, request.q)) for held, each in asked):
        return asked, total, found
    every = total
    for least in fewer(parts):
        looser = _plans(live, past, request, hidden, exact, least)
        more, among = page(looser, request)
        if more > total:
            asked = [(held, replace(each, every=every)) for held, each in looser]
            total, found = more, among
        if total >= enough(parts):
            break
    return asked, total, found


def _plans(
    live: Snapshot,
    past: Snapshot | None,
    request: Request,
    hidden: frozenset[Key],
    exact: bool,
    least: int | None = None,
) -> Asked:
    if past is None or request.position is None:
        return [(live, queries.plan(live, request, hidden=hidden, exact=exact, least=least))]
    return [
        (each, queries.plan(each, request, hidden=hidden, exact=exact, then=stood, least=least))
        for each, stood in then.parts(live, past, request.position)
    ]


def _sort(request: Request) -> str:
    if request.sort == "relevance" and not request.question.wanted:
        return "newest"  # nothing tells one from another
    return request.sort


def page(asked: Asked, request: Request) -> tuple[int, Sequence[Found]]:
    """How many records answer, and where those of the page lie."""
    field, ascending = _SORTED_BY.get(_sort(request), (None, False))
    found = [(snapshot, plan.match() if field else plan.scored()) for snapshot, plan in asked]
    if len(found) > 1:
        return then.page(found, request.limit, request.offset, by=field, ascending=ascending)
    snapshot, query = found[0]
    total, addresses = snapshot.top(
        query, request.limit, offset=request.offset, by=field, ascending=ascending
    )
    return total, [(snapshot, address) for address in addresses]


def notes(plan: Plan) -> Iterator[Finding]:
    """What was read otherwise than it was written."""
    for wrong in plan.found.misspelt:
        yield wrong.note()
    for name, others in plan.found.alike.items():
        named = ", ".join(repr(other) for other in others)
        yield _told(
            "synonyms",
            f"Looked for {name!r} and for what means the same: {named}.",
            "Put it in quotes to find it as it is written.",
        )
    if plan.least is not None:
        parts = len(plan.found.parts)
        hold = {0: "No record holds", 1: "1 record holds"}.get(plan.every, f"{plan.every} records hold")
        yield _told(
            "fewer-words",
            f"{hold} all {parts} words; those that hold at least {plan.least} of them are counted.",
            "Put in quotes what every record must hold.",
        )


def _told(code: str, message: str, suggestion: str) -> Finding:
    return Finding(code, "/q", message, suggestion, severity=Severity.WARNING)
