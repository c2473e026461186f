"""What was reported to work: against one thing, and by two vocabularies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Response, get

from frontend.pages.parameters import Actors, Reading, Sites
from frontend.site import ALL, PROVIDERS, TAXONOMIES, Page, Site
from frontend.terms import Terms
from registry.feeds.selection import Selection, Topic
from registry.http import AnyRequest
from registry.records.outcomes import views
from registry.records.outcomes.api import parameters_of
from registry.records.outcomes.asked import MOST_SOURCES, Asked, Table, read_evidence, read_matrix
from registry.records.outcomes.claims import ABSENT, FAILING, PARTLY, UNKNOWN, WORKING
from registry.records.outcomes.counting import BASES, COUNTING, INDEPENDENT, ORDER, Count, Entry
from registry.records.outcomes.kept import kept_matrix
from registry.records.outcomes.matrix import Cell, Matrix
from registry.records.outcomes.queries import Evidence, Source, evidence
from registry.records.queries import Stored

SCOPES = (ALL, TAXONOMIES, PROVIDERS)
COLUMNS: Mapping[str, str] = {
    WORKING: "Worked",
    PARTLY: "In part",
    FAILING: "Failed",
    ABSENT: "Was not there",
    UNKNOWN: "Not told",
}
BASIS_WORDS: Mapping[str, str] = {
    "belief": "said, not measured",
    "measured": "measured",
    "independent": "measured independently",
}
DEPTHS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Told:
    """One number of an entry: how many organisations reported it, how many times, and how they know."""

    organisations: int
    reports: int
    bases: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class ShownSource:
    """One report, with the way to it."""

    outcome: str
    basis: str
    title: str
    kind: str
    url: str
    by: str
    published: str
    against: Sequence[str]


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as the table shows it, and its reports below."""

    id: str
    label: str
    url: str
    tag: str
    is_record: bool
    organisations: int
    independent: int
    unnamed: bool
    imported: int
    told: Mapping[str, Told | None]
    sources: Sequence[ShownSource]
    more: int
    all_of_it: str


@get("/evidence", include_in_schema=False)
async def show_evidence(request: AnyRequest, reading: Reading, actor: Actors, site: Sites) -> Response[bytes]:
    """Safeguards and mitigations, ranked by what was reported of them; without `against`, a form."""
    terms, urls = await site.terms(), site.urls
    parameters = parameters_of(request)
    if not any(value.strip() for value in parameters.get("against", ())):
        page = Page(
            title="What worked against it?",
            path=urls.evidence(),
            description="Safeguards and mitigations by what providers reported of them.",
            feeds=[site.everything],
            json=urls.matrix_json(),
            section="taxonomies",
            crumbs=(("Evidence", ""),),
        )
        asked = Asked()
        return site.answer(
            request, "evidence.html", page, scopes=SCOPES, found=None, asked=asked, terms=terms
        )
    asked = read_evidence(parameters, terms.vocabulary)
    found = await evidence(reading, actor, terms.vocabulary, asked)
    label = (
        terms.label(asked.tag)
        if asked.tag
        else views.record(found.of, urls.origin)["title"]
        if found.of
        else ""
    )
    pairs = _pairs(asked)
    page = Page(
        title=f"What worked against {label}?",
        path=urls.evidence(pairs),
        description=f"Safeguards and mitigations by what was reported of them against {label}.",
        feeds=[_feed(asked, label), site.everything],
        json=urls.evidence_json(pairs),
        section="taxonomies" if asked.tag else "records",
        crumbs=(("Evidence", urls.evidence()), (label, "")),
        indexed=not asked.offset and not asked.safeguard and not asked.mitigation,
    )
    end = asked.offset + len(found.entries)
    return site.answer(
        request,
        "evidence.html",
        page,
        scopes=SCOPES,
        asked=asked,
        found=found,
        label=label,
        of=urls.record(found.of.id, found.of.origin) if found.of else "",
        equivalents=[one for subject in found.subjects for one in subject.equivalents],
        tags=[subject.name for subject in found.subjects[1:]] if found.of else [],
        columns=list(COLUMNS.items()),
        rows=[
            _row(site, terms, asked, entry, sources, found, place)
            for place, (entry, sources) in enumerate(
                zip(found.entries, found.sources, strict=True), asked.offset + 1
            )
        ],
        counting=list(COUNTING.items()),
        order=list(ORDER.values()),
        newer=urls.evidence(_pairs(asked, max(asked.offset - asked.limit, 0))) if asked.offset else "",
        older=urls.evidence(_pairs(asked, end)) if end < found.total else "",
        whole=urls.evidence((("against", asked.against),)) if asked.safeguard or asked.mitigation else "",
        terms=terms,
    )


def _title(site: Site, stored: Stored) -> str:
    return str(views.record(stored, site.urls.origin)["title"])


def _feed(asked: Asked, label: str) -> tuple[str, Selection]:
    if asked.tag:
        return label, Selection(Topic.TAG, asked.tag)
    own = (("origin", asked.record_origin),) if asked.record_origin else ()
    return label, Selection(Topic.RECORD, str(asked.record), parameters=own)


