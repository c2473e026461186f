"""The first page counts what is listed and shows what is new. On both databases, as it asks for most."""

from typing import Any

from tests.conftest import Member, Publish
from tests.frontend.conftest import Look


async def test_an_empty_registry_says_so(look: Look) -> None:
    page = await look("/")
    assert "Nothing has been published here yet." in page.main
    assert page.texts("//li[contains(@class, 'tile')]/a")[0] == "0 Incidents"
    assert page.one("//form[@role='search']").get("action") == "/records"


async def test_what_is_listed_is_counted_and_the_newest_stands_first(
    shelf: dict[str, dict[str, Any]], look: Look
) -> None:
    page = await look("/")
    tiles = page.texts("//li[contains(@class, 'tile')]/a")
    assert tiles == [
        "1 Incident",
        "1 Weakness",
        "1 Evaluation",
        "1 Mitigation",
        "1 Lesson",
        "1 Guideline",
        "1 Response",
        "7 Records in all",
    ]
    titles = page.texts("//article/h3")
    assert titles == [document["title"] for document in reversed(shelf.values())]


async def test_an_import_does_not_push_out_disclosures(member: Member, publish: Publish, look: Look) -> None:
    imported = {"basis": "imported", "source": {"scheme": "example-db", "id": "1"}}
    await publish(member, title="From another database", **imported)
    assert (await look("/")).texts("//article/h3") == ["From another database"]
    await publish(member, title="Disclosed here")
    assert (await look("/")).texts("//article/h3") == ["Disclosed here"]
