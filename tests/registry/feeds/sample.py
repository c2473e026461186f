"""Documents by hand, as the registry publishes them, and a feed of them."""

from datetime import UTC, datetime
from typing import Any

from registry.feeds.assemble import Gathered, Registry, Row, assemble
from registry.feeds.feed import Feed
from registry.feeds.formats import BY_SUFFIX
from registry.feeds.links import Links
from registry.feeds.selection import Options, Selection, Topic

LINKS = Links("https://registry.example", "registry.example/log")
REGISTRY = Registry("Candor", LINKS, lambda tag: tag.rpartition(":")[2].rpartition("/")[2].replace("-", " "))
ID = "CIR-7GQ2M4KX9X"
OTHER_ID = "CIR-ZZZZZZZZZG"


def incident(**changes: Any) -> dict[str, Any]:
    """An incident; `changes` replace top-level fields, and None takes one out."""
    document: dict[str, Any] = {
        "schema": "candor-record/1",
        "id": ID,
        "kind": "incident",
        "version": 1,
        "origin": LINKS.origin,
        "provider": {"slug": "example-lab", "name": "Example Lab", "verified": True, "domain": "lab.example"},
        "attribution": "named",
        "basis": "first-party",
        "license": "CC-BY-4.0",
        "language": "en",
        "title": "A cloned voice asked relatives for money",
        "summary": "Callers used a synthetic voice & a false number; 12 < 20 calls were reported.",
        "narrative": "They **called**. See [it](https://lab.example/it) and a note[^1].\n\n[^1]: Here.",
        "tags": ["misuse:fraud/voice-clone", "atlas:AML.T0051"],
        "systems": [{"id": "1", "name": "Voicer", "developer": "Example Lab"}],
        "references": [{"id": "1", "url": "https://news.example/a?b=1&c=2", "title": "A report"}],
        "published": "2026-03-01T10:00:00.000Z",
        "modified": "2026-03-01T10:00:00.000Z",
        "updated": "2026-03-01T10:00:00.000Z",
        "content": {"severity": "severity:high", "assertion": {"status": "alleged"}},
    }
    return {key: value for key, value in (document | changes).items() if value is not None}


def revised(**changes: Any) -> dict[str, Any]:
    at = "2026-04-02T11:30:00.250Z"
    note = {"type": "correction", "note": "The number of calls was wrong."}
    return incident(**{"version": 2, "updated": at, "modified": at, "revision": note} | changes)


def withdrawn(**changes: Any) -> dict[str, Any]:
    at = "2026-05-03T12:00:00.000Z"
    withdrawal = {"code": "wrong", "text": "It did not happen.", "replaced_by": {"id": OTHER_ID}}
    return incident(**{"version": 3, "updated": at, "withdrawal": withdrawal} | changes)


def row(document: dict[str, Any], action: str = "published", *, single_version: bool = False) -> Row:
    import json

    return Row(json.dumps(document).encode(), action, single_version)


def feed_of(
    *rows: Row,
    suffix: str = "rss",
    selection: Selection | None = None,
    options: Options | None = None,
    changed: datetime | None = datetime(2026, 5, 3, 12, tzinfo=UTC),
    registry: Registry = REGISTRY,
    name: str = "Everything",
) -> Feed:
    return assemble(
        registry,
        selection or Selection(Topic.ALL),
        options or Options(),
        BY_SUFFIX[suffix],
        Gathered(rows, name, changed),
    )
