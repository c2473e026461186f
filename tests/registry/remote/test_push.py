"""A folder of records in git, brought to a registry and back."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from registry.client import Client, calls
from registry.commands.remote import folder as folders
from registry.records.models import Record
from tests.registry.calling import Call, Called
from tests.registry.remote.conftest import Provider, Served
from tests.registry.serving import CANDOR

LESSON = """---
kind: lesson
title: {title}
summary: What was learnt.
content:
  what_happened: {happened}
---

The *account*.
"""
INCIDENT = """---
kind: incident
title: Calls with a cloned voice
summary: Callers imitated a relative.
tags: [misuse:fraud]
relations:
  - type: related
    target: {id: "source:native:ask-a-question"}
content:
  nature: [misuse]
  setting: in-the-wild
  assertion: {status: confirmed}
  harms:
    - {tag: harm:financial, status: realised}
  times:
    started: 2026-03-01
    aware: 2026-03-02T10:00:00Z
  contacts:
    - {name: Safety desk, address: safety desk of the lab}
---
"""


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def lesson(name: str, title: str = "A lesson", happened: str = "Much.") -> Path:
    return write(name, LESSON.format(title=title, happened=happened))


def counts(called: Called) -> tuple[int, int, int, int]:
    told = called.json
    return told["created"], told["revised"], told["unchanged"], len(told["rejected"])


def ids() -> dict[str, str]:
    found: dict[str, str] = json.loads(Path("cases/candor-ids.json").read_text())["records"]
    return found


def records_of(served: Served, provider: Provider) -> int:
    from registry.providers.models import Provider as Row

    async def count(session: Any) -> int:
        query = select(func.count()).select_from(Record).join(Row, Row.pk == Record.provider_pk)
        return int(await session.scalar(query.where(Row.slug == provider.slug)) or 0)

    return served.ask(count)


def push(candor: Call, *words: str) -> Called:
    return candor("push", "cases", "--yes", "--json", *words)


# --- what it does ---


def test_a_second_push_finds_nothing_to_do(candor: Call, served: Served, provider: Provider) -> None:
    write("cases/voice.md", INCIDENT)
    lesson("cases/below/ask-a-question.md")
    lesson("cases/README.md", "Not a record")
    first = push(candor)
    assert (first.code, counts(first)) == (0, (2, 0, 0, 0)), first.err
    assert set(ids()) == {"voice.md", "below/ask-a-question.md"}
    second = push(candor)
    assert (second.code, counts(second)) == (0, (0, 0, 2, 0))
    assert records_of(served, provider) == 2
    document = provider.draft(ids()["voice.md"])
    assert document["relations"][0]["target"]["id"] == ids()["below/ask-a-question.md"]


def test_files_that_refer_to_each_other_both_do_in_the_end(candor: Call, provider: Provider) -> None:
    relation = "relations: [{{type: related, target: {{id: 'source:native:{other}'}}}}]\ncontent:"
    for name, other in (("one", "two"), ("two", "one")):
        text = LESSON.format(title=name, happened="Much.")
        write(f"cases/{name}.md", text.replace("content:", relation.format(other=other)))
    assert counts(push(candor)) == (2, 0, 0, 0)
    for name, other in (("one", "two"), ("two", "one")):
        target = provider.draft(ids()[f"{name}.md"])["relations"][0]["target"]["id"]
        assert target == ids()[f"{other}.md"]
    assert counts(push(candor)) == (0, 0, 2, 0)


def test_what_changed_is_shown_and_pushed(candor: Call, provider: Provider) -> None:
    lesson("cases/one.md")
    lesson("cases/two.md")
    push(candor)
    lesson("cases/one.md", happened="A little.")
    looked = candor("push", "cases", "--dry-run")
    assert "what_happened: A little." in looked.out
    assert "-  what_happened: Much." in looked.out
    assert "Nothing was written" in looked.out
    assert provider.draft(ids()["one.md"])["content"]["what_happened"] == "Much."
    assert counts(push(candor)) == (0, 1, 1, 0)
    assert provider.draft(ids()["one.md"])["content"]["what_happened"] == "A little."


def test_a_dry_run_writes_nothing(candor: Call, served: Served, provider: Provider) -> None:
    lesson("cases/one.md")
    assert counts(candor("push", "cases", "--dry-run", "--json")) == (1, 0, 0, 0)
    assert not Path("cases/candor-ids.json").exists()
    assert records_of(served, provider) == 0


def test_publishing_and_revising(candor: Call, provider: Provider) -> None:
    lesson("cases/one.md")
    assert push(candor, "--publish").json["published"] == 1
    assert push(candor, "--publish").json["published"] == 0
    lesson("cases/one.md", happened="A little.")
    refused = push(candor, "--publish")
    assert refused.code == 3
    assert refused.json["rejected"][0]["findings"][0]["code"] == "revision-missing"
    done = push(candor, "--publish", "--revision", "correction", "--note", "It was little.")
    assert (done.code, done.json["published"]) == (0, 1), done.out
    with provider.client() as client:
        document = client.run(calls.read(ids()["one.md"])).document
    assert (document["version"], document["revision"]["type"]) == (2, "correction")
    assert counts(push(candor, "--publish")) == (0, 0, 1, 0)


def test_what_was_shared_is_no_difference_either(candor: Call) -> None:
    more = "handling: {tlp: GREEN}\nrestricted: [{id: more, tlp: RED, content: {summary: All.}}]\ncontent:"
    write("cases/one.md", LESSON.format(title="A lesson", happened="Much.").replace("content:", more))
    assert push(candor, "--publish").json["published"] == 1
    again = push(candor, "--publish")
    assert (counts(again), again.json["published"]) == ((0, 0, 1, 0), 0)


def test_what_is_set_aside_is_no_difference(candor: Call, provider: Provider) -> None:
    write("cases/voice.md", INCIDENT)
    push(candor)
    assert "contacts" not in provider.draft(ids()["voice.md"])["content"]
    assert counts(push(candor)) == (0, 0, 1, 0)
    write("cases/voice.md", INCIDENT.replace("safety desk of the lab", "another desk"))
    assert "+" in candor("push", "cases", "--dry-run").out
    assert counts(push(candor)) == (0, 1, 0, 0)
    with provider.client() as client:
        (part,) = client.run(calls.handling(ids()["voice.md"])).restricted
    assert part["content"]["content"]["contacts"][0]["address"] == "another desk"
    assert counts(push(candor)) == (0, 0, 1, 0)


@pytest.mark.parametrize(
    "more",
    [
        "handling: {tlp: AMBER, groups: []}\n",
        "attribution: anonymous\n",
        "restricted:\n  - {id: more, tlp: RED, people: [a@example.org], content: {summary: All of it.}}\n",
        "systems: [A model]\nmetrics: [{name: flagged, value: 1.50}]\ntags: [misuse:fraud, misuse:fraud]\n",
        "narrative: In front.\n",
    ],
)
def test_nothing_of_a_file_makes_a_second_push_do_something(candor: Call, more: str) -> None:
    text = LESSON.format(title="A lesson", happened="Much.").replace("content:", f"{more}content:")
    if more.startswith("narrative"):
        text = text.replace("\nThe *account*.\n", "")
    write("cases/one.md", text)
    assert counts(push(candor)) == (1, 0, 0, 0)
    assert counts(push(candor)) == (0, 0, 1, 0)


def test_mistakes_are_told_by_file_and_line(candor: Call) -> None:
    write("cases/wrong.md", "---\nkind: lesson\ntitle: Wrong\ntags: [misuse:frud]\ncontent: {}\n---\n")
    write("cases/unread.md", "---\nkind: lesson\ntitle: [\n---\n")
    lesson("cases/right.md")
    called = push(candor)
    assert (called.code, counts(called)) == (3, (1, 0, 0, 2))
    found = {item["item"]: item["findings"] for item in called.json["rejected"]}
    assert {each["line"] for each in found["wrong.md"]} >= {5}
    assert found["unread.md"][0]["code"] == "yaml-syntax"
    assert counts(push(candor)) == (0, 0, 1, 2)
    write(
        "cases/wrong.md",
        LESSON.format(title="Wrong", happened="x").replace("content", "tags: [misuse:frud]\ncontent"),
    )
    called = candor("push", "cases", "--yes")
    assert called.code == 3
    assert "wrong.md:5 /tags/0" in called.err
    assert "misuse:fraud" in called.err, "and with what is nearest"


def test_somebody_elses_change_is_shown_before_it_is_overwritten(candor: Call, provider: Provider) -> None:
    lesson("cases/one.md")
    push(candor)
    id = ids()["one.md"]
    with provider.client() as client:
        draft = client.run(calls.draft(id))
        body = {"kind": "lesson", "title": "Theirs", "content": {"what_happened": "Other."}}
        client.run(calls.replace_draft(id, body, if_match=draft.etag))
    looked = candor("push", "cases", "--dry-run")
    assert "-title: Theirs" in looked.out


def test_nobody_is_asked_where_nobody_is(candor: Call, served: Served, provider: Provider) -> None:
    lesson("cases/one.md")
    called = candor("push", "cases")
    assert called.code == 2
    assert "--yes" in called.err
    assert records_of(served, provider) == 0


def test_one_file_uses_the_ids_of_the_folder_around_it(
    candor: Call, served: Served, provider: Provider
) -> None:
    lesson("cases/below/one.md")
    push(candor)
    assert counts(candor("push", "cases/below/one.md", "--yes", "--json")) == (0, 0, 1, 0)
    assert not Path("cases/below/candor-ids.json").exists()
    assert records_of(served, provider) == 1


def test_ids_below_are_not_passed_over(candor: Call) -> None:
    lesson("cases/below/one.md")
    candor("push", "cases/below", "--yes")
    called = push(candor)
    assert called.code == 1
    assert "holds ids of its own" in called.err


def test_ids_of_another_registry_are_not_taken_for_ours(candor: Call) -> None:
    lesson("cases/one.md")
    push(candor)
    place = Path("cases/candor-ids.json")
    place.write_text(place.read_text().replace("registry.example/log", "other.example/log"))
    called = push(candor)
    assert called.code == 1
    assert "other.example/log" in called.err


def test_a_record_that_is_not_ours_is_told(candor: Call) -> None:
    lesson("cases/one.md")
    write(
        "cases/candor-ids.json",
        json.dumps({"registry": "registry.example/log", "records": {"one.md": "CIR-7GQ2M4KX9X"}}),
    )
    called = push(candor)
    assert (called.code, called.json["rejected"][0]["findings"][0]["code"]) == (3, "not-yours")
    write("cases/candor-ids.json", "nonsense")
    assert push(candor).code == 1


# --- ended in between ---


class Ended(Exception):
    """The process was ended."""


@pytest.mark.parametrize("moment", ["before-sending", "after-sending"])
@pytest.mark.parametrize("changed", [False, True])
def test_a_push_that_was_ended_goes_on_and_creates_nothing_twice(
    candor: Call,
    served: Served,
    provider: Provider,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    changed: bool,
) -> None:
    for name in "abc":
        lesson(f"cases/{name}.md", title=f"Lesson {name}")
    with monkeypatch.context() as broken:
        send, seen = Client.run, []

        def run(client: Client, call: Any) -> Any:
            creates = call.ask.path == "/api/v1/records" and call.ask.method == "POST"
            seen.append(creates)
            if creates and sum(seen) == 2 and moment == "before-sending":
                raise Ended
            answer = send(client, call)
            if creates and sum(seen) == 2:
                raise Ended
            return answer

        broken.setattr(Client, "run", run)
        with pytest.raises(Ended):
            push(candor)
    assert list(ids()) == ["a.md"]
    if changed:
        lesson("cases/b.md", title="Lesson b, said better")
    again = push(candor)
    assert again.code == 0
    assert again.json["created"] == 1, "b was begun, and its id is known again"
    assert records_of(served, provider) == 3
    assert provider.draft(ids()["b.md"])["title"] == f"Lesson b{', said better' if changed else ''}"
    assert counts(push(candor)) == (0, 0, 3, 0)
    assert "begun" not in json.loads(Path("cases/candor-ids.json").read_text())


def test_a_process_that_is_killed_leaves_no_duplicates(
    candor: Call, served: Served, provider: Provider, home: Path
) -> None:
    for number in range(16):
        lesson(f"cases/{number:02}.md", title=f"Lesson {number}")
    environment = {**os.environ, "XDG_CONFIG_HOME": str(home)}
    words = [CANDOR, "push", "cases", "--yes", "--json"]
    for fewest in (2, 9):
        process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < end:
            if Path("cases/candor-ids.json").exists() and len(ids()) >= fewest:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.005)
        process.wait(60)
    assert push(candor).code == 0
    assert len(set(ids().values())) == 16
    assert records_of(served, provider) == 16
    assert counts(push(candor)) == (0, 0, 16, 0)


def test_the_key_is_the_same_for_the_same_file() -> None:
    one = folders.key_of("a.md", {"kind": "lesson", "title": "x"})
    assert one == folders.key_of("a.md", {"title": "x", "kind": "lesson"})
    assert one != folders.key_of("b.md", {"kind": "lesson", "title": "x"})
    assert one != folders.key_of("a.md", {"kind": "lesson", "title": "y"})
