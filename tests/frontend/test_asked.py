from frontend.asked import Asked, called, set_filters
from frontend.urls import Urls
from registry.feeds.selection import Selection, Topic

URLS = Urls("https://registry.example", "registry.example/log")


def label(tag: str) -> str:
    return tag.rpartition(":")[2]


def test_what_no_search_has_is_passed_over() -> None:
    given = [("q", " a  b "), ("utm_source", "mail"), ("kind", ""), ("offset", "20"), ("kind", "incident")]
    assert Asked.read(given).pairs == (("q", "a b"), ("kind", "incident"))


def test_a_filter_is_set_once_and_taken_back() -> None:
    asked = Asked.read([("q", "x"), ("tag", "misuse:fraud"), ("tag", "misuse:fraud")])
    assert asked.pairs == (("q", "x"), ("tag", "misuse:fraud"))
    assert asked.toggled("tag", "misuse:fraud") == (("q", "x"),)
    assert asked.toggled("kind", "lesson") == (("q", "x"), ("kind", "lesson"), ("tag", "misuse:fraud"))
    assert [one.without for one in set_filters(URLS, asked, label)] == ["/records?q=x"]


def test_the_feed_of_a_question_is_the_narrowest_there_is() -> None:
    assert Asked(()).selection() == Selection(Topic.ALL)
    assert Asked((("kind", "lesson"),)).selection() == Selection(Topic.KIND, "lesson")
    assert Asked((("tag", "misuse:fraud"), ("sort", "newest"))).selection() == Selection(
        Topic.TAG, "misuse:fraud"
    )
    assert Asked((("provider", "avid"),)).selection() == Selection(Topic.PROVIDER, "avid")
    two = Asked((("kind", "lesson"), ("kind", "incident")))
    assert two.selection().path == "search"
    assert two.selection().query == (("kind", "incident"), ("kind", "lesson"))


def test_one_question_has_one_address() -> None:
    one = Asked.read([("tag", "b:c"), ("q", "x"), ("tag", "a:b"), ("kind", "lesson")])
    assert one == Asked.read([("kind", "lesson"), ("tag", "a:b"), ("tag", "b:c"), ("q", "x")])
    assert URLS.records(one.pairs) == "/records?q=x&kind=lesson&tag=a:b&tag=b:c"


def test_lists_by_kind_provider_and_term_need_no_search() -> None:
    assert Asked.read([("kind", "lesson"), ("tag", "a:b"), ("sort", "newest")]).browsable
    assert not Asked.read([("q", "x")]).browsable
    assert not Asked.read([("severity", "severity:high")]).browsable


def test_a_question_is_said_in_words() -> None:
    asked = Asked.read([("q", "bank"), ("kind", "incident"), ("tag", "misuse:fraud"), ("basis", "imported")])
    assert asked.title(label) == "Incidents: “bank”, fraud, Imported"
    assert Asked(()).title(label) == "Records"
    assert len(Asked.read([("q", "x" * 5000)]).title(label)) < 120
    assert called("country", "DE", label) == "Germany"
    assert called("language", "fr", label) == "French"
    assert called("setting", "in-the-wild", label) == "In the wild"
