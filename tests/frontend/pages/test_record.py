"""The page of a record says everything that the record says, and no more."""

import copy
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from frontend.dates import in_words
from registry.extensions import Node
from registry.records.content.examples import EXAMPLES
from registry.signing.models import VersionSignature
from tests.conftest import Member, Publish
from tests.frontend.conftest import Look, example
from tests.registry.signing.signers import registered

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)

# Said otherwise than as they stand: by labels, in words, as an address or an anchor.
NOT_WORDS = frozenset(
    {
        "id",
        "schema",
        "ref",
        "sha256",
        "commit",
        "published",
        "modified",
        "updated",
        "origin",
        "slug",
        "pointer",
    }
)
RTL = "هذا نص من اليمين إلى اليسار"


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, name)
    else:
        yield name, value


def is_sentence(name: str, value: Any) -> bool:
    """What a reader has to find word for word: text, and nothing that has a label or another form."""
    if (
        not isinstance(value, str)
        or name in NOT_WORDS
        or name.endswith(("countries", "_ref"))
        or name == "narrative"
    ):
        return False
    return " " in value or value[:1].isupper()


@pytest.mark.parametrize("kind", EXAMPLES)
async def test_every_word_of_a_record_is_on_its_page(
    kind: str, member: Member, publish: Publish, look: Look
) -> None:
    document = await publish(member, **example(kind))
    page = await look(f"/records/{document['id']}")
    read = page.words
    sentences = [value for name, value in leaves(document) if is_sentence(name, value)]
    assert sentences
    for sentence in sentences:
        assert " ".join(sentence.split()) in read, sentence
    for name, value in leaves(document):
        if name in ("url", "reference", "archive_url"):
            assert page.all(f"//a[@href='{value}'][contains(@rel, 'noopener')]"), value
    for _, value in leaves(document.get("content", {}).get("times", {})):
        assert isinstance(value, bool) or in_words(value) in read


async def test_an_incident_is_told_in_order(member: Member, publish: Publish, look: Look) -> None:
    document = await publish(member, **example("incident"))
    page = await look(f"/records/{document['id']}")
    sections = page.texts("//div[@class='record-main']/section/h2")
    assert sections[:7] == [
        "Account",
        "Chain of events",
        "Systems",
        "Actors",
        "Who was affected",
        "Harms",
        "Safeguards and what became of them",
    ]
    assert sections[-2:] == ["Versions", "Cite and reuse"]
    assert page.texts("//nav[@class='contents']//a") == sections
    read = page.main
    assert "Incident Confirmed by Example Speech (confidence 95 %)" in read
    assert "Severity Moderate (grade 3 of 5)" in read
    assert "less than 0.05 %" in read
    assert "EUR 12,000 to 15,000" in read
    assert "First-party: Disclosed by the organisation itself." in read
    assert "unknown callers Suspected" in read
    assert "Absent against Voice-clone fraud" in read
    assert page.texts("//ol[@class='chain']/li/p[@class='chain-at']")[:2] == ["about April 2024", "May 2024"]


async def test_a_part_that_others_point_at_has_its_place(
    member: Member, publish: Publish, look: Look
) -> None:
    guideline = await publish(member, **example("guideline"))
    incident = example("incident")
    incident["relations"] = [
        {"type": "breaches", "target": {"id": guideline["id"], "part": "/content/prohibited_uses/1"}}
    ]
    document = await publish(member, **incident)
    page = await look(f"/records/{document['id']}")
    link = page.one(f"//dl[@class='relations']//a[starts-with(@href, '/records/{guideline['id']}')]")
    assert link.text_content() == guideline["title"]
    target = await look(link.get("href").partition("#")[0])
    place = target.one(f"//*[@id='{link.get('href').partition('#')[2]}']")
    assert "Imitating people who did not agree." in place.text_content()
    assert "Voice-clone calls" in " ".join(target.texts("//section[@aria-labelledby='backlinks']//a"))


async def test_who_signed_it_is_said(
    member: Member, look: Look, node: Node, client: httpx.AsyncClient
) -> None:
    key = await registered(node, client, member.slug)
    made = await client.post("/api/v1/records", json=example("lesson"), headers=member.headers)
    address = f"/api/v1/records/{made.json()['id']}"
    read = await client.get(f"{address}/draft", headers=member.headers)
    headers = {**member.headers, "If-Match": made.headers["etag"]}
    body = {"signature": key.sign(read.content)}
    done = await client.post(f"{address}/actions/publish", json=body, headers=headers)
    assert done.status_code == 200, done.text
    shown = f"/records/{made.json()['id']}"
    assert f"with the key {key.kid[:16]}" in (await look(shown)).main
    async with node.database.write() as session:
        await session.execute(update(VersionSignature).values(jwk=None, provider=None))
    page = await look(f"{shown}/v/1")
    assert "Signed by" not in page.main
    assert "was not verified here" in page.main


