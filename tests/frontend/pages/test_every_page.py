"""What holds for every page: whole without scripts, readable by everybody, no link that leads nowhere."""

import re
from itertools import pairwise
from typing import Any
from urllib.parse import urldefrag, urljoin

import httpx
import pytest

from registry.records.content import examples
from tests.conftest import BASE_URL, Member, Publish
from tests.frontend.conftest import BROWSER, Look, Seen

# Storage is tested on both databases elsewhere; here are many pages, and none has its own way to it.
pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)

PAGES = (
    "/",
    "/records",
    "/records?kind=incident",
    "/records?tag=misuse:fraud&kind=incident&kind=lesson",
    "/providers",
    "/providers/example-lab",
    "/taxonomies",
    "/taxonomies/misuse",
    "/taxonomies/misuse/fraud/voice-clone",
    "/taxonomies/org/example-speech",
    "/feeds",
    "/feeds?kind=incident",
    "/feeds?q=voice&severity=severity:high",
    "/campaigns",
    "/evidence",
    "/evidence?against=misuse:fraud",
    "/evidence?against=misuse:fraud&show=mitigations&sources=1",
    "/matrix",
    "/matrix?rows=harm&columns=misuse&depth=2",
    "/matrix?columns=safeguard:filter",
    "/about",
    "/notice",
    "/nothing/here",
    "/records?q=voice",
    "/records/CIR-1",
)
WRONG = ("/nothing/here", "/records?q=voice", "/records/CIR-1")
EXAMPLE_IDS = (
    examples.INCIDENT_ID,
    examples.WEAKNESS_ID,
    examples.EVALUATION_ID,
    examples.MITIGATION_ID,
    examples.LESSON_ID,
    examples.GUIDELINE_ID,
)
HEADINGS = "//h1|//h2|//h3|//h4|//h5|//h6"


@pytest.fixture
async def addresses(shelf: dict[str, dict[str, Any]]) -> list[str]:
    records = [f"/records/{document['id']}" for document in shelf.values()]
    return [*PAGES, *records, f"{records[0]}/v/1"]


async def test_each_page_is_whole_and_can_be_read_by_everybody(addresses: list[str], look: Look) -> None:
    for address in addresses:
        page = await look(address)
        _is_whole(address, page)
        _asks_nobody_else_and_runs_nothing(address, page)
        _can_be_read_by_everybody(address, page)


def _is_whole(address: str, page: Seen) -> None:
    assert page.response.text.startswith("<!doctype html>"), address
    assert page.one("/html").get("lang") == "en"
    assert page.one("//title").text.strip()
    assert page.one("//h1").text_content().strip(), address
    for landmark in ("//body/header", "//main", "//body/footer"):
        page.one(landmark)
    assert page.all("//a[@class='skip'][@href='#main']") == [page.all("//body//a")[0]]
    assert "{{" not in page.response.text, address
    assert "Undefined" not in page.words, address


def _asks_nobody_else_and_runs_nothing(address: str, page: Seen) -> None:
    policy = page.response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert page.all("//style|//iframe|//object|//embed|//base") == [], address
    # One script, which a reader of a record has to press a button for; every page is whole without it.
    scripts = page.all("//script")
    assert all(re.fullmatch(r"/static/record\.[0-9a-f]+\.js", one.get("src")) for one in scripts), address
    assert [one.text for one in scripts if one.text or one.get("type") != "module"] == [], address
    assert page.all("//@style") == [], address
    assert [name for name in page.all("//@*") if name.attrname.startswith("on")] == [], address
    assert page.all("//img") == [], address
    fetched = page.all("//link[@rel='stylesheet' or @rel='icon']/@href")
    assert fetched
    assert all(one.startswith("/static/") for one in fetched), address
    schemes = {href.partition(":")[0] for href in page.all("//@href") if re.match(r"[a-zA-Z][\w+.-]*:", href)}
    assert schemes <= {"http", "https", "mailto"}, address
    assert all(action.startswith("/") for action in page.all("//form/@action")), address


