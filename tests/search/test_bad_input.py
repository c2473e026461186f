"""Whatever stands in an address gets a clear refusal or a bounded answer: never a 500, and never a record
that the reader may not see.
"""

import asyncio
import json
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.app import Application
from registry.extensions import Extension, Node, load_extensions
from search.highlight import Marker
from search.indexer import IndexReader
from search.open import open_engine
from search.question import MAX_WORDS, understand
from search.request import PARAMETERS
from tests.conftest import Join, Publish
from tests.registry.records.acting import bring_out, lesson
from tests.registry.sharing.circles import EVERYTHING, gather
from tests.search.test_indexer import catch_up

pytestmark = pytest.mark.one_database

SEARCH, SUGGEST, RESTRICTED = "/api/v1/search", "/api/v1/suggest", "/api/v1/restricted/search"
EXPORT, EVIDENCE, MATRIX = "/api/v1/search/export", "/api/v1/evidence", "/api/v1/matrix"
LISTS, FEED = "/records", "/feeds/search.json"
ASKED = "Unheard of"
SECRET = f"{ASKED} voice clone"
MOST_BYTES = 1_000_000
BOMBS = ("(a+)+$", "(?:a|a)*b", "((a{1,100}){1,100}){1,100}", "[a-z]*[a-z]*[a-z]*$", "(.*.*)*x", "\\", "(?P<")


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return load_extensions(["frontend", "search"])


@pytest.fixture
async def reader(
    node: Node, app: Application, client: httpx.AsyncClient, join: Join, publish: Publish
) -> httpx.AsyncClient:
    """A reader with a token, of a registry that holds what others share without them."""
    lab, stranger = await join(scopes=EVERYTHING), await join("stranger", scopes=EVERYTHING)
    member = await join("member", scopes=EVERYTHING)
    await gather(client, "labs", lab, member)
    await publish(lab, title="Voice clone", narrative="a" * 3000 + "! ok", tags=["misuse:fraud"])
    shared = {"tlp": "AMBER", "groups": ["labs"]}
    await bring_out(client, lab, lesson(title=SECRET, handling=shared))
    await catch_up(node, IndexReader(node, open_engine(node.settings)))
    for tail in app.tails:
        if tail.reader.name.startswith("search"):
            await tail.catch_up()
    assert SECRET in (await client.get(RESTRICTED, headers=member.headers)).text
    client.headers.update(stranger.headers)
    return client


async def ask(client: httpx.AsyncClient, path: str, query: str) -> httpx.Response:
    """What is answered, of which everything holds that holds of every answer."""
    answer = await client.get(f"{path}?{query}")
    told = f"{path}?{query[:300]}: {answer.status_code} {answer.text[:500]}"
    assert answer.status_code in (200, 400, 404, 414), told
    assert len(answer.content) < MOST_BYTES, told
    assert SECRET not in answer.text, told
    if answer.status_code == 400 and path.startswith("/api/"):
        problem = answer.json()
        assert problem["detail"], told
    return answer


