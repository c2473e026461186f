"""The page of feeds gives addresses that work, and builds one of any search."""

from typing import Any

import httpx
import pytest

from frontend import extension
from registry.app import Application
from registry.extensions import Extension, Node
from registry.finder import Found, Matcher
from tests.conftest import BASE_URL, Member, only_app
from tests.frontend.conftest import Look

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


class Nothing:
    """A search that holds nothing."""

    async def find(self, parameters: Any, *, limit: int, offset: int = 0) -> Found:
        return Found((), 0, 1_000_000)

    async def search(self, request: Any) -> Any:
        raise AssertionError("the page of feeds does not search")

    async def matcher(self, parameters: Any) -> Matcher:
        return lambda document: False


@pytest.fixture
async def app(node: Node) -> Application:
    found = Extension(name="nothing", finder=lambda _: Nothing())  # type: ignore[arg-type,return-value]
    return only_app(node, (found, extension))


async def test_every_address_on_the_page_is_a_feed(
    member: Member, look: Look, client: httpx.AsyncClient
) -> None:
    page = await look("/feeds?q=voice&severity=severity:high")
    links = page.all("//main//a[@type]")
    assert len(links) > 60
    for link in links:
        address = link.get("href")
        assert address.startswith(BASE_URL), "an address that is copied elsewhere is whole"
        answer = await client.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["content-type"].startswith(link.get("type")), address
    assert "Example Lab" in page.main


async def test_the_form_makes_the_address_of_any_search(look: Look) -> None:
    page = await look('/feeds?q="a+b"+%3Cc%3E&kind=incident&severity=&tag=misuse:fraud&utm_source=x')
    expected = f"{BASE_URL}/feeds/search.rss?kind=incident&q=%22a%20b%22%20%3Cc%3E&tag=misuse:fraud"
    assert page.all("//dl[@class='addresses']//a/@href")[0] == expected
    assert page.texts("//div[@class='result']/h3") == ['Incidents: “"a b" <c>”, Fraud and scams']
    assert page.one("//input[@id='q']").get("value") == '"a b" <c>'
    assert page.one("//select[@id='kind']/option[@selected]").get("value") == "incident"


async def test_a_question_that_has_a_feed_of_its_own_is_given_that(look: Look) -> None:
    page = await look("/feeds?kind=lesson")
    assert page.all("//dl[@class='addresses']//a/@href")[0] == f"{BASE_URL}/feeds/lesson.rss"
    assert (await look("/feeds")).all("//dl[@class='addresses']") == []


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("kind=accident", "'accident' is not a value of kind."),
        ("tag=%3Cscript%3E", "'<script>' is no tag."),
        ("q=" + "x" * 3000, "longer than 1000 characters"),
        ("occurred_from=soon", "'soon' is not a date"),
    ],
)
async def test_what_has_no_feed_is_told_why(look: Look, query: str, reason: str) -> None:
    page = await look(f"/feeds?{query}")
    assert reason in page.texts("//div[@class='result']")[0]
    assert page.all("//dl[@class='addresses']") == []


async def test_a_list_leads_to_its_feed(look: Look) -> None:
    page = await look("/feeds?provider=example-lab")
    assert page.one("//div[@class='result']//p/a").get("href") == "/records?provider=example-lab"
