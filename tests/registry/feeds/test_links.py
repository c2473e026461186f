"""Ids never change; addresses are absolute and read as their parts were written."""

from dataclasses import replace

import pytest

from registry.feeds.links import Links, feed_urn, record_urn, version_urn
from tests.registry.feeds.rules import is_absolute, is_id
from tests.registry.feeds.sample import ID, LINKS


def test_ids_are_fixed_for_all_time() -> None:
    # Given out to subscribers: a change here shows every entry to everybody once more.
    assert record_urn("registry.example/log", ID) == "urn:uuid:34f1b159-6658-52b3-b628-2d4bb32424a4"
    assert version_urn("registry.example/log", ID, 2) == "urn:uuid:228fe949-5350-5f37-a3fe-ad88b8fcfb02"
    assert feed_urn("registry.example/log", "all") == "urn:uuid:a9739575-ec2a-53f4-ad7b-1a3a64a38f70"


def test_ids_differ_by_what_they_name() -> None:
    origin = LINKS.origin
    ids = [
        record_urn(origin, ID),
        record_urn("peer.example/log", ID),
        version_urn(origin, ID, 1),
        version_urn(origin, ID, 11),
        feed_urn(origin, "all"),
        feed_urn(origin, "all?imported=true"),
        feed_urn(origin, f"record/{ID}"),
    ]
    assert len(set(ids)) == len(ids)
    assert all(map(is_id, ids))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (LINKS.record(ID), f"https://registry.example/records/{ID}"),
        (LINKS.record(ID, LINKS.origin), f"https://registry.example/records/{ID}"),
        (
            LINKS.record(ID, "peer.example/log"),
            f"https://registry.example/records/{ID}?origin=peer.example/log",
        ),
        (LINKS.version(ID, 2), f"https://registry.example/records/{ID}/v/2"),
        (LINKS.feed("tag/atlas:AML.T0051", "rss"), "https://registry.example/feeds/tag/atlas:AML.T0051.rss"),
        (
            LINKS.feed(
                "search", "json", (("q", "prompt injection & <x>"), ("tag", "misuse:fraud/voice-clone"))
            ),
            "https://registry.example/feeds/search.json?q=prompt%20injection%20%26%20%3Cx%3E&tag=misuse:fraud/voice-clone",
        ),
        (
            LINKS.term("misuse:fraud/voice-clone"),
            "https://registry.example/taxonomies/misuse/fraud/voice-clone",
        ),
        (LINKS.feed("tag/x:größe", "rss"), "https://registry.example/feeds/tag/x:gr%C3%B6%C3%9Fe.rss"),
        (LINKS.feeds_page("event"), "https://registry.example/feeds#event"),
    ],
)
def test_addresses(address: str, expected: str) -> None:
    assert address == expected
    assert is_absolute(address)


def test_addresses_follow_the_base_url() -> None:
    moved = replace(LINKS, base="http://10.0.0.1:8000/candor")
    assert moved.record(ID) == f"http://10.0.0.1:8000/candor/records/{ID}"
    assert isinstance(moved, Links)