WRONG: dict[str, tuple[str, tuple[str, ...]]] = {
    "limit above": ("limit=101", (SEARCH, SUGGEST, RESTRICTED)),
    "limit below": ("limit=-1", (SEARCH, SUGGEST, RESTRICTED, EVIDENCE, MATRIX)),
    "limit too long": ("limit=" + "9" * 400, (SEARCH, SUGGEST, RESTRICTED, EVIDENCE, MATRIX)),
    "limit in other digits": ("limit=%D9%A1%D9%A2", (SEARCH, SUGGEST, RESTRICTED)),
    "limit not a number": ("limit=1e1", (SEARCH, SUGGEST, RESTRICTED, EVIDENCE, MATRIX)),
    "offset above": ("offset=10001", (SEARCH, RESTRICTED)),
    "unknown facet": ("facets=kind,nonsense", (SEARCH,)),
    "facet of another's field": ("facets=document", (SEARCH,)),
    "unknown parameter": ("filter=kind%3Dincident", (SEARCH, SUGGEST, RESTRICTED, EXPORT)),
    "unknown sort": ("sort=title:asc", (SEARCH,)),
    "unknown kind": ("kind=incident%27%20OR%201%3D1", (SEARCH, RESTRICTED, EXPORT)),
    "no such day": ("occurred_from=2023-02-30", (SEARCH, RESTRICTED, EXPORT)),
    "no such month": ("published_to=2023-13", (SEARCH, RESTRICTED, EXPORT)),
    "year 0": ("published_to=0000", (SEARCH, RESTRICTED, EXPORT)),
    "not a date": ("occurred_to=soon", (SEARCH, RESTRICTED, EXPORT)),
    "range that is empty": ("occurred_from=2024&occurred_to=2023", (SEARCH, RESTRICTED, EXPORT)),
    "as of never": ("as_of=never", (SEARCH,)),
    "as of the far end": ("as_of=" + "9" * 30, (SEARCH,)),
    "given twice": ("q=a&q=b", (SEARCH, SUGGEST, RESTRICTED, EXPORT)),
    "too many values": (urlencode([("tag", f"misuse:{n}") for n in range(60)]), (SEARCH, RESTRICTED, EXPORT)),
    "too long a value": ("tag=" + "x" * 301, (SEARCH, RESTRICTED, EXPORT)),
    "too long a question": ("q=" + "x" * 10_001, (SEARCH, SUGGEST, RESTRICTED, EXPORT)),
    "too many parameters": ("&".join(["a=1"] * 501), (SEARCH, SUGGEST, RESTRICTED, EXPORT, EVIDENCE, MATRIX)),
    "NUL": ("q=a%00b", (SEARCH, SUGGEST, RESTRICTED, EXPORT, EVIDENCE, MATRIX, LISTS)),
    "no format": ("q=a&format=exe", (EXPORT,)),
}
BOUNDED: dict[str, str] = {
    "nothing": "",
    "only separators": "&&&=&=",
    "not UTF-8": "q=%ff%fe%c0%af",
    "half a pair": "q=%ed%a0%80",
    "turned around": "q=%E2%80%AE%E2%80%8F%E2%81%A6clone",
    "joined": "q=" + quote("👩‍👩‍👧‍👦" * 50),
    "combining": "q=" + quote("a" + "\u0301" * 2000),
    "ideographs": "q=" + quote("深度伪造" * 500),
    "a thousand words": "q=" + "+".join(f"word{n}" for n in range(1000)),
    "a thousand exclusions": "q=clone+" + "+".join(f"-word{n}" for n in range(1000)),
    "ten thousand characters": "q=" + "ab+" * 3333,
    "one word of ten thousand": "q=" + "a" * 10_000,
    "quotes": "q=" + "%22" * 9999,
    "minuses": "q=" + "-" * 9999,
    "operators": "q=" + quote("a AND (b OR c) NOT d:* [1 TO 2] ^3 ~2 title:x {} \\ / ? + - && ||"),
    "a filter in the words": "q=" + quote('" OR live = 0 OR key EXISTS'),
    "a filter in a value": "tag=" + quote("misuse:fraud' OR live = 0 --"),
    "brackets in a value": "system=" + quote('"] OR ["a" = "a'),
    "a value of a control character": "tag=%1f",
    "what nobody has": "provider=nobody&origin=nowhere.example",
    "past the end": "offset=10000&limit=100",
    "every facet of nothing": "limit=0&facets=*",
    "the first day and the last": "occurred_from=0001-01-01&occurred_to=9999-12-31",
    **{f"bomb {bomb}": "q=" + quote(f"{bomb} {'a' * 40}") for bomb in BOMBS},
}


async def test_what_is_wrong_is_refused_with_what_is_wrong(reader: httpx.AsyncClient) -> None:
    for name, (query, paths) in WRONG.items():
        for path in paths:
            answer = await ask(reader, path, query)
            assert answer.status_code == 400, f"{name}: {path} {answer.status_code} {answer.text[:300]}"


async def test_what_is_odd_gets_a_bounded_answer(reader: httpx.AsyncClient) -> None:
    for query in BOUNDED.values():
        for path in (SEARCH, SUGGEST, RESTRICTED, EXPORT, LISTS, FEED):
            await ask(reader, path, query + ("&format=ndjson" if path == EXPORT else ""))


async def test_nothing_that_is_made_up_breaks_a_search(reader: httpx.AsyncClient) -> None:
    loop = asyncio.get_running_loop()
    names = (*PARAMETERS, "format", "against", "rows", "columns", "depth", "since", "nonsense")
    values = st.one_of(
        st.text(max_size=60),
        st.sampled_from(
            [ASKED, "voice clone", "*", "incident", "2023", "-1", "10000", "misuse:fraud", *BOMBS]
        ),
    )
    pairs = st.lists(st.tuples(st.sampled_from(names), values), max_size=6)
    paths = st.sampled_from((SEARCH, SUGGEST, RESTRICTED, EXPORT, EVIDENCE, MATRIX, LISTS, FEED))

    @settings(max_examples=120, deadline=None, database=None)
    @given(paths, pairs)
    def check(path: str, asked: list[tuple[str, str]]) -> None:
        query = urlencode([(name, value.encode("utf-8", "surrogatepass")) for name, value in asked])
        asyncio.run_coroutine_threadsafe(ask(reader, path, query), loop).result(60)

    await asyncio.to_thread(check)


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_character_of_a_question_means_anything_where_it_is_highlighted(bomb: str) -> None:
    question = understand(f"{bomb} " * 500)
    words = [word for part in (*question.wanted, *question.unwanted) for word in part.words]
    assert len(words) <= MAX_WORDS
    assert all(word.isalnum() for word in words)
    long = json.dumps({"title": "a" * 400, "narrative": "a" * 100_000 + "!", "content": {}})
    found = Marker(question).highlights(long.encode())
    assert sum(len(segment.text) for segments in found.values() for segment in segments) < 2000
