"""`candor login | validate | pull | publish | withdraw | act | report` against a registry that is served."""

import io
import json
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from registry.actor import Scope
from registry.client import Credentials, calls
from tests.registry.calling import Call
from tests.registry.remote.conftest import Provider, Served, joined, log_in
from tests.registry.remote.test_push import INCIDENT, LESSON, counts, ids, lesson, push, write


def submitted(provider: Provider, **more: Any) -> str:
    body = {"kind": "lesson", "title": "A lesson", "content": {"what_happened": "Much."}, **more}
    with provider.client() as client:
        return client.run(calls.create(body)).id


def published(provider: Provider, **more: Any) -> str:
    id = submitted(provider, **more)
    with provider.client() as client:
        client.run(calls.publish(id, if_match=client.run(calls.draft(id)).etag))
    return id


# --- login ---


def test_login_keeps_the_secret_where_only_its_owner_reads_it(
    outside: Call, home: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, secret = provider.credentials.client_id, provider.credentials.client_secret
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{secret}\n"))
    words = ("--client-id", id, "--client-secret-stdin")
    called = outside("login", provider.served.url, *words, "--json")
    assert called.code == 0, called.err
    assert called.json["origin"] == "registry.example/log"
    assert "records:write" in called.json["scopes"]
    assert secret not in called.out + called.err
    file = home / "candor" / "login.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert json.loads(file.read_text())["client_secret"] == secret
    assert outside("logout", "--json").json == {"forgotten": True}
    assert not file.exists()
    assert "candor login" in outside("publish", "CIR-7GQ2M4KX9X").err


def test_login_by_the_environment(outside: Call, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_CLIENT_ID", provider.credentials.client_id)
    monkeypatch.setenv("CANDOR_CLIENT_SECRET", provider.credentials.client_secret)
    assert outside("login", provider.served.url).code == 0
    outside("logout")
    monkeypatch.setenv("CANDOR_REGISTRY", provider.served.url)
    lesson("cases/one.md")
    assert counts(push(outside)) == (1, 0, 0, 0)
    monkeypatch.delenv("CANDOR_CLIENT_SECRET")
    assert "CANDOR_CLIENT_SECRET" in push(outside).err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("http://registry.example",), 1, "--insecure"),
        (("nonsense",), 1, "not the address"),
        (("{url}", "--client-id", "nobody.0123"), 1, "knows no such client"),
        (("{url}", "--client-id", "nobody.0123", "--client-secret-stdin"), 2, "empty"),
        (("{url}",), 2, "--client-id"),
    ],
)
def test_login_that_fails_keeps_nothing(
    outside: Call,
    home: Path,
    served: Served,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    if "--client-secret-stdin" not in words:
        monkeypatch.setenv("CANDOR_CLIENT_SECRET", "wrong")
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    called = outside("login", *(word.format(url=served.url) for word in words))
    assert called.code == code
    assert said in called.err
    assert not (home / "candor").exists()


def test_a_login_that_cannot_be_read_is_told(outside: Call, home: Path) -> None:
    (home / "candor").mkdir(parents=True)
    (home / "candor" / "login.json").write_text('{"url": 1}')
    called = outside("publish", "CIR-7GQ2M4KX9X")
    assert called.code == 1
    assert "candor login URL" in called.err


# --- validate ---


def test_validate_asks_the_registry_when_it_is_logged_in(candor: Call, provider: Provider) -> None:
    write("one.md", INCIDENT.replace("misuse:fraud", "misuse:frud"))
    told = candor("validate", "one.md", "--json")
    assert told.code == 3
    assert told.json["asked"] == provider.served.url
    found = [each for each in told.json["files"][0]["findings"] if each["severity"] == "error"]
    assert [(each["code"], each["line"]) for each in found] == [("unknown-tag", 5)]
    offline = candor("validate", "one.md", "--offline", "--json")
    assert (offline.code, offline.json["asked"]) == (3, None)


@pytest.mark.parametrize("trouble", ["away", "revoked"])
def test_validate_works_where_the_registry_cannot_be_asked(
    outside: Call, home: Path, provider: Provider, trouble: str
) -> None:
    if trouble == "away":
        log_in(home, replace(provider, served=Served("http://127.0.0.1:1", provider.served.settings)))
    else:
        log_in(home, replace(provider, credentials=Credentials(provider.credentials.client_id, "wrong")))
    lesson("one.md")
    called = outside("validate", "one.md")
    assert called.code == 0
    assert "vocabularies at hand" in called.err


# --- pull ---


def test_what_is_pulled_is_pushed_as_no_change(candor: Call, provider: Provider) -> None:
    content = {
        "nature": ["misuse"],
        "times": {"aware": "2026-03-02T10:00:00Z", "started": "2026~"},
        "contacts": [{"name": "Safety desk"}],
        "harms": [{"tag": "harm:financial"}],
    }
    restricted = [{"id": "more", "tlp": "AMBER", "content": {"summary": "All of it."}}]
    id = submitted(
        provider,
        kind="incident",
        narrative="One.\n\nTwo: *three*.",
        tags=["misuse:fraud"],
        content=content,
        restricted=restricted,
    )
    Path("cases").mkdir()
    pulled = candor("pull", id, "cases", "--json")
    assert pulled.json == {
        "id": id,
        "path": str(Path(f"cases/{id}.md").absolute()),
        "changed": True,
        "mine": True,
    }
    text = Path(f"cases/{id}.md").read_text()
    assert "Safety desk" in text
    assert text.endswith("\nOne.\n\nTwo: *three*.\n")
    assert counts(push(candor)) == (0, 0, 1, 0)
    assert candor("pull", id, "cases", "--json").json["changed"] is False


def test_a_file_that_says_the_same_in_other_words_is_left_alone(candor: Call) -> None:
    lesson("cases/one.md")
    push(candor)
    before = Path("cases/one.md").read_text()
    assert candor("pull", "cases/one.md", "cases", "--json").json["changed"] is False
    assert Path("cases/one.md").read_text() == before
    lesson("cases/one.md", happened="Something else.")
    refused = candor("pull", "cases/one.md", "cases")
    assert refused.code == 1
    assert "--force" in refused.err
    assert candor("pull", "cases/one.md", "cases", "--force", "--json").json["changed"] is True
    assert "Much." in Path("cases/one.md").read_text()


def test_others_records_are_pulled_as_published(candor: Call, served: Served) -> None:
    id = published(joined(served))
    called = candor("pull", id)
    assert called.code == 0
    assert "not a record of yours" in called.err
    assert "title: A lesson" in Path(f"{id}.md").read_text()
    assert not Path("candor-ids.json").exists()


# --- acts ---


def test_publish_withdraw_and_reinstate(candor: Call, provider: Provider) -> None:
    lesson("cases/one.md")
    push(candor)
    id = ids()["one.md"]
    assert candor("publish", "cases/one.md", "--json").json["state"] == "published"
    other = published(provider)
    words = ("--code", "duplicate", "--text", "Told twice.", "--replaced-by", other)
    assert candor("withdraw", id, *words, "--json").json["state"] == "withdrawn"
    with provider.client() as client:
        withdrawal = client.run(calls.read(id)).document["withdrawal"]
    assert withdrawal == {"code": "duplicate", "text": "Told twice.", "replaced_by": {"id": other}}
    assert "is published, version 3" in candor("reinstate", id, "--note", "It was not.").out
    Path("body.json").write_text('{"code": "error", "text": "Wrong."}')
    assert "is withdrawn" in candor("act", id, "withdraw", "--body", "body.json").out


def test_what_a_reviewer_asks_for_is_shown_by_line(candor: Call, provider: Provider) -> None:
    lesson("cases/one.md")
    lesson("cases/two.md")
    push(candor)
    assert (
        candor("submit", "cases/one.md", "cases/two.md", "--json").json["records"][1]["state"] == "submitted"
    )
    words = ("--comment", "/title: Say: which one.", "--comment", "All of it is short.")
    assert "is returned" in candor("return", "cases/one.md", *words).out
    shown = " ".join(candor("push", "cases", "--dry-run").out.split())
    assert "returned one.md:3 /title Say: which one." in shown
    assert "returned one.md:2 All of it is short." in shown
    lesson("cases/one.md", title="The first lesson")
    assert counts(push(candor)) == (0, 1, 1, 0)
    candor("submit", "cases/one.md")
    assert "is approved" in candor("approve", "cases/one.md").out
    called = candor("schedule", "cases/one.md", "--at", "2033-05-01T09:00:00Z", "--with", "cases/two.md")
    assert called.code == 0, called.err
    for name in ("one", "two"):
        with provider.client() as client:
            beside = client.run(calls.handling(ids()[f"{name}.md"]))
        assert beside.handling["embargo_until"] == "2033-05-01T09:00:00.000Z"
    again = push(candor, "--publish")
    assert counts(again) == (0, 0, 2, 0), "a schedule is no difference"
    assert again.json["published"] == 0, "and what is scheduled goes out by itself"
    assert candor("cancel", "cases/one.md").code == 0


def test_what_screening_found_is_told_by_line_and_resolved(candor: Call) -> None:
    lesson("cases/one.md", happened="Ask ada.lovelace@gmail.com for the rest.")
    push(candor)
    submitted = candor("submit", "cases/one.md")
    assert submitted.code == 0
    assert "cases/one.md:6 /content/what_happened" in submitted.err
    refused = candor("publish", "cases/one.md")
    assert refused.code == 1
    assert "cases/one.md:6 /content/what_happened" in refused.err
    (found,) = candor("resolve", "cases/one.md", "--json").json["findings"]
    assert found["state"] == "open"
    words = (str(found["number"]), "--reason", "They agreed to be named.")
    assert candor("resolve", "cases/one.md", *words, "--json").json["state"] == "resolved"
    assert "6 /content/what_happened" in candor("resolve", "cases/one.md").out
    assert candor("resolve", "cases/one.md", "1").code == 2
    assert candor("publish", "cases/one.md").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("publish", "CIR-7GQ2M4KX9X"), "no record"),
        (("publish", "CIR-7GQ2M4KX9Y"), "mistyped"),
        (("act", "{id}", "fly"), "no action"),
        (("withdraw", "{id}", "--code", "x", "--text", "y"), "no published version"),
        (("report", "{id}", "oecd"), "no record"),
        (("report", "{id}", "eu-74"), "eu-73"),
        (("pull", "CIR-7GQ2M4KX9X"), "no record"),
    ],
)
def test_what_cannot_be_is_told(candor: Call, provider: Provider, words: tuple[str, ...], said: str) -> None:
    id = submitted(provider)
    called = candor(*(word.format(id=id) for word in words))
    assert (called.code, called.out) == (1, "")
    assert said in called.err
    assert "Traceback" not in called.err


