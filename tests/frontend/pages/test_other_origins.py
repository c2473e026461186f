"""Pages of what other registries published: whose it is, where the original stands, and what a hostile one
can do to them, which is nothing.
"""

from typing import Any

import httpx
import pytest

import search
from frontend import extension
from registry.app import Application
from registry.extensions import Extension, Node
from registry.records.content.check import check
from registry.records.content.examples import EXAMPLES
from tests.conftest import Member, Publish
from tests.frontend.conftest import Look, example
from tests.leaks.world import index
from tests.registry.mirroring import PEER, mirror, their_id, version_of

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> [x](javascript:alert(1)) {{ 7*7 }}"
KEPT = ("id", "origin", "kind", "version", "published", "modified", "updated", "schema", "type", "scheme")


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (search.extension, extension)


def spoilt(value: Any, field: str = "") -> Any:
    """A document with something hostile in every text."""
    if isinstance(value, dict):
        return {name: item if name in KEPT else spoilt(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [spoilt(item, field) for item in value]
    return f"{value} {HOSTILE}" if isinstance(value, str) else value


def written_out(kind: str) -> dict[str, Any]:
    """A record with every field of its kind, in the normal form that documents have."""
    checked = check(example(kind), vocabulary=None, lenient=True)
    assert checked.submission is not None, checked.findings
    return checked.submission


async def test_a_copy_says_so(
    look: Look, node: Node, member: Member, publish: Publish, client: httpx.AsyncClient
) -> None:
    ours = await publish(member, title="Ours")
    item = version_of("a")
    await mirror(node, version_of("a"), version_of("a", 2))
    page = await look(f"/records/{item.id}?origin={PEER}")
    assert f"From {PEER}" in page.main
    original = f"https://peer.example/records/{item.id}"
    assert page.one("//link[@rel='canonical']").get("href") == original
    assert original in page.all("//main//a/@href")
    older = await look(f"/records/{item.id}/v/1?origin={PEER}")
    assert f"{original}/v/1" in older.all("//main//a/@href")
    (provider,) = {href for href in page.all("//main//a/@href") if "/providers/" in href}
    theirs = await look(provider)
    assert (theirs.status, theirs.texts("//h1")) == (200, ["Their Lab"])
    assert (await look(f"/providers/nobody?origin={PEER}")).status == 404
    listed = await look("/records?sort=newest")
    assert f"From {PEER}" in listed.main
    own = await look(f"/records/{ours['id']}")
    assert "From another registry" not in own.response.text
    sitemap = (await client.get("/sitemaps/1.xml")).text
    assert ours["id"] in sitemap
    assert item.id not in sitemap


async def test_what_is_the_same_stands_beside_it(look: Look, node: Node, app: Application) -> None:
    source = {"basis": "imported", "source": {"scheme": "aiid", "id": "42"}}
    first, second = version_of("a", **source), version_of("b", origin="third.example/log", **source)
    await mirror(node, first, second)
    page = await look(f"/records/{first.id}")
    assert "made from the same source" in page.main
    await index(app)
    listed = await look("/records?q=elsewhere")
    assert "Also at third.example/log" in listed.main


async def test_hostile_text_stays_text(
    look: Look, node: Node, app: Application, client: httpx.AsyncClient
) -> None:
    provider = spoilt({"slug": "s", "name": "n"})
    items = [version_of(kind, **spoilt(written_out(kind)), provider=provider) for kind in EXAMPLES]
    assert await mirror(node, *items) == ["stored"] * len(items)
    await index(app)
    addresses = [f"/records/{their_id(kind)}" for kind in EXAMPLES]
    addresses += [f"/records/{their_id(kind)}/v/1?origin={PEER}" for kind in EXAMPLES]
    addresses += ["/records", "/records?q=alert", "/"]
    for address in addresses:
        page = await look(address)
        assert page.status == 200, address
        assert not page.all("//script[not(@src)] | //img | //*[@onerror]"), address
        assert not [href for href in page.all("//@href") if href.strip().lower().startswith("javascript")]
    for address in ("/feeds/all.atom?imported=true", "/feeds/all.rss", "/feeds/all.json"):
        assert (await client.get(address)).status_code == 200
    for kind in EXAMPLES:
        assert (await client.get(f"/feeds/record/{their_id(kind)}.atom")).status_code == 200
        assert (await client.get(f"/api/v1/records/{their_id(kind)}/responses")).status_code == 200
    found = (await client.get("/api/v1/search?q=alert&facets=*")).json()
    assert found["total"] == len(EXAMPLES)
