from dataclasses import replace

import pytest

from frontend.pages.taxonomies import branch, way_up
from registry.actor import Actor
from registry.extensions import Node
from registry.settings import Settings
from registry.taxonomies import service
from registry.taxonomies.vocabulary import Crosswalk, Taxonomy, Term, Vocabulary
from tests.conftest import Member, Publish
from tests.frontend.conftest import Look

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)

OUTSIDE = Taxonomy(
    namespace="outside",
    version="3",
    name="Outside <list>",
    publisher="Example",
    licence="CC0-1.0",
    url="javascript:alert(1)",
    terms=(
        Term("A", "First", "A <b>definition</b>.", refs=("https://example.org/a", "javascript:alert(1)")),
        Term("A1", "Below", parents=("A",)),
        Term("old", "Former", deprecated_by="A"),
        *(Term(f"T{number}", f"Term {number}") for number in range(300)),
    ),
    crosswalks=(Crosswalk("outside:A", "misuse:fraud", "close"),),
)


async def load(node: Node, taxonomy: Taxonomy) -> None:
    async with node.database.write() as session:
        await service.store(session, taxonomy, actor=Actor(name="test"), origin=node.origin)


async def test_a_vocabulary_is_listed_and_shown_as_a_tree(node: Node, look: Look) -> None:
    assert "Outside" not in (await look("/taxonomies")).words
    await load(node, OUTSIDE)
    assert "Outside <list>" in (await look("/taxonomies")).words
    page = await look("/taxonomies/outside")
    assert page.all("//@href[starts-with(., 'javascript')]") == []
    assert page.texts("//ul[@class='tree']/li/ul/li/a") == ["Below"]
    assert "A <b>definition</b>." in page.main
    assert len(page.all("//ul[@class='tree']/li")) == 200
    second = await look(page.one("//a[@rel='next']").get("href"))
    assert len(second.all("//ul[@class='tree']/li")) == 102
    assert (await look("/taxonomies/outside?page=9")).status == 404


async def test_a_loop_in_the_data_ends(settings: Settings) -> None:
    loop = (Term("top", "Top"), Term("a", "A", parents=("b", "top")), Term("b", "B", parents=("a",)))
    vocabulary = Vocabulary([replace(OUTSIDE, terms=loop, crosswalks=())])
    tree = branch(vocabulary, "outside:top")
    assert [one.tag for one in tree.below] == ["outside:a"]
    assert [one.tag for one in tree.below[0].below] == ["outside:b"]
    assert tree.below[0].below[0].below == []
    assert way_up(vocabulary, "outside:b") == ["outside:a"]


async def test_a_term_shows_what_lies_around_it_and_what_bears_it(
    node: Node, member: Member, publish: Publish, look: Look
) -> None:
    await load(node, OUTSIDE)
    await publish(member, title="A letter", tags=["misuse:fraud/phishing"])
    page = await look("/taxonomies/misuse/fraud")
    assert page.one("//h1").text_content() == "Fraud and scams"
    assert any("Phishing" in tag for tag in page.texts("//section[@aria-labelledby='narrower']//a"))
    assert "close to First outside:A" in page.texts("//section[@aria-labelledby='crosswalks']//li")
    assert page.texts("//article/h3") == ["A letter"]
    assert page.all("//link[@type='application/rss+xml']/@href")[0] == "/feeds/tag/misuse:fraud.rss"
    narrow = await look("/taxonomies/misuse/fraud/phishing")
    assert narrow.texts("//nav[@class='crumbs']//li") == [
        "Home",
        "Taxonomies",
        "Misuse",
        "Fraud and scams",
        "Phishing",
    ]
    assert (await look("/taxonomies/outside/A")).all("//main//@href[starts-with(., 'javascript')]") == []
    assert "Use First instead." in (await look("/taxonomies/outside/old")).main


async def test_a_tag_that_no_vocabulary_holds_has_a_page_while_it_is_borne(
    member: Member, publish: Publish, look: Look
) -> None:
    page = await look("/taxonomies/misuse/frod")
    assert page.status == 404
    assert "Did you mean misuse:fraud" in page.main
    open_term = await look("/taxonomies/org/example-labs")
    assert open_term.status == 200
    assert "In no vocabulary here" in open_term.main
    assert (await look("/taxonomies/nothing")).status == 404