async def test_responses_stand_on_the_page_of_what_they_answer(
    member: Member, publish: Publish, look: Look
) -> None:
    mitigation = await publish(member, **example("mitigation"))
    response = example("response")
    response["content"]["about"] = {"id": mitigation["id"]}
    before = await look(f"/records/{mitigation['id']}")
    assert "Responses" not in before.texts("//h2")
    answer = await publish(member, **response)
    page = await look(f"/records/{mitigation['id']}")
    (said,) = page.texts("//section[@aria-labelledby='responses']//li")
    assert said.startswith("Evaluates We measured the consent sentence")
    assert "Example Lab" in said
    assert "Referred to by" not in page.texts("//h2")
    back = await look(f"/records/{answer['id']}")
    assert back.texts("//p[@class='stance-line']") == [
        "Evaluates Mitigation Consent sentence before a voice is cloned"
    ]


async def revise(client: httpx.AsyncClient, member: Member, document: dict[str, Any], **fields: Any) -> None:
    id = document["id"]
    newest = await client.get(f"/api/v1/records/{id}", headers=member.headers)
    body = {**fields, "revision": {"type": "correction", "note": "A number was wrong."}}
    put = await client.put(
        f"/api/v1/records/{id}/draft",
        json=body,
        headers={**member.headers, "If-Match": newest.headers["etag"]},
    )
    assert put.status_code == 200, put.text
    done = await client.post(
        f"/api/v1/records/{id}/actions/publish", headers={**member.headers, "If-Match": put.headers["etag"]}
    )
    assert done.status_code == 200, done.text


async def test_an_earlier_version_says_so(
    client: httpx.AsyncClient, member: Member, publish: Publish, look: Look
) -> None:
    document = await publish(member, **example("lesson"))
    await revise(client, member, document, **(example("lesson") | {"title": "A better title"}))
    page = await look(f"/records/{document['id']}")
    assert page.one("//h1").text_content() == "A better title"
    assert page.all("//link[@rel='canonical']/@href")[0].endswith(f"/records/{document['id']}")
    versions = page.texts("//ol[@class='versions']/li")
    assert versions[0].startswith("Version 2 Revised")
    assert "Correction: A number was wrong." in versions[0]
    old = await look(f"/records/{document['id']}/v/1")
    assert old.one("//h1").text_content() == document["title"]
    assert "This is version 1 of 2." in old.main
    assert old.one("//meta[@name='robots']").get("content") == "noindex"
    assert f"/records/{document['id']}/v/1" in old.texts("//p[@class='citation']")[0]
    assert old.all("//link[@type='application/json']/@href") == [
        f"/api/v1/records/{document['id']}/versions/1"
    ]


async def test_a_withdrawn_record_says_why_and_what_to_read_instead(
    client: httpx.AsyncClient, member: Member, publish: Publish, look: Look
) -> None:
    other = await publish(member, title="The one to read")
    document = await publish(member, title="The one withdrawn")
    newest = await client.get(f"/api/v1/records/{document['id']}")
    done = await client.post(
        f"/api/v1/records/{document['id']}/actions/withdraw",
        json={"code": "duplicate", "text": "Filed twice <b>", "replaced_by": {"id": other["id"]}},
        headers={**member.headers, "If-Match": newest.headers["etag"]},
    )
    assert done.status_code == 200, done.text
    for address in (f"/records/{document['id']}", f"/records/{document['id']}/v/1"):
        page = await look(address)
        banner = page.texts("//section[contains(@class, 'banner-withdrawn')]")[0]
        assert banner.startswith("Withdrawn Duplicate. Filed twice <b> Read instead: Lesson The one to read")
        assert page.one("//meta[@name='robots']").get("content") == "noindex"
    assert "withdrawn" in (await look(f"/records/{document['id']}")).texts("//p[@class='citation']")[0]
    for address in ("/", "/records", "/records?kind=lesson", "/providers/example-lab"):
        assert "The one withdrawn" not in (await look(address)).words, address


async def test_an_id_is_read_however_it_is_typed(
    client: httpx.AsyncClient, member: Member, publish: Publish
) -> None:
    document = await publish(member)
    answer = await client.get(f"/records/{document['id'].lower()}")
    assert answer.status_code == 301
    assert answer.headers["location"] == f"/records/{document['id']}"
    answer = await client.get(f"/records/{document['id'].lower()}/v/1")
    assert answer.headers["location"] == f"/records/{document['id']}/v/1"


