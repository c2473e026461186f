"""What is like a record, and what it looks like a part of, on its page."""

import pytest

import search
from frontend import extension
from registry.app import Application
from registry.extensions import Extension
from tests.conftest import Join, Member, Publish
from tests.frontend.conftest import Look

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (search.extension, extension)


async def told(publish: Publish, lab: Member, title: str, domain: str) -> str:
    indicators = [{"type": "domain", "value": domain}]
    content = {"status": "contained", "indicators": indicators}
    record = await publish(lab, kind="incident", title=title, tags=["misuse:fraud"], content=content)
    return str(record["id"])


async def test_what_is_like_a_record_is_told_with_why(
    app: Application, join: Join, publish: Publish, look: Look
) -> None:
    labs = [await join(slug) for slug in ("one-lab", "two-lab")]
    first = await told(publish, labs[0], "Cloned voices ask for money", "pay[.]evil[.]example")
    alone = await look(f"/records/{first}")
    assert alone.all("//section[@aria-labelledby='campaign' or @aria-labelledby='alike']") == []
    second = await told(publish, labs[1], "A shop <b>that</b> never delivers", "pay.evil.example")
    other = await told(publish, labs[1], "Money asked for by cloned voices", "else.example.net")
    assert (await look("/campaigns")).all("//article[@class='card']") == []
    for tail in app.tails:
        await tail.catch_up()
    page = await look(f"/records/{first}")
    part = "//section[@aria-labelledby='campaign']"
    assert page.all(f"{part}//a/@href")[0] == f"/records/{second}"
    assert "2 public records of 2 organisations look like one campaign" in page.texts(part)[0]
    assert "Same indicator: pay.evil.example in 2 records" in page.texts(part)[0]
    alike = page.texts("//section[@aria-labelledby='alike']//li")
    assert "A shop <b>that</b> never delivers" in alike[0]
    assert "Same indicator: pay.evil.example" in alike[0]
    assert "In common: " in alike[1]
    assert page.all("//section[@aria-labelledby='alike']//a/@href") == [
        f"/records/{second}",
        f"/records/{other}",
    ]
    listed = await look("/campaigns")
    assert listed.texts("//section//h2")[0] == "2 records of 2 organisations"
    assert listed.all("//article//h3/a/@href") == [f"/records/{second}", f"/records/{first}"]
    for tail in app.tails:
        await tail.give_up()
