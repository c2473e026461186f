"""Feeds over HTTP, on both databases: what is in them, and what clients and caches are told."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import feedparser
import httpx
import jsonschema
import pytest

from registry.extensions import Extension, Node
from registry.feeds import queries
from registry.finder import Found, Parameters
from registry.records import queries as records
from tests.conftest import BASE_URL, Join, Member, Publish
from tests.registry.feeds.rules import ATOM, JSON_FEED, atom_violations, is_absolute, rss_violations, strict

TYPES = {"rss": "application/rss+xml", "atom": "application/atom+xml", "json": "application/feed+json"}


async def read(client: httpx.AsyncClient, address: str, **parameters: Any) -> list[dict[str, Any]]:
    """The items of a JSON Feed."""
    answer = await client.get(f"/feeds/{address}.json", params=parameters)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def titles(items: Sequence[Mapping[str, Any]]) -> list[str]:
    return [item["title"] for item in items]


async def act(client: httpx.AsyncClient, member: Member, id: str, action: str, body: dict[str, Any]) -> None:
    newest = await client.get(f"/api/v1/records/{id}")
    headers = {**member.headers, "If-Match": newest.headers["etag"]}
    done = await client.post(f"/api/v1/records/{id}/actions/{action}", json=body, headers=headers)
    assert done.status_code == 200, done.text


async def withdraw(client: httpx.AsyncClient, member: Member, id: str) -> None:
    await act(client, member, id, "withdraw", {"code": "error", "text": "It was wrong."})


async def revise(client: httpx.AsyncClient, member: Member, id: str, **changes: Any) -> None:
    newest = await client.get(f"/api/v1/records/{id}/draft", headers=member.headers)
    stamped = ("schema", "id", "origin", "provider", "prev")
    submission = {key: value for key, value in newest.json().items() if key not in stamped} | changes
    submission.setdefault("revision", {"type": "correction", "note": "A number was wrong."})
    headers = {**member.headers, "If-Match": newest.headers["etag"]}
    put = await client.put(f"/api/v1/records/{id}/draft", json=submission, headers=headers)
    assert put.status_code == 200, put.text
    headers["If-Match"] = put.headers["etag"]
    done = await client.post(f"/api/v1/records/{id}/actions/publish", headers=headers)
    assert done.status_code == 200, done.text


# --- every feed, every format ---


async def test_every_feed_in_every_format_keeps_the_rules(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    lab = await join()
    first = await publish(lab, title="Voices & <clones>", tags=["misuse:fraud"], narrative="*a* [b](/about)")
    await publish(
        lab, kind="response", title="Seen too", content={"about": {"id": first["id"]}, "stance": "confirms"}
    )
    await revise(client, lab, first["id"], title="Voices & <clones>, counted")
    for name in (
        "all",
        "lesson",
        "provider/example-lab",
        "tag/misuse:fraud",
        f"record/{first['id']}",
        "evaluation",
    ):
        for suffix, media_type in TYPES.items():
            for query in ("", "?limit=1", "?content=summary", "?content=summary&limit=7"):
                address = f"/feeds/{name}.{suffix}{query}"
                answer = await client.get(address)
                assert answer.status_code == 200, answer.text
                assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
                check(answer, suffix, BASE_URL + address)


def check(answer: httpx.Response, suffix: str, fetched: str) -> None:
    if suffix == "json":
        jsonschema.Draft202012Validator(JSON_FEED).validate(answer.json())
        assert answer.json()["feed_url"] == fetched
        return
    violations = rss_violations if suffix == "rss" else atom_violations
    assert violations(answer.content) == []
    seen = feedparser.parse(answer.content)
    assert not seen.bozo
    assert [link.href for link in seen.feed.links if link.rel == "self"] == [fetched]


async def test_self_is_the_canonical_address_whatever_was_asked(client: httpx.AsyncClient) -> None:
    for asked in ("?utm_source=mail&limit=50", "?imported=false", "?content=full", "?limit=999&limit=999"):
        feed = (await client.get(f"/feeds/all.json{asked}")).json()
        wanted = "?limit=200" if "999" in asked else ""
        assert feed["feed_url"] == f"{BASE_URL}/feeds/all.json{wanted}"
    for asked in ("limit=5&imported=true", "imported=1&limit=5"):
        feed = (await client.get(f"/feeds/all.json?{asked}")).json()
        assert feed["feed_url"] == f"{BASE_URL}/feeds/all.json?imported=true&limit=5"


async def test_an_empty_feed_is_whole_and_does_not_move(client: httpx.AsyncClient) -> None:
    for suffix in TYPES:
        once, twice = [await client.get(f"/feeds/incident.{suffix}") for _ in range(2)]
        check(once, suffix, f"{BASE_URL}/feeds/incident.{suffix}")
        assert once.content == twice.content
        assert "last-modified" not in once.headers


@pytest.mark.parametrize(
    ("address", "status", "told"),
    [
        ("/feeds/all", 404, "ends in .rss or .atom or .json"),
        ("/feeds/all.xml", 404, "ends in .rss or .atom or .json"),
        ("/feeds/incidents.rss", 404, "Did you mean incident?"),
        ("/feeds/tag/misuse:frod.rss", 404, "Did you mean misuse:fraud"),
        ("/feeds/tag/fraud.rss", 404, "namespace:term"),
        ("/feeds/provider/nobody.rss", 404, "There is no provider 'nobody'"),
        ("/feeds/record/CIR-ZZZZZZZZZG.rss", 404, "There is no record"),
        ("/feeds/record/CIR-ZZZZZZZZZZ.rss", 400, "mistyped"),
        ("/feeds/all.rss?limit=many", 400, "limit"),
        ("/feeds/search.rss?q=voice", 503, "without search"),
    ],
)
async def test_what_is_not_there_is_said_with_a_hint(
    client: httpx.AsyncClient, address: str, status: int, told: str
) -> None:
    answer = await client.get(address)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert told in answer.json()["detail"]


# --- what is in them ---


async def test_a_revision_updates_its_entry_and_comes_first(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    lab = await join()
    one = await publish(lab, title="One")
    await publish(lab, title="Two")
    before = await read(client, "all")
    assert titles(before) == ["Two", "One"]
    await revise(client, lab, one["id"], title="One, corrected")
    after = await read(client, "all")
    assert titles(after) == ["One, corrected", "Two"]
    assert {item["id"] for item in before} == {item["id"] for item in after}
    assert after[0]["_candor"]["event"] == "revised"
    assert after[0]["_candor"]["revision"] == {"type": "correction", "note": "A number was wrong."}
    assert after[0]["date_published"] == before[1]["date_published"] < after[0]["date_modified"]


async def test_a_withdrawal_shows_as_such_at_once_then_leaves_and_may_be_taken_back(
    client: httpx.AsyncClient, join: Join, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = await join()
    made = await publish(lab, title="Wrong", summary="Secret words.", tags=["misuse:fraud"])
    await publish(lab, title="Right", tags=["misuse:fraud"])
    feeds = ("all", "lesson", "provider/example-lab", "tag/misuse:fraud")
    for feed in feeds:  # so that the prepared answers have to be let go of
        assert titles(await read(client, feed)) == ["Right", "Wrong"]
    await withdraw(client, lab, made["id"])
    for feed in feeds:
        gone = (await read(client, feed))[0]
        assert gone["title"] == "Withdrawn: Wrong"
        assert gone["_candor"]["event"] == "withdrawn"
        assert "It was wrong." in gone["content_html"]
        assert "Secret" not in json.dumps(gone)

    monkeypatch.setattr(queries, "WITHDRAWN_SHOWN", timedelta(0))
    for feed in feeds:
        assert titles(await read(client, feed, limit=49)) == ["Right"]  # another address: prepared anew
    monkeypatch.undo()

    await act(client, lab, made["id"], "reinstate", {"note": "Right after all."})
    for feed in feeds:
        back = (await read(client, feed))[0]
        assert (back["title"], back["_candor"]["event"]) == ("Wrong", "reinstated")
        assert "Right after all." in back["content_html"]
        assert "Secret words." in back["content_html"]


async def test_many_withdrawals_do_not_push_out_what_is_there(
    client: httpx.AsyncClient, join: Join, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = await join()
    kept = [await publish(lab, title=f"Kept {number}") for number in range(2)]
    for number in range(3):
        await withdraw(client, lab, (await publish(lab, title=f"Wrong {number}"))["id"])
    monkeypatch.setattr(queries, "WITHDRAWN_SHOWN", timedelta(0))
    assert titles(await read(client, "all", limit=2)) == [document["title"] for document in reversed(kept)]


async def test_a_withdrawals_leaving_moves_last_modified(
    client: httpx.AsyncClient, join: Join, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = await join()
    made = await publish(lab, title="Wrong")
    await withdraw(client, lab, made["id"])
    shown = await client.get("/feeds/all.rss?limit=7")
    monkeypatch.setattr(
        queries, "WITHDRAWN_SHOWN", timedelta(seconds=-3600)
    )  # it left an hour before it came
    left = await client.get(
        "/feeds/all.rss?limit=8", headers={"If-Modified-Since": shown.headers["last-modified"]}
    )
    assert left.status_code == 304
    monkeypatch.undo()

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Later":
            return cls.fromtimestamp(datetime.now(UTC).timestamp() + 31 * 86400, tz)

    monkeypatch.setattr("registry.feeds.api.datetime", Later)
    left = await client.get(
        "/feeds/all.rss?limit=9", headers={"If-Modified-Since": shown.headers["last-modified"]}
    )
    assert left.status_code == 200
    assert b"<item>" not in left.content
    came, went = (parsedate_to_datetime(answer.headers["last-modified"]) for answer in (shown, left))
    assert went - came == queries.WITHDRAWN_SHOWN


async def test_imports_flood_nobody(client: httpx.AsyncClient, join: Join, publish: Publish) -> None:
    lab = await join()
    source = {"scheme": "aiid", "id": "23", "url": "https://incidents.example/cite/23"}
    document = await publish(lab, title="Imported", basis="imported", source=source, tags=["misuse:fraud"])
    await publish(lab, title="Our own")
    for feed in ("all", "lesson"):
        assert titles(await read(client, feed)) == ["Our own"]
        assert titles(await read(client, feed, imported="true")) == ["Our own", "Imported"]
    for feed in ("provider/example-lab", "tag/misuse:fraud", f"record/{document['id']}"):
        assert "Imported" in titles(await read(client, feed))


async def test_a_tag_finds_its_children_and_may_hold_dots(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    lab = await join()
    await publish(lab, title="Clone", tags=["misuse:fraud/voice-clone"])
    await publish(lab, title="Fraud", tags=["misuse:fraud"])
    assert titles(await read(client, "tag/misuse:fraud")) == ["Fraud", "Clone"]
    assert titles(await read(client, "tag/misuse:fraud/voice-clone")) == ["Clone"]
    assert titles(await read(client, "tag/misuse%3Afraud%2Fvoice-clone")) == ["Clone"]
    assert await read(client, "tag/misuse:spam") == []
    answer = await client.get("/feeds/tag/atlas:AML.T0051.rss")
    assert answer.status_code == 404
    assert "no record bears it" in answer.json()["detail"]


async def test_the_feed_of_a_tag_that_a_revision_takes_away_is_let_go_of(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    lab = await join()
    made = await publish(lab, title="Clone", tags=["misuse:fraud/voice-clone"])
    assert len(await read(client, "tag/misuse:fraud")) == 1
    await revise(client, lab, made["id"], tags=["misuse:spam"], classifications=[])
    assert await read(client, "tag/misuse:fraud") == []
    assert len(await read(client, "tag/misuse:spam")) == 1


async def test_the_feed_of_a_record_holds_its_versions_and_responses(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    lab, other = await join(), await join("other-lab")
    made = await publish(lab, title="First words")
    address = f"record/{made['id']}"
    assert titles(await read(client, address)) == ["First words"]
    await revise(client, lab, made["id"], title="Second words")
    answered = await publish(
        other, kind="response", title="We saw it", content={"about": {"id": made["id"]}, "stance": "confirms"}
    )
    items = await read(client, address.lower().replace("record/cir", "record/CIR"))
    assert titles(items) == ["We saw it", "Version 2: Second words", "First words"]
    assert len({item["id"] for item in items}) == 3
    assert items[1]["url"] == f"{BASE_URL}/records/{made['id']}/v/2"
    assert items[0]["authors"] == [{"name": "Other-Lab", "url": f"{BASE_URL}/providers/other-lab"}]

    await withdraw(client, other, answered["id"])
    assert titles(await read(client, address))[0] == "Withdrawn: We saw it"
    await withdraw(client, lab, made["id"])
    gone, _ = await read(client, address)
    assert gone["title"] == "Withdrawn: Version 3: Second words"
    assert all("First words" not in json.dumps(item) for item in await read(client, address))


async def test_unnamed_providers_stay_unnamed(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    lab = await join("secret-lab", name="Secret Lab", sector="sector:J")
    await publish(lab, title="By sector", attribution="sector")
    await publish(lab, title="By nobody", attribution="anonymous")
    for suffix in TYPES:
        answer = await client.get(f"/feeds/all.{suffix}")
        assert "secret" not in answer.text.lower()
    nobody, sector = await read(client, "all")
    assert "authors" not in nobody
    assert sector["authors"][0]["name"].startswith("An organisation in the sector: ")
    assert await read(client, "provider/secret-lab") == []


async def test_what_is_not_for_everybody_is_in_no_feed(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    lab = await join()
    shared = await publish(lab, title="For the group", handling={"tlp": "AMBER", "groups": ["group"]})
    for feed in ("all", "lesson", "provider/example-lab"):
        answer = await client.get(f"/feeds/{feed}.json", headers=lab.headers)
        assert answer.json()["items"] == []
    assert (await client.get(f"/feeds/record/{shared['id']}.json")).status_code == 404
    # A feed has no reader who may see more: the owner's token changes nothing.
    assert (await client.get(f"/feeds/record/{shared['id']}.json", headers=lab.headers)).status_code == 404


async def test_what_was_shared_before_it_was_public_stays_out(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    lab = await join()
    made = await publish(lab, title="Words for few", handling={"tlp": "GREEN"})
    draft = await client.get(f"/api/v1/records/{made['id']}/draft", headers=lab.headers)
    stamped = ("schema", "id", "origin", "provider", "prev", "revision")
    submission = {key: value for key, value in draft.json().items() if key not in stamped}
    submission |= {
        "title": "Words for all",
        "handling": {"tlp": "CLEAR"},
        "revision": {"type": "status", "note": "Public."},
    }
    headers = {**lab.headers, "If-Match": draft.headers["etag"]}
    put = await client.put(f"/api/v1/records/{made['id']}/draft", json=submission, headers=headers)
    headers["If-Match"] = put.headers["etag"]
    done = await client.post(f"/api/v1/records/{made['id']}/actions/publish", headers=headers)
    assert done.status_code == 200, done.text
    for feed in ("all", f"record/{made['id']}"):
        (item,) = await read(client, feed)
        assert (item["title"], item["_candor"]["event"]) == ("Words for all", "new")
        assert "Words for few" not in json.dumps(item)
        assert item["date_published"] == item["date_modified"]


async def test_an_applicant_has_no_feed_yet(client: httpx.AsyncClient, join: Join) -> None:
    await join("new-lab", approve=False)
    assert (await client.get("/feeds/provider/new-lab.rss")).status_code == 404


async def test_feeds_are_cut_and_shortened_on_demand(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    lab = await join()
    for number in range(3):
        await publish(lab, title=f"No {number}", narrative="Long words.")
    assert titles(await read(client, "all", limit=2)) == ["No 2", "No 1"]
    short = (await read(client, "all", content="summary"))[0]
    assert short["content_text"] == "What was learnt."
    assert "Long words." not in json.dumps(short)


# --- HTTP ---


@pytest.mark.parametrize("suffix", TYPES)
async def test_conditional_requests(
    client: httpx.AsyncClient, join: Join, publish: Publish, suffix: str
) -> None:
    lab = await join()
    await publish(lab, title="One", narrative="word " * 200)
    address = f"/feeds/all.{suffix}"
    for _ in range(2):  # made by the handler, then kept
        full = await client.get(address, headers={"Accept-Encoding": "identity"})
        etag, modified = full.headers["etag"], full.headers["last-modified"]
        assert etag.startswith('"')
        assert "public" in full.headers["cache-control"]
        for headers in (
            {"If-None-Match": etag},
            {"If-None-Match": f'"x", W/{etag}'},
            {"If-None-Match": "*"},
            {"If-Modified-Since": modified},
            {"If-None-Match": etag, "If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
        ):
            answer = await client.get(address, headers=headers | {"Accept-Encoding": "identity"})
            assert (answer.status_code, answer.content) == (304, b""), headers
            assert answer.headers["etag"] == etag
        hour_before = format_datetime(parsedate_to_datetime(modified) - timedelta(hours=1), usegmt=True)
        for headers in (
            {"If-None-Match": '"other"'},
            {"If-Modified-Since": hour_before},
            {"If-Modified-Since": "x"},
        ):
            assert (await client.get(address, headers=headers)).status_code == 200, headers
        head = await client.head(address, headers={"Accept-Encoding": "identity"})
        assert (head.status_code, head.content) == (200, b"")
        for name in ("etag", "last-modified", "content-type", "content-length"):
            assert head.headers[name] == full.headers[name]


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
async def test_compression(client: httpx.AsyncClient, join: Join, publish: Publish, coding: str) -> None:
    await publish(await join(), title="One", narrative="word " * 200)
    plain = await client.get("/feeds/all.rss", headers={"Accept-Encoding": "identity"})
    packed = await client.get("/feeds/all.rss", headers={"Accept-Encoding": coding})
    assert packed.headers["content-encoding"] == coding
    assert "accept-encoding" in packed.headers["vary"].lower()
    assert "accept-encoding" in plain.headers["vary"].lower()
    assert packed.headers["etag"] != plain.headers["etag"]
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
    again = await client.get(
        "/feeds/all.rss", headers={"Accept-Encoding": coding, "If-None-Match": packed.headers["etag"]}
    )
    assert again.status_code == 304


async def test_a_publication_elsewhere_changes_nothing_here(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    lab, other = await join(), await join("other-lab")
    made = await publish(lab, title="One", tags=["misuse:fraud"])
    scopes = ("provider/example-lab", "tag/misuse:fraud", f"record/{made['id']}", "lesson")
    before = [await client.get(f"/feeds/{scope}.rss") for scope in scopes]
    await publish(other, kind="guideline", title="Else", content={"url": "https://lab.example/use"})
    after = [await client.get(f"/feeds/{scope}.rss") for scope in scopes]
    for name in ("etag", "last-modified"):
        assert [answer.headers[name] for answer in before] == [answer.headers[name] for answer in after]
    assert [answer.content for answer in before] == [answer.content for answer in after]


async def test_the_list_of_feeds(client: httpx.AsyncClient, join: Join, publish: Publish) -> None:
    await publish(await join(), title="One")
    answer = await client.get("/feeds.opml")
    assert answer.headers["content-type"] == "text/x-opml; charset=utf-8"
    outlines = strict(answer.content).findall("body/outline/outline")
    urls = [outline.get("xmlUrl") or "" for outline in outlines]
    for wanted in ("all", "incident", "response", "provider/example-lab", "tag/misuse:fraud"):
        assert f"{BASE_URL}/feeds/{wanted}.atom" in urls
    for url in urls:
        assert is_absolute(url)
        assert (await client.get(url)).status_code == 200, url
    again = await client.get("/feeds.opml", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    await join("third-lab")
    assert "third-lab" in (await client.get("/feeds.opml")).text


# --- searches ---


class Words:
    """Search without an index: proposes every listed record, matches by the words of the title."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.behind = 0

    async def find(self, parameters: Parameters, *, limit: int, offset: int = 0) -> Found:
        assert parameters["sort"] == ["updated"]
        async with self.node.database.read() as session:
            rows = await records.all_listed(session, after=0, limit=10_000)
            head = max(
                (change.seq for change in await records.changes(session, after=0, limit=10_000)), default=0
            )
        ids = [
            (row.origin, row.id) for row in sorted(rows, key=lambda row: row.public_seq or 0, reverse=True)
        ]
        return Found(ids[offset : offset + limit], len(ids), head - self.behind)

    async def similar(self, origin: str, id: str, *, limit: int) -> Found:
        return Found([], 0, 0)

    def match(self, parameters: Parameters, document: Mapping[str, Any]) -> bool:
        wanted = " ".join(parameters.get("q", ())).lower().split()
        kinds = parameters.get("kind", ())
        return set(wanted) <= set(document["title"].lower().split()) and (
            not kinds or document["kind"] in kinds
        )


