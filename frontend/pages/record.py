"""The page of one record, and of one version of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from frontend import words
from frontend.alike import around
from frontend.cards import card
from frontend.pages.parameters import Actors, Origin, Reading, RecordId, Sites
from frontend.queries import registry_of
from frontend.sections import further, has_facts, present
from frontend.site import ALL, TAXONOMIES, Page, Site
from frontend.templating import items, shortened
from frontend.terms import references
from frontend.urls import Urls
from registry.actor import Actor
from registry.citations.cited import cited
from registry.citations.formats import FORMATS
from registry.feeds.selection import Selection, Topic
from registry.http import AnyRequest
from registry.ids import parse_id
from registry.records import queries
from registry.records.documents import links_of
from registry.records.identity import identity_of
from registry.records.outcomes.claims import dangers_of
from registry.records.queries import Stored
from registry.records.responses.queries import summary
from registry.records.signatures import signers
from registry.signing.queries import Signed

_decode = msgspec.json.Decoder().decode
DESCRIPTION = 200


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One line of a record's history."""

    label: str
    url: str
    json: str
    action: str
    at: datetime
    revision: Mapping[str, Any]
    current: bool


@dataclass(frozen=True, slots=True)
class Citation:
    """A citation in one format, and where to get it as a file."""

    name: str
    text: str
    url: str
    type: str


@get("/records/{id:str}", include_in_schema=False)
async def show_record(
    request: AnyRequest, reading: Reading, actor: Actors, site: Sites, id: RecordId, origin: Origin = None
) -> Response[Any]:
    """The newest version that the reader may see."""
    tidy = parse_id(id)
    if tidy != id:
        # One address for one record, however its id was typed.
        return Redirect(site.urls.record(tidy, origin), status_code=301)
    versions = await queries.versions(reading, actor, tidy, origin)
    return await _show(request, reading, actor, site, versions, versions[0])


@get("/records/{id:str}/v/{label:str}", include_in_schema=False)
async def show_version(
    request: AnyRequest,
    reading: Reading,
    actor: Actors,
    site: Sites,
    id: RecordId,
    label: FromPath[str],
    origin: Origin = None,
) -> Response[Any]:
    """One version, as it was."""
    tidy = parse_id(id)
    if tidy != id:
        return Redirect(site.urls.version(tidy, label, origin), status_code=301)
    row = await queries.version(reading, actor, tidy, label, origin)
    versions = await queries.versions(reading, actor, tidy, origin)
    return await _show(request, reading, actor, site, versions, row)


async def _show(
    request: AnyRequest,
    reading: AsyncSession,
    actor: Actor,
    site: Site,
    versions: Sequence[Stored],
    row: Stored,
) -> Response[bytes]:
    document, urls = _decode(row.document), site.urls
    newest = versions[0]
    latest = document if row is newest else _decode(newest.document)
    responses = await queries.responses(reading, actor, row.id, row.origin)
    said_of_it = await summary(reading, actor, newest) if responses else None
    linking = await queries.backlinks(reading, actor, row.origin, row.id)
    # What stands among the responses, or is named by the record itself, need not be said twice.
    said = {(one.origin, one.id) for one in responses}
    said |= {(origin, id) for _, origin, id in links_of(document)}
    known = await identity_of(reading, urls.origin, row)
    at = await registry_of(reading, row.origin) if row.origin != urls.origin else ""
    more: dict[str, Any] = {
        "others": [(card(urls, one.stored), one.grounds) for one in known.others],
        "responses": [card(urls, one) for one in responses],
        "backlinks": [card(urls, one) for one in linking if (one.origin, one.id) not in said],
        "versions": [_line(urls, one, row) for one in versions],
    }
    is_newest = row.label == newest.label
    whole = True
    if is_newest and not row.withdrawn:
        beside = await around(reading, site.node.finder, urls, row, document)
        more |= {"alike": beside.alike, "campaign": beside.campaign}
        whole = beside.whole
    page = _page(site, document, row, is_newest=is_newest, at=at)
    return site.answer(
        request,
        "record.html",
        page,
        # Titles of other records and what refers to this one stand here too.
        scopes=() if row.shared or not whole else (f"record:{row.id}", ALL, TAXONOMIES),
        document=document,
        label=row.label,
        commit=row.commit,
        shared=row.shared,
        original=page.canonical or (f"{at}/records/{row.id}/v/{row.label}" if at else ""),
        larger=known.larger,
        evidence=urls.evidence_of(row.id, row.origin) if _may_be_met(document) and not row.shared else "",
        newest=is_newest,
        withdrawal=latest.get("withdrawal"),
        stated=bool(items(document.get("stated_by"))),
        facts=has_facts(document),
        sections=present(document, more),
        further=further(document),
        summary=said_of_it.text if said_of_it else "",
        signed=_signed(document, await signers(reading, row)),
        citations=_citations(site, document, row),
        terms=await site.terms(),
        refs=await references(reading, urls, document | {"withdrawal": latest.get("withdrawal", {})}),
        **more,
    )


