"""`candor steward`, `candor provider member` and what comes after `candor client add`."""

import json
from pathlib import Path

import pytest
from joserfc import jwk

from registry.settings import Settings
from tests.registry.calling import Call, caller, point_at


@pytest.fixture
def call(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    point_at(settings, monkeypatch)
    made = caller(monkeypatch, capsys)
    assert made("provider", "add", "lab", "--name", "Lab", "--approve").code == 0
    return made


def test_stewards_come_and_go(call: Call) -> None:
    made = call("steward", "add", "Sam@Example.org", "--json").json
    assert made["email"] == "sam@example.org"
    assert "/sign-in/link?token=" in made["link"]
    again = call("steward", "add", "sam@example.org", "--json").json
    assert again["link"] != made["link"]
    assert call("steward", "list", "--json").json == {
        "stewards": [{"email": "sam@example.org", "second_factor": False}]
    }
    assert "/sign-in/link?token=" in call("steward", "add", "sam@example.org").out
    assert call("steward", "reset", "sam@example.org").code == 0
    assert call("steward", "reset", "nobody@example.org").code == 1
    assert call("steward", "remove", "sam@example.org").code == 0
    assert call("steward", "remove", "sam@example.org").code == 1
    assert call("steward", "list", "--json").json == {"stewards": []}
    assert call("steward", "add", "nonsense").code == 1


def test_members_come_and_go(call: Call) -> None:
    add = ("provider", "member", "add", "lab")
    made = call(*add, "ada@example.org", "--roles", "administrator,author", "--json").json
    assert made["roles"] == ["author", "administrator"]
    assert call(*add, "ada@example.org", "--roles", "author").code == 1
    assert call(*add, "ada@example.org", "--roles", "author", "--if-missing", "--json").json["link"]
    assert call(*add, "bo@example.org", "--roles", "king").code == 1
    assert call(*add, "bo@example.org", "--roles", "author").code == 0
    listed = call("provider", "member", "list", "lab", "--json").json["members"]
    assert [one["email"] for one in listed] == ["ada@example.org", "bo@example.org"]
    assert call("provider", "member", "link", "lab", "bo@example.org", "--json").json["link"]
    assert call("provider", "member", "link", "lab", "cy@example.org").code == 1
    assert call("provider", "member", "remove", "lab", "ada@example.org").code == 1, "the last administrator"
    assert call("provider", "member", "remove", "lab", "bo@example.org").code == 0
    assert call("provider", "member", "add", "no-such", "a@example.org", "--roles", "author").code == 1


def test_clients_are_rotated_and_end(call: Call, tmp_path: Path) -> None:
    made = call("client", "add", "lab", "--scopes", "records:write", "--json").json
    id = made["client_id"]
    second = call("client", "rotate", id, "--json").json
    assert second["client_secret"].startswith(second["id"] + ".")
    assert call("client", "revoke", id, "--secret", second["id"]).code == 0
    assert call("client", "revoke", id, "--secret", second["id"]).code == 1
    assert call("client", "rotate", id, "--end-others").code == 0
    key = tmp_path / "key.json"
    key.write_text(json.dumps(jwk.RSAKey.generate_key(2048).as_dict(private=False)))
    assert call("client", "key", id, key).code == 1, "which of two algorithms?"
    assert call("client", "key", id, key, "--alg", "PS256").code == 0
    key.write_text(json.dumps(jwk.OKPKey.generate_key("Ed25519").as_dict(private=True)))
    refused = call("client", "key", id, key)
    assert (refused.code, "private" in refused.err) == (1, True)
    key.write_text("{")
    assert call("client", "key", id, key).code == 1
    listed = call("client", "list", "lab", "--json").json["clients"]
    assert [(one["client_id"], one["live"]) for one in listed] == [(id, True)]
    assert id.split(".")[1] in call("client", "list", "lab").out.replace("\n", "")
    assert call("client", "revoke", id).code == 0
    assert call("client", "revoke", id).code == 1
    assert call("client", "list", "lab", "--json").json["clients"][0]["live"] is False
