"""Static files that never change, and what crawlers ask for."""

import httpx
import lxml.etree
import pytest

from frontend import statics
from tests.conftest import BASE_URL, Member, Publish
from tests.frontend.conftest import Look

# Nothing here depends on the database.
pytestmark = pytest.mark.one_database

NS = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}


async def test_static_files_are_kept_for_good(look: Look, client: httpx.AsyncClient) -> None:
    page = await look("/about")
    for href in page.all("//link[@rel='stylesheet' or @rel='icon']/@href"):
        answer = await client.get(href)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        again = await client.get(href, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
    style = await client.get(page.one("//link[@rel='stylesheet']").get("href"))
    assert style.headers["content-type"].startswith("text/css")
    assert style.headers["content-encoding"] in ("br", "gzip", "zstd")


@pytest.mark.parametrize("name", ["candor.css", "candor.0000000000000000.css", "..%2fstatics.py", "%2e%2e"])
async def test_only_the_files_that_there_are_can_be_had(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/static/{name}")).status_code == 404


def test_a_style_sheet_asks_nobody_for_anything() -> None:
    css = statics.by_name()["candor.css"].body.decode()
    assert "url(" not in css
    assert "@import" not in css
    assert "prefers-color-scheme: dark" in css
    assert "@media print" in css
    # Contrast, focus and motion are the reader's own.
    assert ":focus-visible" in css
    assert "prefers-reduced-motion" in css


def test_a_page_stays_light() -> None:
    """With the largest page below, HTML and CSS stay under 120 KB uncompressed."""
    assert len(statics.by_name()["candor.css"].body) < 40_000


async def test_the_icon_has_an_address_that_is_guessed(client: httpx.AsyncClient) -> None:
    answer = await client.get("/favicon.svg")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"


async def test_crawlers_are_told_where_everything_is(
    client: httpx.AsyncClient, member: Member, publish: Publish
) -> None:
    robots = (await client.get("/robots.txt")).text
    assert f"Sitemap: {BASE_URL}/sitemap.xml" in robots
    assert "Disallow: /api/" in robots
    document = await publish(member)
    index = lxml.etree.fromstring((await client.get("/sitemap.xml")).content)
    parts = [element.text or "" for element in index.findall("s:sitemap/s:loc", NS)]
    assert parts == [f"{BASE_URL}/sitemaps/pages.xml", f"{BASE_URL}/sitemaps/1.xml"]
    found: list[str] = []
    for part in parts:
        answer = await client.get(part)
        assert answer.headers["content-type"].startswith("application/xml")
        tree = lxml.etree.fromstring(answer.content)
        found += [element.text or "" for element in tree.findall("s:url/s:loc", NS)]
    assert f"{BASE_URL}/records/{document['id']}" in found
    for address in found:
        assert (await client.get(address)).status_code == 200, address


async def test_a_withdrawn_record_leaves_the_sitemap(
    client: httpx.AsyncClient, member: Member, publish: Publish
) -> None:
    document = await publish(member)
    assert document["id"] in (await client.get("/sitemaps/1.xml")).text
    newest = await client.get(f"/api/v1/records/{document['id']}")
    done = await client.post(
        f"/api/v1/records/{document['id']}/actions/withdraw",
        json={"code": "duplicate"},
        headers={**member.headers, "If-Match": newest.headers["etag"]},
    )
    assert done.status_code == 200
    assert document["id"] not in (await client.get("/sitemaps/1.xml")).text


@pytest.mark.parametrize(
    "part", ["0x1.xml", "1.txt", "a.xml", "²." + "xml", "123456789.xml", "0.xml", "7.xml"]
)
async def test_no_other_parts_are_there(client: httpx.AsyncClient, part: str) -> None:
    assert (await client.get(f"/sitemaps/{part}")).status_code == 404