def test_a_client_without_the_scope_is_told(outside: Call, home: Path, served: Served) -> None:
    writer = joined(served, Scope.RECORDS_WRITE)
    log_in(home, writer)
    lesson("cases/one.md")
    called = push(outside, "--publish")
    assert (called.code, called.json["created"]) == (3, 1)
    assert "records:publish" in called.json["rejected"][0]["findings"][0]["message"]


# --- report ---


def test_report_as_table_markdown_and_json(candor: Call) -> None:
    write("voice.md", INCIDENT)
    assert candor("push", "voice.md", "--yes", "--publish").code == 0
    told = candor("report", "voice.md", "eu-73", "--json").json
    assert told["clocks"][0]["due"] == "2026-03-17T10:00:00.000Z"
    table = candor("report", "voice.md", "eu-73").out
    assert "Corrective measures" in table
    assert "missing" in table
    assert candor("report", "voice.md", "eu-73", "--md").out.startswith("# EU AI Act, Article 73")
    assert candor("report", "voice.md", "oecd", "--draft", "--json").json["version"] == "1"
    assert candor("report", "voice.md", "oecd", "--md", "--json").code == 2
    write("new.md", LESSON.format(title="A lesson", happened="Much."))
    assert "no id yet" in candor("report", "new.md", "oecd").err
