"""What is in a feed, read over HTTP on both databases."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from registry.feeds import queries
from tests.conftest import BASE_URL, Join, Publish
from tests.registry.feeds.steps import TYPES, act, check, read, revise, titles, withdraw


async def test_every_feed_in_every_format_keeps_the_rules(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    lab = await join()
    first = await publish(lab, title="Voices & <clones>", tags=["misuse:fraud"], narrative="*a* [b](/about)")
    await publish(
        lab,
        kind="response",
        title="Seen too",
        content={"about": {"id": first["id"]}, "stance": "supplements"},
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
    lab = await join(groups=["group"])
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
