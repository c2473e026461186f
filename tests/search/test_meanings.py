"""Terms of other taxonomies that stand for those asked for: which, how far, and everywhere alike."""

from pathlib import Path

import httpx
import pytest

import search
from registry.app import Application
from registry.extensions import Extension, Node
from registry.taxonomies import service
from registry.taxonomies.own import load_own
from registry.taxonomies.sources import FORMATS, Options
from registry.taxonomies.vocabulary import Crosswalk, Taxonomy, Term, Vocabulary
from search.match import matches
from search.meanings import Meanings
from search.request import parse
from tests.conftest import Join, Publish
from tests.leaks.world import index
from tests.search.documents import document, project

OWASP, ATLAS = "owasp-llm:LLM01", "atlas:AML.T0051"


def _taxonomy(namespace: str, *terms: str, **crosswalks: str) -> Taxonomy:
    return Taxonomy(
        namespace,
        "1",
        namespace.upper(),
        "",
        "",
        terms=tuple(Term(term, f"The {term}") for term in terms),
        crosswalks=tuple(
            Crosswalk(f"{namespace}:{term}", target, match)  # type: ignore[arg-type]
            for term, said in crosswalks.items()
            for match, target in [said.split(" ")]
        ),
    )


MEANINGS = Meanings(
    Vocabulary(
        [
            _taxonomy("a", "top", "top/part", "other", top="close b:near", other="related b:far"),
            _taxonomy("b", "near", "near/below", "same", "far", same="exact a:top/part"),
            _taxonomy("c", "twin", twin="exact a:top"),
        ]
    )
)


def _found(tag: str, crosswalks: str = "close") -> list[tuple[str, str, str | None]]:
    return [(one.tag, one.match, one.through) for one in MEANINGS.equivalents(tag, crosswalks)]


def test_what_stands_for_a_term() -> None:
    assert _found("a:top") == [
        ("c:twin", "exact", None),
        ("b:near", "close", None),
        ("b:same", "exact", "a:top/part"),
    ]
    assert _found("A:TOP", "exact") == [("c:twin", "exact", None), ("b:same", "exact", "a:top/part")]
    assert _found("a:top", "off") == []
    assert _found("b:near") == [("a:top", "close", None)]
    assert _found("a:other") == _found("nowhere:near") == _found("no tag") == []


def test_it_is_looked_for_by_match_and_told() -> None:
    asked = parse({"tag": ["a:top", "x:y"]}).with_meanings(MEANINGS)
    assert asked.as_json()["equivalents"]["a:top"][0] == {
        "tag": "c:twin",
        "label": "The twin",
        "match": "exact",
    }
    assert asked.keys["tag"] == {"a:top", "x:y", "c:twin", "b:near", "b:same"}
    held = project(document(tags=["b:near/below"]))
    assert matches(asked, held)
    assert not matches(parse({"tag": ["a:top"], "crosswalks": ["off"]}).with_meanings(MEANINGS), held)


def test_one_question_has_one_address() -> None:
    assert parse({"tag": ["a:b"], "crosswalks": ["close"]}).canonical == "tag=a%3Ab"
    assert parse({"tag": ["a:b"], "crosswalks": ["OFF"]}).canonical == "tag=a%3Ab&crosswalks=off"
    assert parse({"q": ["x"], "crosswalks": ["off"]}).canonical == "q=x"


@pytest.fixture(scope="module")
def published(corpora: Path) -> list[Taxonomy]:
    """What OWASP and MITRE publish, with the crosswalks of Candor's own vocabularies."""
    nexus, atlas = corpora / "ibm-ai-atlas-nexus", corpora / "mitre-atlas"
    read = (("nexus", nexus / "owasp_llm_2.0_data.yaml"), ("atlas", atlas / "ATLAS.yaml"))
    loaded = [FORMATS[format](file.read_bytes(), Options(stem=file.stem)) for format, file in read]
    return [taxonomy for one in loaded for taxonomy in one.taxonomies]


def test_real_crosswalks_are_followed_in_both_directions(published: list[Taxonomy]) -> None:
    meanings = Meanings(Vocabulary([*load_own(), *published]))
    there = {one.tag: one.match for one in meanings.equivalents(OWASP)}
    back = {one.tag: one.match for one in meanings.equivalents(ATLAS)}
    assert (there[ATLAS], there["weakness:prompt-injection"]) == ("close", "exact")
    assert (back[OWASP], back["misuse:prompt-injection"]) == ("close", "exact")
    assert ATLAS not in {one.tag for one in meanings.equivalents(OWASP, "exact")}


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (search.extension,)


@pytest.mark.one_database
async def test_a_term_finds_what_others_call_otherwise_everywhere(
    client: httpx.AsyncClient,
    node: Node,
    app: Application,
    join: Join,
    publish: Publish,
    published: list[Taxonomy],
) -> None:
    async with node.database.write() as session:
        for taxonomy in published:
            await service.store(session, taxonomy, actor=service.INSTALLER)
    member = await join()
    by_owasp = await publish(member, title="By one", tags=[OWASP])
    # Below the equivalent: an indirect injection is an injection.
    by_atlas = await publish(member, title="By the other", tags=[f"{ATLAS}.001"])
    await publish(member, title="Of something else", tags=["misuse:spam"])
    await index(app)
    both = {by_owasp["id"], by_atlas["id"]}

    async def asked(tag: str, **query: str) -> tuple[set[str], dict[str, list[dict[str, str]]]]:
        answer = (await client.get("/api/v1/search", params={"tag": tag, **query})).json()
        assert answer["total"] == len(answer["hits"])
        return {hit["record"]["id"] for hit in answer["hits"]}, answer["query"].get("equivalents", {})

    found, told = await asked(OWASP)
    assert found == both
    assert {"tag": ATLAS, "label": "LLM Prompt Injection", "match": "close"} in told[OWASP]
    assert (await asked(ATLAS))[0] == (await asked(ATLAS.lower()))[0] == both
    assert await asked(OWASP, crosswalks="off") == ({by_owasp["id"]}, {})
    assert (await asked(OWASP, crosswalks="exact"))[0] == {by_owasp["id"]}
    wrong = await client.get("/api/v1/search", params={"crosswalks": "clse"})
    assert (wrong.status_code, wrong.json()["findings"][0]["suggestion"]) == (400, "Write close.")

    async def fed(**query: str) -> set[str]:
        feed = (await client.get("/feeds/search.json", params=query)).json()
        return {one["_candor"]["record"] for one in feed["items"]}

    assert await fed(tag=OWASP) == both
    assert await fed(tag=OWASP, crosswalks="off") == {by_owasp["id"]}
    counted = (await client.get("/api/v1/search?facets=tag,kind")).json()
    assert counted["taxonomies"]["atlas"] == "Adversarial Threat Landscape for AI Systems"
    assert {"value": ATLAS, "label": "LLM Prompt Injection", "count": 1, "taxonomy": "atlas"} in counted[
        "facets"
    ]["tag"]
    assert counted["facets"]["kind"] == [{"value": "lesson", "label": "Lesson", "count": 3}]
