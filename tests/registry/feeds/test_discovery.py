"""How pages announce feeds."""

from registry.feeds.discovery import alternates
from registry.feeds.selection import Selection, Topic
from tests.registry.feeds.sample import LINKS


def test_every_format_of_every_feed_in_order() -> None:
    found = alternates(
        LINKS,
        [
            ("Fraud", Selection(Topic.TAG, "misuse:fraud")),
            ("Everything", Selection(Topic.ALL, imported=True)),
        ],
    )
    assert [(alternate.type, alternate.title, alternate.href) for alternate in found] == [
        ("application/rss+xml", "Fraud (RSS)", "https://registry.example/feeds/tag/misuse:fraud.rss"),
        ("application/atom+xml", "Fraud (Atom)", "https://registry.example/feeds/tag/misuse:fraud.atom"),
        (
            "application/feed+json",
            "Fraud (JSON Feed)",
            "https://registry.example/feeds/tag/misuse:fraud.json",
        ),
        ("application/rss+xml", "Everything (RSS)", "https://registry.example/feeds/all.rss?imported=true"),
        (
            "application/atom+xml",
            "Everything (Atom)",
            "https://registry.example/feeds/all.atom?imported=true",
        ),
        (
            "application/feed+json",
            "Everything (JSON Feed)",
            "https://registry.example/feeds/all.json?imported=true",
        ),
    ]
