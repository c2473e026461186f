"""From a document to a neutral entry: what is told, what is not, and what never changes."""

from dataclasses import replace

import pytest

from registry.feeds.entries import MAX_SUMMARY, MAX_TITLE, entry
from registry.feeds.feed import Author, Entry, Event
from registry.feeds.links import Links
from tests.registry.feeds.rules import content_violations
from tests.registry.feeds.sample import ID, LINKS, OTHER_ID, REGISTRY, incident, revised, withdrawn


def made(
    document: dict[str, object], links: Links = LINKS, event: Event | None = None, **options: bool
) -> Entry:
    return entry(document, links, label=REGISTRY.label, event=event, **options)


def test_a_new_record() -> None:
    one = made(incident())
    assert one.event is Event.NEW
    assert one.title == "A cloned voice asked relatives for money"
    assert one.summary.startswith("Callers used a synthetic voice & a false number; 12 < 20")
    assert one.url == f"https://registry.example/records/{ID}"
    assert one.document_url == f"https://registry.example/api/v1/records/{ID}/versions/1"
    assert one.authors == (Author("Example Lab", "https://registry.example/providers/example-lab"),)
    assert (one.published.isoformat(), one.updated.isoformat()) == ("2026-03-01T10:00:00+00:00",) * 2
    assert (one.kind, one.severity, one.basis, one.rights) == (
        "incident",
        "severity:high",
        "first-party",
        "CC-BY-4.0",
    )


def test_the_id_outlives_base_url_scheme_and_the_providers_name() -> None:
    moved = Links("http://elsewhere.example:8080/candor", LINKS.origin)
    renamed = incident(provider={"slug": "new-lab", "name": "New Lab"}, title="Other words")
    assert made(incident()).id == made(renamed, moved).id == made(revised(), moved).id == made(withdrawn()).id


def test_a_revision_updates_its_entry_and_says_why() -> None:
    new, later = made(incident()), made(revised())
    assert later.id == new.id
    assert later.published == new.published
    assert later.updated > new.updated
    assert later.event is Event.REVISED
    assert later.revision == ("correction", "The number of calls was wrong.")
    assert "<strong>Revised (correction).</strong> The number of calls was wrong." in later.content
    assert later.updated.microsecond == 250_000


def test_a_withdrawal_marks_the_title_and_tells_nothing_of_what_was_said() -> None:
    one = made(withdrawn())
    assert one.event is Event.WITHDRAWN
    assert one.title == "Withdrawn: A cloned voice asked relatives for money"
    assert one.summary == "This record was withdrawn. It did not happen."
    assert "It did not happen." in one.content
    assert f'<a href="https://registry.example/records/{OTHER_ID}"' in one.content
    for told in ("called", "synthetic", "Voicer", "news.example"):
        assert told not in one.content + one.summary
    assert [category.term for category in one.categories] == ["kind:incident", "event:withdrawn"]
    assert one.via is None
    assert one.severity is None


def test_a_reinstatement_is_told_by_the_caller() -> None:
    again = incident(
        version=4, updated="2026-06-01T00:00:00Z", revision={"type": "status", "note": "Checked."}
    )
    assert made(again).event is Event.REVISED
    one = made(again, event=Event.REINSTATED)
    assert one.event is Event.REINSTATED
    assert "<strong>Reinstated (status).</strong> Checked." in one.content
    assert "called" in one.content


def test_versions_side_by_side_have_ids_and_addresses_of_their_own() -> None:
    first, second = (made(document, single_version=True) for document in (incident(), revised()))
    assert len({first.id, second.id, made(incident()).id}) == 3
    assert first.title == "A cloned voice asked relatives for money"
    assert second.title == "Version 2: A cloned voice asked relatives for money"
    assert second.url == f"https://registry.example/records/{ID}/v/2"
    assert second.published == second.updated > first.updated


@pytest.mark.parametrize("attribution", ["sector", "anonymous"])
def test_an_unnamed_provider_is_shown_nowhere(attribution: str) -> None:
    # The document of such a record has no provider; one that has it by mistake must not give it away here.
    co = [{"slug": "other-lab", "name": "Other Lab"}]
    one = made(incident(attribution=attribution, co_providers=co, provider_sector="sector:J", systems=None))
    shown = repr(replace(one))
    assert "Example Lab" not in shown
    assert "example-lab" not in shown
    assert "Other Lab" not in shown
    assert one.authors == (Author("An organisation in the sector: J"),)
    assert made(incident(attribution=attribution, provider=None)).authors == ()


def test_joint_records_name_all_who_publish() -> None:
    co = [{"slug": "other-lab", "name": "Other Lab"}]
    assert [author.name for author in made(incident(co_providers=co)).authors] == ["Example Lab", "Other Lab"]


def test_categories_are_the_tags_with_their_vocabulary() -> None:
    one = made(incident())
    found = {category.term: (category.scheme, category.label) for category in one.categories}
    assert found["misuse:fraud/voice-clone"] == ("https://registry.example/taxonomies/misuse", "voice clone")
    assert found["atlas:AML.T0051"][0] == "https://registry.example/taxonomies/atlas"
    assert found["severity:high"][1] == "high"
    assert found["kind:incident"] == ("https://registry.example/feeds#kind", "Incident")
    assert found["event:new"] == ("https://registry.example/feeds#event", "New")


