from typing import Any

import pytest

from frontend.urls import Urls, anchor, host, web

ORIGIN = "registry.example/log"


@pytest.fixture
def urls() -> Urls:
    return Urls("https://registry.example", ORIGIN)


@pytest.mark.parametrize(
    "hostile",
    [
        "javascript:alert(1)",
        " javascript:alert(1)",
        "JAVASCRIPT://x/%0aalert(1)",
        "data:text/html,x",
        "vbscript:x",
        "//elsewhere.example",
        "/here",
        "https://",
        "https:///x",
        "",
        None,
        7,
    ],
)
def test_only_web_addresses_become_links(hostile: Any) -> None:
    assert web(hostile) is None


def test_web_addresses_stay_as_they_are() -> None:
    assert web("HTTPS://example.org/a?b=c#d") == "HTTPS://example.org/a?b=c#d"
    assert host("https://www.example.org:8443/a") == "example.org"
    assert host("https://[broken") == ""


def test_links_work_under_a_path(urls: Urls) -> None:
    below = Urls("https://example.org/candor", ORIGIN)
    assert below.records([("kind", "incident")]) == "/candor/records?kind=incident"
    assert below.record("CIR-000000000H") == "/candor/records/CIR-000000000H"
    assert below.whole(below.about()) == "https://example.org/candor/about"
    assert below.static("candor.css").startswith("/candor/static/candor.")
    assert urls.home() == "/"


def test_a_reference_leads_to_the_version_and_the_part_that_it_names(urls: Urls) -> None:
    reference = {"id": "CIR-000000000H", "version": 2, "part": "/content/prohibited_uses/1"}
    assert urls.reference(reference, ORIGIN) == "/records/CIR-000000000H/v/2#content-prohibited_uses-1"
    elsewhere = {"id": "CIR-000000000H", "origin": "other.example/log"}
    assert urls.reference(elsewhere, ORIGIN) == "/records/CIR-000000000H?origin=other.example/log"
    assert urls.reference({"id": "CIR-000000000H"}, "other.example/log").endswith("?origin=other.example/log")


@pytest.mark.parametrize("pointer", ["", "content", "/a b", '/"onload=', "/a~1b", "/<b>"])
def test_an_odd_pointer_is_no_anchor(pointer: str) -> None:
    assert anchor(pointer) == ""


def test_what_people_typed_is_escaped(urls: Urls) -> None:
    assert urls.records([("q", 'a"b <c>&d=e ü')]) == "/records?q=a%22b%20%3Cc%3E%26d%3De%20%C3%BC"
    assert urls.provider("../x?y#z") == "/providers/../x%3Fy%23z"


@pytest.mark.parametrize(
    ("licence", "address"),
    [
        ("CC-BY-4.0", "https://spdx.org/licenses/CC-BY-4.0.html"),
        ("CC-BY-4.0 OR MIT", None),
        ("LicenseRef-own", None),
        ("../x", None),
        (None, None),
    ],
)
def test_a_listed_licence_is_explained_by_spdx(urls: Urls, licence: Any, address: str | None) -> None:
    assert urls.licence(licence) == address