class TestSearch:
    """The feed of a search holds what matches exactly, whatever the index proposes."""

    @pytest.fixture
    def finders(self) -> list[Words]:
        return []

    @pytest.fixture
    def extensions(self, finders: list[Words]) -> tuple[Extension, ...]:
        def finder(node: Node) -> Words:
            finders.append(Words(node))
            return finders[-1]

        return (Extension("words", finder=finder),)

    async def test_exact_matches_newest_first(
        self, client: httpx.AsyncClient, join: Join, publish: Publish, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(queries, "_PROPOSALS", 2)  # so that several pages are turned
        lab = await join()
        first = await publish(lab, title="Voice clone one")
        for number in range(3):
            await publish(lab, title=f"Voices clones {number}")
        await publish(lab, title="Clone voice two")
        assert titles(await read(client, "search", q="voice clone")) == ["Clone voice two", "Voice clone one"]
        assert titles(await read(client, "search", q="voice clone", limit=1)) == ["Clone voice two"]
        await revise(client, lab, first["id"], title="Voice clone one corrected")
        assert titles(await read(client, "search", q="voice  clone"))[0] == "Voice clone one corrected"
        await withdraw(client, lab, first["id"])
        assert titles(await read(client, "search", q="voice clone")) == [
            "Withdrawn: Voice clone one corrected",
            "Clone voice two",
        ]
        assert await read(client, "search", q="voice clone", kind="incident") == []

    async def test_one_question_has_one_feed(
        self, client: httpx.AsyncClient, join: Join, publish: Publish
    ) -> None:
        await publish(await join(), title="Voice clone & co")
        asked = (
            "q=%20voice+clone&kind=lesson&sort=oldest&offset=3",
            "kind=lesson&kind=lesson&q=voice%20clone&tag=",
        )
        answers = [await client.get(f"/feeds/search.{suffix}?{query}") for query in asked for suffix in TYPES]
        for answer, suffix in zip(answers, [*TYPES, *TYPES], strict=True):
            check(answer, suffix, f"{BASE_URL}/feeds/search.{suffix}?kind=lesson&q=voice%20clone")
        feed = answers[2].json()
        assert feed["title"] == "Candor: search for “voice clone”, kind lesson"
        atom = [strict(answer.content).findtext(f"{ATOM}id") for answer in (answers[1], answers[4])]
        assert atom[0] == atom[1]

    async def test_an_index_that_is_behind_is_asked_again(
        self, client: httpx.AsyncClient, join: Join, publish: Publish, finders: list[Words]
    ) -> None:
        lab = await join()
        await publish(lab, title="Voice clone")
        address = "/feeds/search.rss?q=voice"
        (finder,) = finders
        finder.behind = 1
        found = finder.find
        calls = []

        async def counted(parameters: Parameters, *, limit: int, offset: int = 0) -> Found:
            calls.append(offset)
            return await found(parameters, limit=limit, offset=offset)

        finder.find = counted  # type: ignore[method-assign]
        for _ in range(2):
            assert (await client.get(address)).status_code == 200
        assert len(calls) == 2  # not kept: the index has yet to learn of the newest publication
        finder.behind = 0
        for _ in range(3):
            assert (await client.get(address)).status_code == 200
        assert len(calls) == 3
