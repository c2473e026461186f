"""A registry with something of everything that everybody may know, for the walks to start from."""

import re
from collections.abc import Iterable
from typing import Any

import httpx

from registry.app import Application
from tests.conftest import Join, Member
from tests.registry.records import acting

EVERYTHING = "records:read records:write records:review records:publish provider:admin"
SEARCHES = (
    "q=lesson",
    "q=quiet",
    "tag=misuse:fraud",
    "kind=lesson&facets=provider&facets=tag",
    "provider=quiet-lab",
    "as_of=1&facets=*",
    "q=lesson&as_of=2",
)
# What is measured against, and what reports on it: something to count, and to hide.
MEASURE: dict[str, Any] = {
    "kind": "mitigation",
    "content": {"safeguard": "safeguard:filter", "effectiveness": [{"outcome": "effective"}]},
}
SEEN: dict[str, Any] = {
    "kind": "incident",
    "content": {"safeguards": [{"tag": "safeguard:filter", "outcome": "bypassed"}]},
}
# How many entries the log of a walked world may have.
LEAVES = (7, 8, 18)
UNKNOWN = "CIR-000000000H"


async def join_all(join: Join, *slugs: str) -> dict[str, Member]:
    return {slug: await join(slug, scopes=EVERYTHING, sector="sector:J") for slug in slugs}


async def draft(client: httpx.AsyncClient, member: Member, **fields: Any) -> tuple[str, str]:
    """Begin a lesson; answers its id and its draft's ETag."""
    made = await acting.submit(client, member, acting.lesson(**fields))
    assert made.status_code == 201, made.text
    return made.json()["id"], made.headers["etag"]


async def act(
    client: httpx.AsyncClient, member: Member, id: str, action: str, etag: str, body: Any = None
) -> httpx.Response:
    done = await acting.act(client, member, id, action, etag, body)
    assert done.status_code == 200, (action, done.text)
    return done


async def published(client: httpx.AsyncClient, member: Member, **fields: Any) -> tuple[str, str]:
    """Publish a lesson; answers its id and its version's ETag."""
    id, etag = await draft(client, member, **fields)
    done = await act(client, member, id, "publish", etag)
    return id, done.headers["etag"]


async def revise(client: httpx.AsyncClient, member: Member, id: str, etag: str, **fields: Any) -> str:
    """Begin a revision of a published lesson; answers the draft's ETag."""
    submission = acting.lesson(revision={"type": "correction"}, **fields)
    begun = await acting.put(client, member, id, submission, etag)
    assert begun.status_code == 200, begun.text
    return begun.headers["etag"]


async def index(app: Application) -> None:
    """Let every reader of the log catch up."""
    for tail in app.tails:
        await tail.catch_up()


def starts(ids: Iterable[str], slugs: Iterable[str], templates: Iterable[str]) -> list[str]:
    """Where a walk begins: every address without a gap, and those with one for all that could stand there."""
    fill = {
        "{id}": list(ids),
        "{slug}": list(slugs),
        "{number}": ["1", "2", "p1"],
        "{label}": ["1", "2", "p1"],
        "{regime}": ["oecd"],
        "{namespace}": ["misuse"],
        "{term}": ["fraud"],
        "{name}": ["all.json", "all.atom", "lesson.rss", "lesson.json", "1.xml"],
        "{group}": ["labs"],
        "{part}": ["set-aside"],
        "{path}": ["nothing", *(f"tile/{place}/000.p/{n}" for place in ("0", "entries") for n in LEAVES)],
    }
    begun: list[str] = []
    for template in sorted(templates):
        paths = [template]
        for gap, values in fill.items():
            paths = [
                path.replace(gap, value) for path in paths for value in (values if gap in path else [""])
            ]
        begun += [re.sub(r"\{[^}]+\}", "nothing", path) for path in paths]
    for slug in slugs:
        begun += [
            f"/feeds/provider/{slug}.json",
            f"/api/v1/records?provider={slug}",
            f"/records?provider={slug}",
        ]
    for id in ids:
        begun += [f"/feeds/record/{id}.atom", f"/api/v1/search?q={id}", f"/records?q={id}"]
        begun += [f"/api/v1/evidence?against={id}", f"/evidence?against={id}"]
    for asked in SEARCHES:
        begun += [f"/api/v1/search?{asked}", f"/records?{asked}", f"/feeds/search.json?{asked}"]
    for asked in ("", "q=lesson", "tag=misuse:fraud", "provider=quiet-lab"):
        begun += [f"/api/v1/search/export?format={format}&{asked}" for format in ("ndjson", "csv", "ris")]
        begun += [f"/api/v1/search/export?format=csv&part=lists&{asked}", f"/api/v1/search/citation?{asked}"]
    begun += [f"/api/v1/suggest?q={word}" for word in ("qui", "les", "voi", "CIR")]
    begun += [
        "/api/v1/evidence?against=misuse:fraud",
        "/api/v1/matrix?depth=2",
        "/api/v1/matrix?columns=harm",
    ]
    begun.remove("/api/v1/events")  # which does not end by itself
    for asked in ("", "&q=lesson", "&provider=quiet-lab"):
        begun += [f"/api/v1/events?wait=false&after=0{asked}"]
    begun += ["/api/v1/changes", "/api/v1/changes?after=1&limit=1", "/api/v1/records?limit=1"]
    return list(dict.fromkeys(begun))
