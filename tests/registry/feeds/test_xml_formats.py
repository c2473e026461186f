"""RSS and Atom as strict parsers, a real reader and the validators' rules see them."""

import re
from datetime import UTC, datetime

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.feeds.atom import write_atom
from registry.feeds.feed import Feed
from registry.feeds.rss import write_rss
from registry.feeds.selection import Options
from registry.feeds.xml import rfc3339, xml_text
from registry.records import documents
from registry.records.content.examples import EXAMPLES
from tests.registry.feeds.rules import ATOM, CONTENT, atom_violations, rss_violations, strict
from tests.registry.feeds.sample import ID, LINKS, OTHER_ID, feed_of, incident, revised, row, withdrawn


def everything(suffix: str, options: Options | None = None) -> Feed:
    return feed_of(
        row(withdrawn(id="CIR-0000000001"), "withdrawn"),
        row(revised(), "revised"),
        row(incident(id=OTHER_ID, attribution="anonymous", provider=None, language="de")),
        row(
            incident(
                id="CIR-0000000002",
                origin="peer.example/log",
                basis="imported",
                source={"url": "https://a.example/ü"},
            )
        ),
        suffix=suffix,
        options=options,
    )


@pytest.mark.parametrize("options", [Options(), Options(full=False)])
def test_rss_breaks_no_rule(options: Options) -> None:
    assert rss_violations(write_rss(everything("rss", options))) == []


@pytest.mark.parametrize("options", [Options(), Options(full=False)])
def test_atom_breaks_no_rule(options: Options) -> None:
    assert atom_violations(write_atom(everything("atom", options))) == []


def test_empty_feeds_break_no_rule_and_do_not_move() -> None:
    rss, atom = feed_of(suffix="rss", changed=None), feed_of(suffix="atom", changed=None)
    assert rss_violations(write_rss(rss)) == []
    assert atom_violations(write_atom(atom)) == []
    assert strict(write_atom(atom)).findtext(f"{ATOM}updated") == "1970-01-01T00:00:00Z"
    assert strict(write_rss(rss)).find("channel/lastBuildDate") is None


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_full_record_of_every_kind_breaks_no_rule(kind: str) -> None:
    publisher = documents.Publisher("example-lab", "Example Lab", "lab.example", True)
    draft = documents.draft(EXAMPLES[kind], id=ID, origin=LINKS.origin, publisher=publisher, prev=None)
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    document = documents.publish(draft, number=1, at=at, before=None)
    assert rss_violations(write_rss(feed_of(row(document)))) == []
    assert atom_violations(write_atom(feed_of(row(document), suffix="atom"))) == []


def test_the_rules_find_what_is_wrong() -> None:
    """The checks above mean nothing unless they fail where they should."""
    good = write_rss(everything("rss"))
    assert rss_violations(re.sub(rb"urn:uuid:[0-9a-f-]*", b"urn:uuid:1", good))
    assert rss_violations(good.replace(b'rel="self"', b'rel="hub"'))
    assert rss_violations(good.replace(b"<link>https://registry.example/records", b"<link>/records"))
    assert rss_violations(good.replace(b"&lt;p&gt;", b"&lt;script&gt;"))
    atom = write_atom(everything("atom"))
    assert atom_violations(atom.replace(b'rel="self"', b'rel="related"'))
    assert atom_violations(atom.replace(b"Z</updated>", b"</updated>"))


def test_writing_is_repeatable() -> None:
    assert write_rss(everything("rss")) == write_rss(everything("rss"))
    assert write_atom(everything("atom")) == write_atom(everything("atom"))


def test_a_reader_sees_rss_as_it_was_meant() -> None:
    seen = feedparser.parse(write_rss(everything("rss")))
    assert not seen.bozo
    assert seen.version == "rss20"
    assert seen.feed.title == "Candor: everything"
    assert seen.feed.link == "https://registry.example/"
    assert [link.href for link in seen.feed.links if link.rel == "self"] == [
        "https://registry.example/feeds/all.rss"
    ]
    gone, fixed, nameless, foreign = seen.entries
    assert gone.title == "Withdrawn: A cloned voice asked relatives for money"
    assert fixed.published_parsed[:6] == (2026, 3, 1, 10, 0, 0)
    assert fixed.updated_parsed[:6] == (2026, 4, 2, 11, 30, 0)
    assert fixed.author == "Example Lab"
    assert "author" not in nameless
    assert {"misuse:fraud/voice-clone", "kind:incident", "event:revised"} <= {tag.term for tag in fixed.tags}
    assert "<strong>called</strong>" in fixed.content[0].value
    assert (
        fixed.summary
        == "Callers used a synthetic voice &amp; a false number; 12 &lt; 20 calls were reported."
    )
    assert not fixed.guidislink
    assert foreign.link.endswith("?origin=peer.example/log")


