"""What a reader may take along from a list of records."""

import httpx
import pytest

import frontend
import search
from registry.app import Application
from registry.auth.roles import Role
from registry.extensions import Extension, Node
from tests.conftest import Join
from tests.frontend.conftest import Look
from tests.leaks.world import EVERYTHING, index, published
from tests.registry.auth.people import person, sign_in

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (search.extension, frontend.extension)


async def test_a_list_offers_files_feeds_a_citation_and_to_be_saved(
    app: Application, client: httpx.AsyncClient, node: Node, join: Join, look: Look
) -> None:
    member = await join("own-lab", scopes=EVERYTHING)
    for title in ("Voices", "Voice", "Something else"):
        await published(client, member, title=title, tags=["misuse:fraud"])
    await index(app)
    page = await look("/records?q=voice&tag=MISUSE:fraud&sort=relevance")
    section = page.one("//section[@class='along']")
    assert page.one("//link[@rel='canonical']").get("href") == (
        "https://registry.example/records?q=voice&tag=misuse%3Afraud"
    )
    assert page.one("//meta[@name='robots']").get("content") == "noindex"
    assert "Fraud" in page.texts("//h1")[0]
    # "voice" also begins "voices", which a feed does not go by.
    assert "word for word: 1 of these" in " ".join(section.text_content().split())
    assert "search position 3, 2 records" in section.text_content()
    for link in section.xpath(".//a/@href"):
        if not link.startswith(("https://registry.example/records", "/sign-in")):
            answer = await client.get(link)
            assert answer.status_code == 200, link
    assert section.xpath(".//form") == []
    whole = await look("/records?tag=misuse:fraud")
    assert "word for word" not in whole.main

    ann = await sign_in(node, await person(node, "ann@example.org", roles={"own-lab": [Role.AUTHOR]}))
    signed_in = await look("/records?q=voice", **ann)
    form = signed_in.one("//section[@class='along']//form")
    assert {field.get("name") for field in form.xpath(".//input | .//select")} == {
        "csrf_token",
        "search",
        "name",
        "owner",
    }