def _pairs(asked: Asked, offset: int | None = None) -> list[tuple[str, str]]:
    """The question as the parameters of a page, without what goes without saying."""
    said = views.query_of(asked)
    usual = views.query_of(Asked(asked.tag, asked.record))
    said["offset"] = asked.offset if offset is None else offset
    pairs: list[tuple[str, str]] = []
    for name, value in said.items():
        if name == "against" or value != usual.get(name):
            pairs += [(name, _text(one)) for one in (value if isinstance(value, list) else [value])]
    return pairs


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _row(
    site: Site,
    terms: Terms,
    asked: Asked,
    entry: Entry,
    sources: Sequence[Source],
    found: Evidence,
    place: int,
) -> Row:
    urls, safeguard = site.urls, entry.safeguard
    if entry.target is not None:
        origin, id = entry.target
        held = found.mitigations.get(entry.target)
        label = _title(site, held) if held is not None else id
        address, safeguard = urls.record(id, origin), found.terms.get(entry.target)
    else:
        label, address = terms.label(safeguard or ""), terms.url(safeguard or "")
    alone = [pair for pair in views.address_of(asked, entry) if pair[0] != "sources"]
    return Row(
        f"entry-{place}",
        label,
        address,
        safeguard or "",
        entry.target is not None,
        entry.total.organisations,
        entry.groups[WORKING][INDEPENDENT].organisations,
        entry.total.unnamed,
        entry.imported,
        {group: _told(entry.groups[group]) for group in COLUMNS},
        [_source(site, one) for one in sources],
        len(entry.reports) - len(sources),
        urls.evidence([*alone, ("sources", str(MOST_SOURCES))]),
    )


def _told(counts: Mapping[str, Count]) -> Told | None:
    whole = counts[""]
    if not whole.reports:
        return None
    bases = [(BASIS_WORDS[basis], counts[basis].organisations) for basis in BASES if counts[basis].reports]
    return Told(whole.organisations, whole.reports, bases)


def _source(site: Site, one: Source) -> ShownSource:
    document, claim = one.document, one.claim
    provider = document.get("provider")
    shown = provider.get("name") if isinstance(provider, dict) else None
    # A response is one whole, and an element without an id is nothing to jump to.
    within = one.stored.kind != "response" and claim.pointer.count("/") == 3
    return ShownSource(
        one.report.outcome,
        BASIS_WORDS[one.report.basis],
        str(document.get("title", "")),
        one.stored.kind,
        site.urls.record(one.stored.id, one.stored.origin, part=claim.pointer if within else ""),
        str(shown or "An organisation that is not named"),
        str(document.get("published", "")),
        [tag for tag in claim.against if " " not in tag],
    )


# --- the matrix


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A row with its cells, each with the page that shows what is in it."""

    tag: str
    label: str
    url: str
    depth: int
    incidents: int
    cells: Sequence[tuple[Cell | None, str]]


@get("/matrix", include_in_schema=False)
async def show_matrix(request: AnyRequest, site: Sites) -> Response[bytes]:
    """Two vocabularies against each other, as a table."""
    terms, urls = await site.terms(), site.urls
    asked = read_matrix(parameters_of(request), terms.vocabulary)
    found = await kept_matrix(site.node.database, terms.vocabulary, asked)
    names = [_axis(terms, axis) for axis in (asked.rows, asked.columns)]
    pairs = _matrix_pairs(asked)
    page = Page(
        title=f"{names[0]} by {names[1].lower()}",
        path=urls.matrix(pairs),
        description="How many incidents bear both terms, and what was reported where they meet.",
        feeds=[site.everything],
        json=urls.matrix_json(pairs),
        section="taxonomies",
        crumbs=(("Evidence", urls.evidence()), ("Matrix", "")),
    )
    filled = {column for _, column in found.cells}
    columns = [line for line in found.columns if line.tag in filled]
    spaces = terms.vocabulary.namespaces
    return site.answer(
        request,
        "matrix.html",
        page,
        scopes=SCOPES,
        asked=asked,
        found=found,
        names=names,
        columns=columns,
        empty=[line for line in found.columns if line.tag not in filled],
        rows=[_matrix_row(site, terms, found, line.tag, columns) for line in found.rows],
        spaces=[(one, taxonomy.name) for one in spaces if (taxonomy := terms.vocabulary.taxonomy(one))],
        depths=DEPTHS,
        counting=list(found.counting.items()),
        terms=terms,
    )


def _axis(terms: Terms, axis: str) -> str:
    if ":" in axis:
        return terms.label(axis)
    taxonomy = terms.vocabulary.taxonomy(axis)
    return taxonomy.name if taxonomy else axis


def _matrix_pairs(asked: Table) -> list[tuple[str, str]]:
    pairs = [("rows", asked.rows), ("columns", asked.columns)]
    if asked.depth > 1:
        pairs.append(("depth", str(asked.depth)))
    return pairs + views.narrowing(asked)


def _matrix_row(site: Site, terms: Terms, found: Matrix, tag: str, columns: Sequence[Any]) -> MatrixRow:
    line = next(one for one in found.rows if one.tag == tag)
    cells: list[tuple[Cell | None, str]] = []
    for column in columns:
        cell = found.cells.get((tag, column.tag))
        pairs = views.evidence_of(found.asked, tag, column.tag)
        cells.append((cell, site.urls.evidence(pairs) if pairs and cell is not None else ""))
    return MatrixRow(tag, terms.label(tag), terms.url(tag), line.depth, line.incidents, cells)