def test_a_reader_sees_atom_as_it_was_meant() -> None:
    seen = feedparser.parse(write_atom(everything("atom")))
    assert not seen.bozo
    assert seen.version == "atom10"
    assert seen.feed.updated_parsed[:4] == (2026, 5, 3, 12)
    _, fixed, nameless, foreign = seen.entries
    assert fixed.updated == "2026-04-02T11:30:00.250000Z"
    assert fixed.summary == "Callers used a synthetic voice & a false number; 12 < 20 calls were reported."
    assert fixed.author == "Example Lab"
    assert "author" not in nameless
    assert seen.feed.author == "Candor"
    assert nameless.content[0].language == "de"
    assert {
        "term": "severity:high",
        "scheme": "https://registry.example/taxonomies/severity",
        "label": "high",
    } in [dict(tag) for tag in fixed.tags]
    links = {(link.rel, link.type): link.href for link in foreign.links}
    assert links["via", "text/html"] == "https://a.example/%C3%BC"
    assert links["alternate", "application/json"].endswith("/versions/1?origin=peer.example/log")


def test_the_ids_are_the_same_in_both_formats() -> None:
    rss = [item.findtext("guid") for item in strict(write_rss(everything("rss"))).iter("item")]
    atom = [
        entry.findtext(f"{ATOM}id") for entry in strict(write_atom(everything("atom"))).iter(f"{ATOM}entry")
    ]
    assert rss == atom
    assert len(set(rss)) == 4


def test_summaries_only() -> None:
    body = write_rss(everything("rss", Options(full=False)))
    assert strict(body).find(f"channel/item/{CONTENT}encoded") is None
    assert b"/feeds/all.rss?content=summary" in body
    assert (
        strict(write_atom(everything("atom", Options(full=False)))).find(f"{ATOM}entry/{ATOM}content") is None
    )


def test_plain_text_is_escaped_as_the_profile_wants() -> None:
    body = write_rss(feed_of(row(incident(title="AT&T < R&D > <b>bold</b> &amp;"))))
    assert b"<title>AT&#x26;T &#x3C; R&#x26;D &gt; &#x3C;b&gt;bold&#x3C;/b&gt; &#x26;amp;</title>" in body
    assert strict(body).findtext("channel/item/title") == "AT&T < R&D > <b>bold</b> &amp;"


@pytest.mark.parametrize(
    "title",
    [
        "Стенограмма: голосовой клон, 詐欺, احتيال صوتي, שיבוט קול",
        "Emoji 🎭 and beyond 𐎀𐏁",
        "]]> <![CDATA[ ]]>",
        "a\x00b\x0bc\x1fd\ufffee\uffff",
        "\x00",
        "%s {0} ${x}",
    ],
)
def test_titles_of_all_kinds(title: str) -> None:
    rss, atom = (feed_of(row(incident(title=title)), suffix=suffix) for suffix in ("rss", "atom"))
    assert atom_violations(write_atom(atom)) == rss_violations(write_rss(rss)) == []
    shown = strict(write_atom(atom)).findtext(f"{ATOM}entry/{ATOM}title")
    assert shown == (" ".join(xml_text(title).split()) or ID)
    assert feedparser.parse(write_atom(atom)).bozo == feedparser.parse(write_rss(rss)).bozo == 0


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text_makes_well_formed_xml(words: str) -> None:
    document = incident(
        title=words, summary=words, narrative=words, provider={"slug": "x", "name": words or "x"}
    )
    for writer, suffix in ((write_rss, "rss"), (write_atom, "atom")):
        strict(writer(feed_of(row(document), suffix=suffix)))


def test_times_keep_their_fractions_and_zone() -> None:
    assert rfc3339(datetime(2026, 1, 2, 3, 4, 5, 250_000, UTC)) == "2026-01-02T03:04:05.250000Z"
    assert rfc3339(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05Z"
