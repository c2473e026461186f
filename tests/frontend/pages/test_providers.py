import httpx
import pytest

from registry.extensions import Node
from registry.providers import service
from registry.providers.onboarding import Decision
from tests.conftest import Join, Member, Publish
from tests.frontend.conftest import Look

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


async def test_an_organisation_is_shown_with_what_it_published(
    member: Member, publish: Publish, look: Look
) -> None:
    document = await publish(member, title="Told by the lab")
    row = (await look("/providers")).one("//tbody/tr")
    assert " ".join(row.text_content().split()).startswith("Example Lab lab.example.org Approved")
    page = await look("/providers/example-lab")
    assert page.one("//h1").text_content() == "Example Lab"
    assert "lab.example.org (not verified)" in page.main
    assert page.all("//article//a/@href") == [f"/records/{document['id']}"]
    assert page.all("//link[@type='application/rss+xml']/@href")[0] == "/feeds/provider/example-lab.rss"


async def test_who_was_never_approved_is_not_shown(join: Join, look: Look) -> None:
    await join("waiting-lab", approve=False)
    assert "Waiting-Lab" not in (await look("/providers")).words
    assert (await look("/providers/waiting-lab")).status == 404


async def test_a_suspended_organisation_is_marked(member: Member, node: Node, look: Look) -> None:
    async with node.database.write() as session:
        await service.change_state(session, "example-lab", Decision.SUSPEND, origin=node.origin, by="test")
    page = await look("/providers/example-lab")
    assert "Suspended." in page.main


async def test_a_mistyped_slug_gets_a_proposal(member: Member, look: Look, client: httpx.AsyncClient) -> None:
    page = await look("/providers/exampel-lab")
    assert page.status == 404
    assert "Did you mean example-lab?" in page.main
    assert (await client.get("/providers/EXAMPLE-LAB")).status_code == 200


async def test_what_an_organisation_published_is_paged(member: Member, publish: Publish, look: Look) -> None:
    for number in range(22):
        await publish(member, title=f"Lesson {number}")
    first = await look("/providers/example-lab")
    second = await look(first.one("//a[@rel='next']").get("href"))
    assert second.texts("//article/h3") == ["Lesson 1", "Lesson 0"]
