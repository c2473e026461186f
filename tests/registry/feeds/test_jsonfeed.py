"""JSON Feed 1.1 against a schema written down from its text."""

import gzip
import json
from typing import Any

import jsonschema
import pytest

from registry.feeds.feed import Feed
from registry.feeds.jsonfeed import write_json_feed
from registry.feeds.selection import Options
from tests.registry.feeds.rules import JSON_FEED, content_violations, is_id
from tests.registry.feeds.sample import ID, OTHER_ID, feed_of, incident, revised, row, withdrawn


def read(feed: Feed) -> dict[str, Any]:
    value = json.loads(write_json_feed(feed))
    jsonschema.Draft202012Validator(JSON_FEED).validate(value)
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("options", [Options(), Options(full=False)])
def test_it_keeps_to_the_schema(options: Options) -> None:
    value = read(
        feed_of(
            row(withdrawn(id="CIR-0000000001"), "withdrawn"),
            row(revised(), "revised"),
            row(incident(id=OTHER_ID, attribution="anonymous", provider=None)),
            suffix="json",
            options=options,
        )
    )
    assert len(value["items"]) == 3
    for item in value["items"]:
        assert is_id(item["id"])
        assert not content_violations(item.get("content_html", "-"))
        assert ("content_html" in item) == options.full
        assert ("content_text" in item) != options.full


def test_an_empty_feed_keeps_to_the_schema() -> None:
    assert read(feed_of(suffix="json", changed=None))["items"] == []


def test_the_schema_finds_what_is_wrong() -> None:
    value = read(feed_of(row(incident()), suffix="json"))
    validator = jsonschema.Draft202012Validator(JSON_FEED)
    for break_it in (
        lambda v: v.pop("title"),
        lambda v: v["items"][0].pop("content_html"),
        lambda v: v["items"][0].update({"_a.b": {}}),
        lambda v: v["items"][0].update(id=1),
        lambda v: v["items"][0].update(url="/records/x"),
        lambda v: v["items"][0].update(date_published="yesterday"),
    ):
        broken = json.loads(json.dumps(value))
        break_it(broken)  # type: ignore[no-untyped-call]
        assert not validator.is_valid(broken)


def test_what_a_machine_needs_stands_in_the_extension() -> None:
    value = read(feed_of(row(revised(), "revised"), suffix="json"))
    assert value["feed_url"] == "https://registry.example/feeds/all.json"
    assert value["_candor"] == {"about": "https://registry.example/feeds", "origin": "registry.example/log"}
    (item,) = value["items"]
    assert item["_candor"] == {
        "record": ID,
        "kind": "incident",
        "version": 2,
        "event": "revised",
        "basis": "first-party",
        "severity": "severity:high",
        "license": "CC-BY-4.0",
        "document": f"https://registry.example/api/v1/records/{ID}/versions/2",
        "revision": {"type": "correction", "note": "The number of calls was wrong."},
    }
    assert (item["date_published"], item["date_modified"]) == (
        "2026-03-01T10:00:00Z",
        "2026-04-02T11:30:00.250000Z",
    )


def test_an_item_tells_where_it_differs_from_the_feed() -> None:
    foreign = incident(origin="peer.example/log", language="de")
    own, other = read(feed_of(row(incident()), row(foreign), suffix="json"))["items"]
    assert "language" not in own
    assert "origin" not in own["_candor"]
    assert (other["language"], other["_candor"]["origin"]) == ("de", "peer.example/log")


def test_sharing_levels_and_what_is_restricted_stay_out() -> None:
    # Neither belongs into a public document; one that holds them must not be passed on here.
    document = incident(
        handling={"tlp": "AMBER", "groups": ["sector-group"]}, restricted=[{"content": "secret"}]
    )
    body = write_json_feed(feed_of(row(document), suffix="json"))
    for word in (b"AMBER", b"tlp", b"TLP", b"sector-group", b"secret", b"restricted"):
        assert word not in body


def test_a_hundred_entries_stay_small() -> None:
    def feed(options: Options) -> bytes:
        # Check characters do not matter to writers; only the ids' number and length do.
        documents = (
            incident(id=f"CIR-{number:010}", summary="Some words about it. " * 15) for number in range(100)
        )
        return write_json_feed(feed_of(*map(row, documents), suffix="json", options=options))

    full = Options(limit=100)
    short = Options(limit=100, full=False)
    assert len(feed(short)) < 100_000
    assert len(gzip.compress(feed(short))) < len(gzip.compress(feed(full))) < 100_000