def _can_be_read_by_everybody(address: str, page: Seen) -> None:
    levels = [int(heading.tag[1]) for heading in page.all(HEADINGS)]
    assert levels[0] == 1, address
    assert all(after - before <= 1 for before, after in pairwise(levels)), (address, levels)
    ids = page.all("//@id")
    assert sorted(ids) == sorted(set(ids)), address
    for field in page.all("//input[not(@type='hidden')]|//select"):
        assert page.all(f"//label[@for='{field.get('id')}']"), (address, field.get("name"))
    for reference in page.all("//@aria-labelledby|//@aria-describedby"):
        assert page.all(f"//*[@id='{reference}']"), (address, reference)
    for control in page.all("//a|//button"):
        assert control.text_content().strip(), (address, control.get("href"))
    assert page.all("//svg[not(@aria-hidden='true')]") == [], address
    assert page.all("//table[not(thead/tr/th[@scope='col'])]") == [], address


async def test_each_page_announces_its_feeds_and_its_json(
    addresses: list[str], look: Look, client: httpx.AsyncClient
) -> None:
    for address in addresses:
        page = await look(address)
        announced = page.all("//head/link[@rel='alternate']")
        types = {link.get("type") for link in announced}
        assert {"application/rss+xml", "application/atom+xml", "application/feed+json"} <= types, address
        if page.status == 200:
            assert types & {"application/json", "text/x-opml"}, address
        for link in announced:
            assert link.get("title"), address
            answer = await client.get(link.get("href"))
            # Feeds of searches need a search; that there is none is said, not hidden.
            expected = 503 if "/feeds/search." in link.get("href") else 200
            assert answer.status_code == expected, (address, link.get("href"), answer.text[:200])
            assert answer.headers["content-type"].startswith(link.get("type")), link.get("href")


async def test_no_link_leads_nowhere(addresses: list[str], look: Look, client: httpx.AsyncClient) -> None:
    pages: dict[str, Seen | None] = {}

    async def opened(path: str) -> Seen | None:
        if path not in pages:
            answer = await client.get(path, headers=BROWSER, follow_redirects=True)
            needs_search = "q=" in path or "/feeds/search." in path
            # Nobody signs the log in this test.
            expected = 503 if needs_search or path.endswith("/proof") else 200
            assert answer.status_code == expected, (path, answer.text[:300])
            html = answer.headers["content-type"].startswith("text/html")
            pages[path] = await look(path) if html else None
        return pages[path]

    for address in addresses:
        page = await look(address)
        for href in page.all("//a/@href"):
            path, fragment = urldefrag(urljoin(address, href))
            path = path.removeprefix(BASE_URL)
            if not path.startswith("/") or _needs_another_record(path):
                continue
            target = page if path == address else await opened(path)
            if fragment and target is not None:
                assert target.all(f"//*[@id='{fragment}']"), (address, href)


def _needs_another_record(path: str) -> bool:
    """Examples refer to records that nobody published here."""
    return any(id in path for id in EXAMPLE_IDS)


async def test_pages_are_kept_until_what_they_show_changes(
    addresses: list[str], client: httpx.AsyncClient, member: Member, publish: Publish
) -> None:
    for address in [one for one in addresses if one not in WRONG]:
        first = await client.get(address)
        assert first.status_code == 200, address
        etag = first.headers["etag"]
        assert etag.startswith('"'), address
        assert first.headers["cache-control"].startswith("public"), address
        unchanged = await client.get(address, headers={"If-None-Match": etag})
        assert (unchanged.status_code, unchanged.content) == (304, b""), address
        head = await client.head(address)
        assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", etag), address
    before = await client.get("/")
    await publish(member, title="Something new to read")
    after = await client.get("/")
    assert "Something new to read" in after.text
    assert after.headers["etag"] != before.headers["etag"]


async def test_a_known_reader_is_answered_privately(client: httpx.AsyncClient, member: Member) -> None:
    answer = await client.get("/", headers=member.headers)
    assert answer.headers["cache-control"].startswith("private")
    assert "Authorization" in answer.headers["vary"]