def test_content_stands_alone() -> None:
    one = made(incident())
    assert not content_violations(one.content)
    assert "<strong>called</strong>" in one.content
    assert f'href="https://registry.example/records/{ID}#fn1"' in one.content  # a footnote, read on the page
    assert "<strong>Status of the claim:</strong> alleged" in one.content
    assert "Voicer (Example Lab)" in one.content
    assert 'href="https://news.example/a?b=1&amp;c=2"' in one.content
    assert "Disclosed by the organisation itself." in one.content
    assert "Licence: CC-BY-4.0." in one.content


def test_hostile_text_stays_text() -> None:
    evil = '<script>alert(1)</script><img src=x onerror="x()">'
    document = incident(
        title=evil,
        summary=evil,
        narrative=f"{evil}\n\n[a](javascript:alert(1)) [b](//evil.example/x) ![c](data:text/html;base64,AA)",
        systems=[{"name": evil, "developer": evil}],
        references=[{"url": "javascript:alert(1)", "title": evil}, {"url": 'https://x.example/"><script>'}],
        stated_by=[{"name": evil}],
        credits=[{"name": evil}],
        source={"scheme": evil, "id": evil, "url": "javascript:alert(1)"},
        revision={"type": evil, "note": evil},
        version=2,
    )
    one = made(document)
    assert not content_violations(one.content)
    assert "<script" not in one.content
    assert "<img" not in one.content
    assert '"javascript:' not in one.content
    assert one.via is None
    assert one.title == evil  # plain text here; the writers escape


def test_imported_records_name_source_licence_and_credits() -> None:
    one = made(
        incident(
            basis="imported",
            license="CC-BY-SA-4.0",
            source={"scheme": "aiid", "id": "23", "url": "https://incidents.example/cite/23"},
            credits=[{"name": "The editors."}, {"name": "A. Submitter"}],
        )
    )
    assert one.via == "https://incidents.example/cite/23"
    assert one.basis == "imported"
    assert "Imported from a public source; not a statement of the organisations" in one.content
    assert "aiid 23</a>. Credits: The editors; A. Submitter. Licence: CC-BY-SA-4.0." in one.content


def test_records_of_a_peer_keep_their_origin_in_every_address() -> None:
    one = made(incident(origin="peer.example/log"))
    assert one.id != made(incident()).id
    for address in (one.url, one.document_url, one.authors[0].url or ""):
        assert address.endswith("?origin=peer.example/log")


def test_figures_are_told_as_they_were_measured() -> None:
    metrics = [
        {
            "id": "1",
            "name": "metric:share-flagged",
            "comparator": "lt",
            "value": 0.05,
            "unit": "percent",
            "of": "images",
        },
        {"id": "2", "name": "images", "comparator": "gt", "value": 3000000},
        {"id": "3", "name": "odd", "value": "many"},
        {"id": "4", "name": "accounts", "comparator": "range", "value": 10, "high": 20},
    ]
    told = made(incident(metrics=metrics)).content
    assert "share flagged: less than 0.05&nbsp;% (images)" in told
    assert "images: more than 3,000,000" in told
    assert "accounts: 10 to 20" in told
    assert "odd" not in told


def test_a_response_says_on_what_and_how_it_stands() -> None:
    content = {"about": {"id": OTHER_ID}, "stance": "confirms", "text": "We saw it too."}
    told = made(incident(kind="response", content=content)).content
    assert f'<strong>Confirms:</strong> <a href="https://registry.example/records/{OTHER_ID}"' in told
    assert "We saw it too." in told


def test_lessons_and_guidelines_are_told_in_full() -> None:
    content = {
        "what_happened": "Filters failed.",
        "prohibited_uses": [{"id": "1", "tag": "misuse:spam", "text": "Never."}],
        "recommendations": [{"id": "1", "text": "Measure <twice>."}],
    }
    told = made(incident(kind="lesson", content=content)).content
    assert "<p>Filters failed.</p>" in told
    assert "<li>spam: Never.</li>" in told
    assert "<li>Measure &lt;twice&gt;.</li>" in told


def test_long_words_are_cut_also_without_spaces() -> None:
    spaced = made(incident(title="word " * 200, summary="word " * 1000))
    assert len(spaced.title) <= MAX_TITLE
    assert spaced.title.endswith("word…")
    assert len(spaced.summary) <= MAX_SUMMARY
    unspaced = made(incident(title="音" * 1000))
    assert len(unspaced.title) == MAX_TITLE
    assert unspaced.title.endswith("音…")


@pytest.mark.parametrize(
    ("said", "told"),
    [("pt-BR", "pt-BR"), ("zh-Hans", "zh-Hans"), ("not a language", "und"), (None, "en"), (7, "en")],
)
def test_languages_are_ones_that_xml_can_carry(said: object, told: str) -> None:
    assert made(incident(language=said)).language == told


def test_odd_shapes_from_peers_do_no_harm() -> None:
    odd = incident(
        systems="a system",
        references={"url": "https://x.example"},
        content=["?"],
        provider="Lab",
        credits={"name": "x"},
        stated_by=[1, None],
        source=[],
        tags="misuse:fraud",
        metrics=[{"value": True}],
        narrative=["x"],
        summary=4,
    )
    one = made(odd)
    assert one.authors == ()
    assert one.summary == one.title
    assert not content_violations(one.content)
