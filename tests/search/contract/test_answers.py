"""Filters, counts, order and pages, as the engine gives them."""

from typing import Any

import msgspec

from search.alike.likeness import likeness
from search.results import encode
from tests.search.contract.conftest import EngineOf
from tests.search.documents import asked, counted, document, ids, named, numbers, project, update


def systems(*developers: str) -> list[dict[str, Any]]:
    return [
        {"id": str(number), "name": "Model", "developer": name} for number, name in enumerate(developers, 1)
    ]


async def test_a_facet_is_counted_as_if_its_own_filter_were_not_set(engine_of: EngineOf) -> None:
    engine = await engine_of(
        document("CIR-0000000001", kind="incident", content={"countries": ["DE"]}),
        document("CIR-0000000002", kind="incident", content={"countries": ["FR"]}),
        document("CIR-0000000003", kind="lesson", content={"countries": ["DE"]}),
    )
    answer = await engine.search(asked(kind="incident", country="DE", facets="kind,country"))
    assert ids(answer) == ["CIR-0000000001"]
    assert counted(answer, "kind") == {"incident": 1, "lesson": 1}
    assert counted(answer, "country") == {"DE": 1, "FR": 1}


async def test_a_parent_matches_its_children_and_is_counted_with_them(engine_of: EngineOf) -> None:
    engine = await engine_of(
        document("CIR-0000000001", tags=["misuse:fraud/voice-clone", "misuse:fraud"]),
        document("CIR-0000000002", tags=["misuse:fraud/phishing"]),
    )
    answer = await engine.search(asked(tag="misuse:fraud", facets="tag"))
    assert answer.total == 2
    assert counted(answer, "tag")["misuse:fraud"] == 2
    labels = {value.value: value.label for value in answer.facets["tag"]}
    assert labels["misuse:fraud"]


async def test_spellings_of_a_name_are_one_value(engine_of: EngineOf) -> None:
    engine = await engine_of(
        document("CIR-0000000001", systems=systems("Example Lab", "EXAMPLE LAB")),
        document("CIR-0000000002", systems=systems("Example Lab")),
        document("CIR-0000000003", systems=systems("example  lab")),
    )
    answer = await engine.search(asked(developer="éxample lab", facets="developer"))
    assert answer.total == 3
    assert counted(answer, "developer") == {"Example Lab": 3}


async def test_a_chosen_value_is_shown_when_nothing_has_it(engine_of: EngineOf) -> None:
    engine = await engine_of(document("CIR-0000000001"))
    answer = await engine.search(asked(country="DE", facets="country"))
    assert (answer.total, counted(answer, "country")) == (0, {"DE": 0})


async def test_counts_are_exact_over_many_segments_and_values(engine_of: EngineOf) -> None:
    engine = await engine_of()
    for batch in range(6):
        numbers_ = range(batch * 40, batch * 40 + 40)
        await update(
            engine,
            [
                document(f"CIR-{number:010}", tags=[f"peer:t{number % 230}"], origin="registry.example/log")
                for number in numbers_
            ],
            position=batch + 1,
        )
    answer = await engine.search(asked(facets="tag"))
    counts = counted(answer, "tag")
    assert answer.total == 240
    assert len(counts) == 200
    assert [counts[f"peer:t{number}"] for number in range(10)] == [2] * 10


async def test_sorting(engine_of: EngineOf) -> None:
    def made(number: int, severity: str, published: int, updated: int) -> dict[str, Any]:
        return document(
            f"CIR-{number:010}",
            content={"severity": severity},
            published=f"2024-01-0{published}T00:00:00Z",
            updated=f"2024-02-0{updated}T00:00:00Z",
        )

    engine = await engine_of(
        made(1, "severity:low", 2, 2), made(2, "severity:critical", 1, 3), made(3, "severity:high", 3, 1)
    )
    for sort, order in (
        ("newest", [3, 1, 2]),
        ("oldest", [2, 1, 3]),
        ("updated", [2, 1, 3]),
        ("severity", [2, 3, 1]),
        ("relevance", [3, 1, 2]),
    ):
        assert numbers(await engine.search(asked(sort=sort))) == order, sort
        assert sorted(numbers(await engine.search(asked("record", sort=sort)))) == [1, 2, 3]


