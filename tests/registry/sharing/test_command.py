"""`candor group`."""

import pytest

from registry.settings import Settings
from tests.registry.calling import Call, caller, point_at


@pytest.fixture
def candor(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    point_at(settings, monkeypatch)
    return caller(monkeypatch, capsys)


def test_a_group_is_begun_grows_and_shrinks(candor: Call) -> None:
    for slug in ("example-lab", "bank"):
        candor("provider", "add", slug, "--name", slug.title(), "--approve")
    made = candor("group", "add", "labs", "--owner", "example-lab", "--name", "Laboratories", "--json")
    assert (made.code, made.json["owner"], made.json["name"]) == (0, "example-lab", "Laboratories")
    assert candor("group", "add", "labs", "--owner", "example-lab").code == 1
    assert candor("group", "add", "labs", "--owner", "example-lab", "--if-missing").code == 0
    invited = candor("group", "invite", "labs", "bank", "--json")
    assert [(one["provider"], one["state"]) for one in invited.json["members"]] == [
        ("example-lab", "member"),
        ("bank", "invited"),
    ]
    assert candor("group", "remove", "labs", "bank").code == 0
    accepted = candor("group", "invite", "labs", "bank", "--accept", "--json")
    assert accepted.json["members"][1]["state"] == "member"
    listed = candor("group", "list", "--json").json["groups"]
    assert [(one["slug"], len(one["members"])) for one in listed] == [("labs", 2)]
    assert "bank" in candor("group", "list").out


@pytest.mark.parametrize(
    "words",
    [
        ("add", "labs", "--owner", "nobody"),
        ("invite", "nothing", "nobody"),
        ("remove", "nothing", "nobody"),
        ("add", "Not A Slug", "--owner", "nobody"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(candor: Call, words: tuple[str, ...]) -> None:
    done = candor("group", *words)
    assert done.code == 1
    assert done.err.endswith((".", "63."))
    assert "Traceback" not in done.err