@pytest.mark.parametrize(
    ("path", "status", "help"),
    [
        ("/records/CIR-000000000H", 404, "There is no record CIR-000000000H here."),
        ("/records/CIR-000000000X", 400, "its last character does not fit"),
        ("/records/what", 400, "is not a record id"),
        ("/records/%3Cscript%3Ealert(1)%3C%2Fscript%3E", 404, "There is nothing at this address."),
    ],
)
async def test_an_unknown_id_gets_help(look: Look, path: str, status: int, help: str) -> None:
    page = await look(path)
    assert page.status == status
    assert help in page.main
    assert page.all("//form[@role='search']")
    assert page.all("//script") == []


async def test_an_unknown_version_is_not_found(member: Member, publish: Publish, look: Look) -> None:
    document = await publish(member)
    for label in ("2", "p1", "x", "0"):
        assert (await look(f"/records/{document['id']}/v/{label}")).status == 404


def hostile(value: Any, name: str = "") -> Any:
    """The same record with markup in every text that takes any text."""
    if isinstance(value, dict):
        return {key: hostile(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [hostile(item, name) for item in value]
    fixed = {
        "kind",
        "id",
        "language",
        "license",
        "scheme",
        "vector",
        "attribution",
        "basis",
        "completeness",
        "part",
    }
    if isinstance(value, str) and " " in value and name not in fixed:
        return f'"><script>alert(1)</script><img src=x onerror=alert(1)> {RTL} {value}'
    return value


@pytest.mark.parametrize("kind", EXAMPLES)
async def test_hostile_text_in_every_field_stays_text(
    kind: str, member: Member, publish: Publish, look: Look
) -> None:
    document = await publish(member, **hostile(example(kind)))
    for address in (f"/records/{document['id']}", "/", "/records", "/providers/example-lab"):
        page = await look(address)
        assert page.all("//body//script|//img|//main//style") == [], address
        assert not any(name.attrname.startswith("on") for name in page.all("//@*")), address
        assert "<script>alert(1)</script>" in page.words, address


async def test_hostile_markdown_and_addresses_are_harmless(
    member: Member, publish: Publish, look: Look
) -> None:
    narrative = (
        "# A\n\n<script>alert(1)</script> [a](javascript:alert(1)) [b](data:text/html,x) "
        "![tracker](https://tracker.example/pixel.png) <a href='javascript:x'>c</a>\n\n<style>*{}</style>"
    )
    document = await publish(member, narrative=narrative)
    page = await look(f"/records/{document['id']}")
    assert page.all("//main//script|//main//style|//main//img") == []
    assert [href for href in page.all("//main//@href") if href.startswith(("javascript", "data"))] == []
    assert (
        page.one("//div[@class='narrative']//a[@href='https://tracker.example/pixel.png']").text == "tracker"
    )


async def test_long_words_and_other_directions_are_set_rightly(
    member: Member, publish: Publish, look: Look
) -> None:
    document = await publish(
        member,
        title="W" * 390,
        summary=RTL,
        language="ar",
        content={"what_happened": RTL},
        stated_by=[{"name": RTL}],
    )
    page = await look(f"/records/{document['id']}")
    assert page.one("//h1").get("dir") == "auto"
    assert page.one("//h1").get("lang") == "ar"
    assert page.one("//p[contains(@class, 'lead')]").get("dir") == "auto"
    assert page.one("//section[@aria-labelledby='what-happened']/p").get("lang") == "ar"
    assert page.texts("//figure[@class='said']//bdi") == [RTL]
    assert len(page.one("//title").text) < 160
    assert "Arabic" in page.texts("//dl[@class='facts-list']//dd")


async def test_who_publishes_stays_unnamed_when_asked(member: Member, publish: Publish, look: Look) -> None:
    document = await publish(member, attribution="anonymous")
    page = await look(f"/records/{document['id']}")
    assert "Published anonymously" in page.main
    assert "Example Lab" not in page.words
    assert page.texts("//p[@class='citation']")[0].startswith("Anonymous (")


async def test_an_import_is_never_told_as_the_organisation_s_own_words(
    member: Member, publish: Publish, look: Look
) -> None:
    fields = copy.deepcopy(example("weakness")) | {"basis": "third-party"}
    fields["stated_by"] = [{"name": "A newspaper", "statement": "So they wrote."}]
    document = await publish(member, **fields)
    page = await look(f"/records/{document['id']}")
    assert "Third-party account: Not a statement of the organisations it speaks of." in page.main
    assert "A newspaper So they wrote." in page.main
