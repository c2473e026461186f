"""What clients and caches are told about feeds, and the list of feeds."""

from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime

import httpx
import pytest

from tests.conftest import BASE_URL, Join, Publish
from tests.registry.feeds.rules import is_absolute, strict
from tests.registry.feeds.steps import TYPES


@pytest.mark.parametrize("suffix", TYPES)
async def test_conditional_requests(
    client: httpx.AsyncClient, join: Join, publish: Publish, suffix: str
) -> None:
    lab = await join()
    await publish(lab, title="One", narrative="word " * 200)
    address = f"/feeds/all.{suffix}"
    for _ in range(2):  # made by the handler, then kept
        full = await client.get(address, headers={"Accept-Encoding": "identity"})
        etag, modified = full.headers["etag"], full.headers["last-modified"]
        assert etag.startswith('"')
        assert "public" in full.headers["cache-control"]
        for headers in (
            {"If-None-Match": etag},
            {"If-None-Match": f'"x", W/{etag}'},
            {"If-None-Match": "*"},
            {"If-Modified-Since": modified},
            {"If-None-Match": etag, "If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
        ):
            answer = await client.get(address, headers=headers | {"Accept-Encoding": "identity"})
            assert (answer.status_code, answer.content) == (304, b""), headers
            assert answer.headers["etag"] == etag
        hour_before = format_datetime(parsedate_to_datetime(modified) - timedelta(hours=1), usegmt=True)
        for headers in (
            {"If-None-Match": '"other"'},
            {"If-Modified-Since": hour_before},
            {"If-Modified-Since": "x"},
        ):
            assert (await client.get(address, headers=headers)).status_code == 200, headers
        head = await client.head(address, headers={"Accept-Encoding": "identity"})
        assert (head.status_code, head.content) == (200, b"")
        for name in ("etag", "last-modified", "content-type", "content-length"):
            assert head.headers[name] == full.headers[name]


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
async def test_compression(client: httpx.AsyncClient, join: Join, publish: Publish, coding: str) -> None:
    await publish(await join(), title="One", narrative="word " * 200)
    plain = await client.get("/feeds/all.rss", headers={"Accept-Encoding": "identity"})
    packed = await client.get("/feeds/all.rss", headers={"Accept-Encoding": coding})
    assert packed.headers["content-encoding"] == coding
    assert "accept-encoding" in packed.headers["vary"].lower()
    assert "accept-encoding" in plain.headers["vary"].lower()
    assert packed.headers["etag"] != plain.headers["etag"]
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
    again = await client.get(
        "/feeds/all.rss", headers={"Accept-Encoding": coding, "If-None-Match": packed.headers["etag"]}
    )
    assert again.status_code == 304


async def test_a_publication_elsewhere_changes_nothing_here(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    lab, other = await join(), await join("other-lab")
    made = await publish(lab, title="One", tags=["misuse:fraud"])
    scopes = ("provider/example-lab", "tag/misuse:fraud", f"record/{made['id']}", "lesson")
    before = [await client.get(f"/feeds/{scope}.rss") for scope in scopes]
    await publish(other, kind="guideline", title="Else", content={"url": "https://lab.example/use"})
    after = [await client.get(f"/feeds/{scope}.rss") for scope in scopes]
    for name in ("etag", "last-modified"):
        assert [answer.headers[name] for answer in before] == [answer.headers[name] for answer in after]
    assert [answer.content for answer in before] == [answer.content for answer in after]


async def test_the_list_of_feeds(client: httpx.AsyncClient, join: Join, publish: Publish) -> None:
    await publish(await join(), title="One")
    answer = await client.get("/feeds.opml")
    assert answer.headers["content-type"] == "text/x-opml; charset=utf-8"
    outlines = strict(answer.content).findall("body/outline/outline")
    urls = [outline.get("xmlUrl") or "" for outline in outlines]
    for wanted in ("all", "incident", "response", "provider/example-lab", "tag/misuse:fraud"):
        assert f"{BASE_URL}/feeds/{wanted}.atom" in urls
    for url in urls:
        assert is_absolute(url)
        assert (await client.get(url)).status_code == 200, url
    again = await client.get("/feeds.opml", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    await join("third-lab")
    assert "third-lab" in (await client.get("/feeds.opml")).text
