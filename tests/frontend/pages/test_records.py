"""Lists and search results: facets, highlights, pages; and never a false "nothing found"."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest

from frontend import extension
from frontend.pages.records import SHOWN
from registry.app import Application
from registry.errors import Finding, Severity, Unavailable
from registry.extensions import Extension, Node
from registry.finder import Found
from search.meanings import Equivalent
from search.request import Request
from search.results import Answer, FacetValue, Hit, Segment
from tests.conftest import Member, Publish, only_app
from tests.frontend.conftest import BROWSER, Look

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


class Index:
    """A search that answers what a test put into it."""

    def __init__(self) -> None:
        self.hits: Sequence[Hit] = ()
        self.total = 0
        self.position = 1_000_000
        self.facets: dict[str, Sequence[FacetValue]] = {}
        self.timeline: Sequence[tuple[str, int]] = ()
        self.notes: Sequence[Finding] = ()
        self.equivalents: dict[str, tuple[Equivalent, ...]] = {}
        self.down = False
        self.asked: list[Request] = []

    async def search(self, request: Request) -> Answer:
        if self.down:
            raise Unavailable("The search index is being built.", retry_after=5)
        self.asked.append(request)
        request = replace(request, equivalents=self.equivalents)
        return Answer(
            request,
            self.total or len(self.hits),
            self.hits,
            self.facets,
            self.timeline,
            "test",
            self.position,
            notes=self.notes,
        )

    async def similar(self, *_: Any, **__: Any) -> Any:
        raise Unavailable("Nothing is alike here.")

    async def find(self, parameters: Any, *, limit: int, offset: int = 0) -> Found:
        return Found((), self.total or len(self.hits), self.position)


@pytest.fixture
def index() -> Index:
    return Index()


@pytest.fixture
def with_search(request: pytest.FixtureRequest) -> bool:
    return getattr(request, "param", True)


@pytest.fixture
async def app(node: Node, index: Index, with_search: bool) -> Application:
    found = Extension(name="index", finder=lambda _: index)  # type: ignore[arg-type,return-value]
    return only_app(node, (found, extension) if with_search else (extension,))


async def stored(client: httpx.AsyncClient, document: dict[str, Any]) -> Hit:
    body = (await client.get(f"/api/v1/records/{document['id']}")).content
    return Hit(document["origin"], document["id"], body)


async def test_results_show_where_the_words_were_found(
    client: httpx.AsyncClient, index: Index, member: Member, publish: Publish, look: Look
) -> None:
    document = await publish(member, title="Voices", summary="Of a <b>bank</b>.")
    hit = await stored(client, document)
    marks = {
        "title": [Segment("Voi"), Segment("<ces>", mark=True)],
        "narrative": [Segment("…and the "), Segment("bank", mark=True), Segment(" said")],
    }
    index.hits = [Hit(hit.origin, hit.id, hit.document, marks)]
    page = await look("/records?q=bank")
    assert page.texts("//h2[@id='found']") == ["1 record"]
    assert page.texts("//article//mark") == ["<ces>", "bank"]
    assert page.texts("//p[@class='card-text']") == ["Of a <b>bank</b>."]
    assert page.one("//input[@id='q']").get("value") == "bank"
    assert index.asked[0].sort == "relevance"


async def test_facets_set_and_clear_filters(index: Index, look: Look) -> None:
    index.facets = {
        "kind": [FacetValue("incident", 4), FacetValue("lesson", 2)],
        "country": [FacetValue("DE", 3), FacetValue("FR", 1)],
        "basis": [FacetValue("third-party", 6)],
        "tag": [FacetValue("misuse:fraud", 3), FacetValue("misuse:spam", 1), FacetValue("modality:text", 9)],
    }
    page = await look("/records?q=x&kind=incident")
    facets = {detail.xpath("summary")[0].text_content(): detail for detail in page.all("//nav/details")}
    assert list(facets) == ["Kind", "Misuse", "Country", "When it happened", "As it stood earlier"]
    links = {" ".join(a.text_content().split()): a.get("href") for a in page.all("//nav//details//li/a")}
    assert links["Remove Incident"] == "/records?q=x"
    assert links["Lesson"] == "/records?q=x&kind=incident&kind=lesson"
    assert links["Germany"] == "/records?q=x&kind=incident&country=DE"
    assert links["Fraud and scams"] == "/records?q=x&kind=incident&tag=misuse:fraud"
    assert page.texts("//ul[@class='set']/li") == ["Kind Incident, remove"]
    assert index.asked[0].filters == {"kind": ("incident",)}
    assert page.all("//form[@role='search']//input[@type='hidden'][@name='kind'][@value='incident']")


async def test_terms_stand_under_their_vocabulary_and_narrower_ones_under_broader(
    index: Index, look: Look
) -> None:
    counted = {
        "owasp-llm:LLM02": 5,
        "misuse:spam": 4,
        "misuse:fraud": 3,
        "owasp-llm:LLM01": 2,
        "misuse:fraud/phishing": 2,
    }
    index.facets = {"tag": [FacetValue(tag, count) for tag, count in counted.items()]}
    page = await look("/records?q=x&tag=misuse:fraud")
    facets = {detail.xpath("summary")[0].text_content(): detail for detail in page.all("//nav/details")}
    assert list(facets) == ["Misuse", "owasp-llm", "When it happened", "As it stood earlier"]
    shown = [" ".join(one.text_content().split()[:-2]) for one in facets["Misuse"].xpath("ul/li")]
    assert shown == ["Spam", "Remove Fraud and scams", "Phishing"]
    assert [one.get("class") for one in facets["Misuse"].xpath("ul/li")] == [None, None, "deep-1"]


async def test_what_a_term_finds_besides_is_told_and_can_be_switched_off(index: Index, look: Look) -> None:
    page = await look("/records?q=x&tag=misuse:prompt-injection")
    assert page.texts("//p[@class='widened']") == []
    others = [Equivalent(f"a:t{number}", f"Term {number}", "close") for number in range(6)]
    index.equivalents = {"misuse:prompt-injection": tuple(others)}
    page = await look("/records?tag=misuse:prompt-injection")
    (told,) = page.texts("//p[@class='widened']")
    assert "Prompt injection attack also finds Term 0 (a), Term 1 (a)" in told
    assert "and 2 more, terms of other vocabularies" in told
    off = "/records?tag=misuse:prompt-injection&crosswalks=off"
    assert page.one("//p[@class='widened']/a[last()]").get("href") == off
    feeds = page.all("//link[@type='application/feed+json']/@href")
    assert any("/feeds/search.json?tag=misuse:prompt-injection" in one for one in feeds)
    index.equivalents = {}
    page = await look(off)
    assert "Other vocabularies not looked at, remove" in page.texts("//ul[@class='set']/li")
    feeds = page.all("//link[@type='application/feed+json']/@href")
    assert any("/feeds/tag/misuse:prompt-injection.json" in one for one in feeds)


async def test_years_are_counted(index: Index, look: Look) -> None:
    index.timeline = [("2022-11", 1), ("2023-01", 2), ("2023-12", 2)]
    page = await look("/records?q=x")
    assert page.texts("//ul[@class='years']/li") == ["2022 1 records", "2023 4 records"]
    assert page.all("//ul[@class='years']//rect/@width") == ["25", "100"]


async def test_pages_follow_each_other(index: Index, look: Look) -> None:
    index.total = 45
    first = await look("/records?q=x")
    assert first.all("//a[@rel='next']/@href") == [f"/records?q=x&offset={SHOWN}"]
    assert first.all("//a[@rel='prev']") == []
    last = await look("/records?q=x&offset=40")
    assert "past the last record" in last.main
    assert last.all("//a[@rel='prev']/@href") == ["/records?q=x&offset=20"]
    assert last.all("//a[@rel='next']") == []
    assert [request.offset for request in index.asked] == [0, 40]


async def test_nothing_found_is_said_only_by_an_index(
    index: Index, look: Look, member: Member, publish: Publish
) -> None:
    page = await look("/records?q=zebra&kind=lesson")
    assert page.texts("//h2[@id='found']") == ["No record answers this"]
    assert "The index was asked" in page.main
    index.down = True
    page = await look("/records?q=zebra")
    assert page.status == 503
    assert page.response.headers["retry-after"] == "5"
    assert "Not looked for: “zebra”." in page.main
    assert "No record" not in page.words
    await publish(member, title="A lesson", kind="lesson")
    page = await look("/records?q=zebra&kind=lesson&severity=severity:high&sort=oldest")
    assert (page.status, page.response.headers["cache-control"]) == (503, "no-store")
    assert "Not looked for: “zebra”, Severity High." in page.main
    assert page.texts("//article/h3") == ["A lesson"]
    assert page.one("//input[@id='q']").get("value") == "zebra"
    page = await look("/records?q=zebra&kind=guideline")
    assert page.texts("//h2[@id='found']") == ["Nothing to list meanwhile"]


async def test_lists_stay_open_while_the_search_is_down(
    client: httpx.AsyncClient, index: Index, member: Member, publish: Publish, look: Look
) -> None:
    await publish(member, title="Still here")
    index.down = True
    page = await look("/records?kind=lesson")
    assert page.status == 200
    assert "The search does not answer at the moment." in page.main
    assert page.texts("//article/h3") == ["Still here"]
    index.down = False
    assert "does not answer" not in (await look("/records?kind=lesson")).words


async def test_what_an_index_that_lags_behind_says_is_not_kept(
    client: httpx.AsyncClient, index: Index, member: Member, publish: Publish, look: Look
) -> None:
    hit = await stored(client, await publish(member, title="Late to the index"))
    index.position = 0
    assert "Late to the index" not in (await look("/records")).words
    index.hits, index.position = [hit], 1_000_000
    assert "Late to the index" in (await look("/records")).words
    asked = len(index.asked)
    assert "Late to the index" in (await look("/records")).words
    assert len(index.asked) == asked


async def test_hints_of_the_search_are_passed_on(index: Index, look: Look) -> None:
    index.notes = [Finding("question-shortened", "/q", "Only the <first> words.", severity=Severity.WARNING)]
    assert (await look("/records?q=x")).texts("//header/p[@class='banner']") == ["Only the <first> words."]


@pytest.mark.parametrize(
    ("query", "help"),
    [
        ("kind=accident", "There is no kind 'accident'"),
        ("q=x&offset=many", "offset='many'"),
        ("q=x&occurred_from=soon", "occurred_from"),
        ("q=x&sort=size", "sort"),
    ],
)
async def test_what_cannot_be_read_is_explained(look: Look, query: str, help: str) -> None:
    page = await look(f"/records?{query}")
    assert page.status == 400
    assert help in page.main


async def test_parameters_of_others_are_passed_over(look: Look, index: Index) -> None:
    assert (await look("/records?q=x&utm_source=mail&fbclid=1")).status == 200
    assert index.asked[0].q == "x"


@pytest.mark.parametrize("with_search", [False], indirect=True)
async def test_without_a_search_lists_are_paged(
    member: Member, publish: Publish, look: Look, client: httpx.AsyncClient
) -> None:
    for number in range(SHOWN + 2):
        await publish(member, title=f"Lesson {number}")
    first = await look("/records?kind=lesson")
    assert first.texts("//article/h3") == [f"Lesson {number}" for number in range(SHOWN + 1, 1, -1)]
    second = await look(first.one("//a[@rel='next']").get("href"))
    assert second.texts("//article/h3") == ["Lesson 1", "Lesson 0"]
    assert second.all("//a[@rel='prev']/@href") == ["/records?kind=lesson"]
    assert (await client.get("/records?kind=lesson&cursor=wrong", headers=BROWSER)).status_code == 400


@pytest.mark.parametrize("with_search", [False], indirect=True)
async def test_without_a_search_words_are_refused_and_not_denied(look: Look) -> None:
    for query in ("q=voice", "severity=severity:high", "kind=lesson&occurred_from=2023"):
        page = await look(f"/records?{query}")
        assert page.status == 503, query
        assert "runs without search" in page.main
        assert "No record" not in page.words
    assert (await look("/records?kind=lesson")).texts("//h2[@id='found']") == ["No record is in this list"]


@pytest.mark.parametrize("with_search", [False], indirect=True)
async def test_all_terms_of_a_list_must_be_borne(member: Member, publish: Publish, look: Look) -> None:
    await publish(member, title="Both", tags=["misuse:fraud/phishing", "harm:financial"])
    await publish(member, title="One", tags=["misuse:fraud"])
    assert (await look("/records?tag=misuse:fraud")).texts("//article/h3") == ["One", "Both"]
    assert (await look("/records?tag=misuse:fraud&tag=harm:financial")).texts("//article/h3") == ["Both"]