def _may_be_met(document: Mapping[str, Any]) -> bool:
    """Whether a record tells of something that one can do something against."""
    return document.get("kind") in ("incident", "weakness") or bool(dangers_of(document))


def _page(site: Site, document: Mapping[str, Any], row: Stored, *, is_newest: bool, at: str) -> Page:
    urls, title = site.urls, str(document.get("title") or row.id)
    own = () if row.origin == urls.origin else (("origin", row.origin),)
    kind = words.kind_of(row.kind)
    path = urls.record(row.id, row.origin) if is_newest else urls.version(row.id, row.label, row.origin)
    json = urls.version_json(row.id, row.label, row.origin)
    return Page(
        title=shortened(title, 120),
        path=path,
        description=shortened(document.get("summary"), DESCRIPTION),
        feeds=[
            (shortened(title, 80), Selection(Topic.RECORD, row.id, parameters=own)),
            (f"{site.name}: {kind.many.lower()}", Selection(Topic.KIND, row.kind)),
        ],
        json=urls.record_json(row.id, row.origin) if is_newest else json,
        section="records",
        crumbs=(
            ("Records", urls.records()),
            (kind.many, urls.records((("kind", row.kind),))),
            (row.id, "" if is_newest else urls.record(row.id, row.origin)),
            *(() if is_newest else ((f"Version {row.label}", ""),)),
        ),
        # What was withdrawn or replaced should not be what a search engine shows.
        indexed=is_newest and not row.withdrawn and not row.shared,
        # A copy is no second original.
        canonical=f"{at}/records/{row.id}" if at and is_newest else "",
    )


def _signed(document: Mapping[str, Any], signatures: Sequence[Signed]) -> dict[str, Any]:
    """`by`: (name, key) of the organisations whose signatures were verified here; `others`: how many more
    came along.
    """
    shown = [document.get("provider"), *items(document.get("co_providers"))]
    names = {one.get("slug"): one.get("name") for one in shown if isinstance(one, dict)}
    by = [
        (names.get(one.provider) or one.provider, one.kid) for one in signatures if one.jwk and one.provider
    ]
    return {"by": by, "others": len(signatures) - len(by)}


def _citations(site: Site, document: Mapping[str, Any], row: Stored) -> Sequence[Citation]:
    """The version in every format, to copy and to take along; as text first."""
    found = cited(document, registry=site.name, links=site.urls.absolute, label=row.label)
    return [
        Citation(
            format.title,
            format.write(found).strip(),
            site.urls.citation(row.id, row.label, format.name, row.origin),
            format.media_type,
        )
        for format in FORMATS
    ]


def _line(urls: Urls, row: Stored, shown: Stored) -> VersionLine:
    document = _decode(row.document)
    revision = document.get("revision") if row.action != "withdrawn" else None
    return VersionLine(
        row.label,
        urls.version(row.id, row.label, row.origin),
        urls.version_json(row.id, row.label, row.origin),
        row.action,
        row.at,
        revision if isinstance(revision, dict) else {},
        row.label == shown.label,
    )