async def test_pages_neither_skip_nor_repeat(engine_of: EngineOf) -> None:
    engine = await engine_of(*[document(f"CIR-{number:010}", title="Same") for number in range(25)])
    for q in ("", "same"):
        for sort in ("relevance", "newest", "severity"):
            pages = [
                await engine.search(asked(q, sort=sort, limit=10, offset=offset))
                for offset in (0, 10, 20, 30)
            ]
            assert [len(page.hits) for page in pages] == [10, 10, 5, 0]
            assert {page.total for page in pages} == {25}
            assert len({id for page in pages for id in ids(page)}) == 25


async def test_no_hits_may_be_asked_for(engine_of: EngineOf) -> None:
    answer = await (await engine_of(document())).search(asked(limit=0, facets="kind"))
    assert (answer.total, list(answer.hits), counted(answer, "kind")) == (1, [], {"incident": 1})


async def test_dates_known_roughly(engine_of: EngineOf) -> None:
    engine = await engine_of(
        document("CIR-0000000001", content={"times": {"started": "2023"}}),
        document("CIR-0000000002", content={"times": {"started": "2022-12-30", "ended": "2023-01-02"}}),
        document("CIR-0000000003"),
    )
    assert sorted(ids(await engine.search(asked(occurred_from="2023-01-02", occurred_to="2023-01-02")))) == [
        "CIR-0000000001",
        "CIR-0000000002",
    ]
    assert ids(await engine.search(asked(occurred_from="2023-05"))) == ["CIR-0000000001"]
    assert ids(await engine.search(asked(published_to="2023"))) == []
    assert (await engine.search(asked(published_from="2024-01-01"))).total == 3


async def test_the_timeline_counts_by_month(engine_of: EngineOf) -> None:
    engine = await engine_of(
        document("CIR-0000000001", content={"times": {"started": "2019-03"}}),
        document("CIR-0000000002", content={"times": {"started": "2019-03-31"}}),
        document("CIR-0000000003"),
    )
    assert (await engine.search(asked())).timeline == [("2019-03", 2), ("2024-01", 1)]
    assert (await engine.search(asked(occurred_to="2020"))).timeline == [("2019-03", 2)]


async def test_hidden_records_are_neither_hits_nor_counts_nor_suggestions(engine_of: EngineOf) -> None:
    engine = await engine_of(*named("Seen fish", "Hidden fish"))
    hidden = frozenset({("registry.example/log", "CIR-0000000002")})
    answer = await engine.search(asked("fish", facets="kind"), hidden=hidden)
    assert (answer.total, numbers(answer), counted(answer, "kind")) == (1, [1], {"incident": 1})
    assert (await engine.keys(asked(), hidden=hidden)).total == 1
    assert [item.label for item in (await engine.suggest("fis", limit=5, hidden=hidden)).items] == [
        "Seen fish"
    ]
    like = likeness(document(title="Seen fish"))
    assert (await engine.similar(like, limit=5, hidden=hidden)).keys == []


async def test_the_json_holds_the_stored_documents(engine_of: EngineOf) -> None:
    fields = document(title="A <b>fish</b>", summary="Ein Fisch — größer")
    engine = await engine_of(fields)
    answer = msgspec.json.decode(encode(await engine.search(asked("fish", facets="kind", kind="incident"))))
    assert answer["hits"][0]["record"] == fields
    assert answer["hits"][0]["highlights"]["title"][1] == {"text": "fish", "mark": True}
    assert answer["facets"] == {"kind": [{"value": "incident", "label": "Incident", "count": 1}]}
    assert answer["timeline"] == [{"month": "2024-01", "count": 1}]
    assert (answer["total"], answer["total_is_exact"], answer["engine"], answer["position"]) == (
        1,
        True,
        engine.name,
        1,
    )
    assert answer["query"]["canonical"] == "q=fish&kind=incident"


async def test_similar_records_share_words_tags_or_aliases(engine_of: EngineOf) -> None:
    held = [
        document(
            "CIR-0000000001",
            title="Voice clone of a director asks for a transfer",
            tags=["misuse:fraud/voice-clone"],
        ),
        document(
            "CIR-0000000002",
            title="Cloned voice of a director orders a transfer",
            tags=["misuse:fraud/voice-clone"],
        ),
        document(
            "CIR-0000000003",
            title="Weather model fails in the mountains",
            aliases=[{"scheme": "aiid", "id": "9"}],
        ),
        document("CIR-0000000004", title="Unrelated words entirely", aliases=[{"scheme": "aiid", "id": "9"}]),
        document("CIR-0000000005", title="Weather model fails in the hills and in the mountains"),
    ]
    engine = await engine_of(*held)
    found = await engine.similar(likeness(held[0]), limit=5)
    assert found.keys[0] == ("registry.example/log", "CIR-0000000002")
    assert ("registry.example/log", "CIR-0000000001") not in found.keys
    # What shares an alias comes before what shares words, and neither need be held.
    shared = await engine.similar(likeness(held[2]), limit=2)
    assert [id for _, id in shared.keys] == ["CIR-0000000004", "CIR-0000000005"]
    unknown = {**held[2], "id": "CIR-9999999999"}
    found = await engine.similar(likeness(unknown), limit=2)
    assert {id for _, id in found.keys} == {"CIR-0000000003", "CIR-0000000004"}
    nothing = document("CIR-9999999999", title="Nothing alike", origin="peer.example/log")
    assert (await engine.similar(likeness(nothing), limit=5)).keys == []


async def test_suggestions_are_titles_and_names(engine_of: EngineOf) -> None:
    engine = await engine_of(
        document("CIR-7GQ2M4KX9X", title="Voice clone fraud", tags=["misuse:fraud/voice-clone"]),
        document(
            "CIR-0000000002", title="Other", systems=[{"id": "1", "name": "Voicer", "developer": "Lab"}]
        ),
        document("CIR-0000000003", title="More", provider={"slug": "voices", "name": "Voices of Example"}),
    )
    items = (await engine.suggest("voi", limit=10)).items
    shown = {(item.type, item.value) for item in items}
    assert {("record", "CIR-7GQ2M4KX9X"), ("system", "Voicer"), ("provider", "voices")} <= shown
    assert ("tag", "misuse:fraud/voice-clone") in shown
    assert [
        item.value for item in (await engine.suggest("fraud voi", limit=10)).items if item.type == "record"
    ] == ["CIR-7GQ2M4KX9X"]
    assert [item.value for item in (await engine.suggest("cir-7gq2m4kx9x", limit=3)).items] == [
        "CIR-7GQ2M4KX9X"
    ]
    assert len((await engine.suggest("voi", limit=2)).items) == 2
    for nothing in ("", "  ", "!!", "zzzz"):
        assert (await engine.suggest(nothing, limit=5)).items == []


async def test_projections_survive_the_index(engine_of: EngineOf) -> None:
    fields = document(title="Kept")
    engine = await engine_of(fields)
    assert (await engine.search(asked())).hits[0].document == project(fields).document


async def test_a_walk_goes_through_everything_in_order(engine_of: EngineOf) -> None:
    engine = await engine_of(*[document(f"CIR-{number:010}", title="Same") for number in range(30)])
    hidden = frozenset({("registry.example/log", "CIR-0000000007")})
    walk = await engine.walk(asked("same", sort="oldest", limit=3, offset=5), hidden=hidden)
    keys = [key for batch in [batch async for batch in walk.batches] for key in batch.keys]
    assert (walk.total, walk.position, len(keys), len(set(keys))) == (29, 1, 29, 29)
    first = await engine.keys(asked("same", sort="oldest", limit=3), hidden=hidden)
    assert keys[:3] == list(first.keys)
