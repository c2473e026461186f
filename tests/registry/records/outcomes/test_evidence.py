"""What was reported to work, over HTTP, on both databases."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from registry.db import Database
from registry.extensions import Node
from registry.providers.models import Provider
from registry.records.outcomes import kept
from registry.records.outcomes.matrix import matrix
from registry.signing.jws import signed_bytes
from tests.conftest import Join, Publish
from tests.registry.mirroring import mirror, version_of
from tests.registry.records import acting
from tests.registry.records.acting import bring_out, revise, withdraw
from tests.registry.signing.signers import registered

STEWARD = "records:read registry:steward"
METRICS = [{"name": "recall", "value": 0.9}]
EVIDENCE, MATRIX = "/api/v1/evidence", "/api/v1/matrix"


def mitigation(**content: Any) -> dict[str, Any]:
    content = {"safeguard": "safeguard:filter/output", "applies_to": ["misuse:fraud"], **content}
    return acting.lesson(kind="mitigation", title="A filter", content=content)


def incident(
    *safeguards: dict[str, Any], tags: tuple[str, ...] = ("misuse:fraud/phishing",), **more: Any
) -> Any:
    content = {"safeguards": list(safeguards)}
    return acting.lesson(kind="incident", title="An incident", tags=list(tags), content=content, **more)


def evaluation(of: str, outcome: str, *, measured: bool = True, **more: Any) -> dict[str, Any]:
    effect = {"outcome": outcome, **({"metrics": METRICS} if measured else {})}
    content = {"about": {"id": of}, "stance": "evaluates", "effectiveness": effect}
    return acting.lesson(kind="response", title="An evaluation", content=content, **more)


async def asked(client: httpx.AsyncClient, against: str, **query: Any) -> dict[str, Any]:
    answer = await client.get(EVIDENCE, params={"against": against, **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def told(found: dict[str, Any]) -> dict[str, list[tuple[str, int, int]]]:
    """By what each entry is called: its outcomes with reports and organisations."""
    return {
        item["mitigation"]["id"] if item["type"] == "mitigation" else item["safeguard"]["tag"]: [
            (outcome, count["reports"], count["organisations"]) for outcome, count in item["outcomes"].items()
        ]
        for item in found["items"]
    }


async def prove_domain(database: Database, slug: str, domain: str) -> None:
    async with database.write() as session:
        proven = update(Provider).where(Provider.slug == slug)
        await session.execute(proven.values(domain=domain, domain_verified=True))


async def test_what_was_reported_is_ranked_counted_and_linked(
    client: httpx.AsyncClient, join: Join, database: Database
) -> None:
    owner, other, third = await join("owner-lab"), await join("other-lab"), await join("third-lab")
    await prove_domain(database, "other-lab", "Other.example")
    filter_ = await bring_out(
        client, owner, mitigation(effectiveness=[{"outcome": "effective", "metrics": METRICS}])
    )
    await bring_out(client, other, evaluation(filter_, "effective"))
    for _ in range(2):
        await bring_out(client, third, evaluation(filter_, "ineffective", attribution="anonymous"))
    await bring_out(
        client,
        third,
        incident(
            {"id": "x", "tag": "safeguard:access/rate-limit", "outcome": "bypassed"},
            {"mitigation": {"id": filter_}, "outcome": "worked", "against": ["misuse:spam"]},
        ),
    )
    found = await asked(client, "misuse:fraud")
    assert told(found) == {
        filter_: [("effective", 2, 2), ("ineffective", 2, 1)],
        "safeguard:filter/output": [("effective", 2, 2), ("ineffective", 2, 1)],
        "safeguard:access/rate-limit": [("bypassed", 1, 1)],
    }
    first = found["items"][0]
    assert (first["organisations"], first["proven"], first["unnamed"], first["reports"]) == (3, 1, True, 4)
    assert {
        basis: count["organisations"] for basis, count in first["groups"]["working"]["by_basis"].items()
    } == {
        "measured": 1,
        "independent": 1,
    }
    assert (first["order"]["independent_proven"], first["order"]["measured"]) == (1, 2)
    assert list(first["order"]) == [one["id"] for one in found["order"]]
    assert {"organisations", "unnamed", "independent"} <= {one["id"] for one in found["counting"]}
    assert "owner-lab" not in str(first["sources"][0].get("provider"))
    assert [source["outcome"] for source in first["sources"]] == [
        "ineffective",
        "ineffective",
        "effective",
        "effective",
    ]
    read = await client.get(found["items"][2]["sources"][0]["url"])
    assert (read.status_code, found["items"][2]["sources"][0]["part"]) == (200, "/content/safeguards/x")
    # What a report is said against is what it counts against, and the record is one thing to be against.
    assert told(await asked(client, "misuse:spam")) == {
        filter_: [("worked", 1, 1)],
        "safeguard:filter/output": [("worked", 1, 1)],
    }
    incident_id = found["items"][2]["sources"][0]["id"]
    about = await asked(client, incident_id)
    assert (about["against"]["id"], [one["tag"] for one in about["against"]["tags"]]) == (
        incident_id,
        ["misuse:fraud/phishing"],
    )
    assert told(about) == {
        filter_: [("worked", 1, 1)],
        "safeguard:access/rate-limit": [("bypassed", 1, 1)],
        "safeguard:filter/output": [("worked", 1, 1)],
    }
    # One entry alone, and other ways to narrow.
    alone = (await client.get(found["items"][1]["url"])).json()
    assert [len(item["sources"]) for item in alone["items"]] == [4]
    assert set(told(await asked(client, "misuse:fraud", safeguard="safeguard:filter"))) == {
        "safeguard:filter/output"
    }
    assert set(told(await asked(client, "misuse:fraud", show="mitigations"))) == {filter_}
    assert set(told(await asked(client, "misuse:fraud", kind="incident"))) == {"safeguard:access/rate-limit"}
    page = await asked(client, "misuse:fraud", limit=1, sources=0)
    assert (page["total"], page["next"], page["items"][0]["more"]) == (3, 1, 4)
    for nothing in ({"since": "2999-01-01"}, {"origin": "peer.example/log"}):
        assert (await asked(client, "misuse:fraud", **nothing))["items"] == []
    # The matrix counts the same.
    cells = {(one["row"], one["column"]): one for one in (await client.get(MATRIX)).json()["cells"]}
    cell = cells["misuse:fraud", "safeguard:filter"]
    assert (cell["evaluated"], cell["effective"], cell["failing"], cell["organisations"]["any"]) == (
        4,
        2,
        2,
        3,
    )
    assert (cells["misuse:spam", "safeguard:filter"]["worked"], cell["worked"]) == (1, 0)
    limited = cells["misuse:fraud", "safeguard:access"]
    assert (limited["incidents"], limited["bypassed"], limited["organisations"]["bypassed"]) == (1, 1, 1)
    shown = (await client.get(limited["records"])).json()["items"]
    assert [one["id"] for one in shown] == [incident_id]
    assert told((await client.get(limited["evidence"])).json()) == {
        "safeguard:access/rate-limit": [("bypassed", 1, 1)]
    }


async def test_changes_are_counted_at_once(client: httpx.AsyncClient, join: Join) -> None:
    lab, other = await join("lab"), await join("other-lab")
    steward = await join("editors", scopes=STEWARD)
    filter_ = await bring_out(client, lab, mitigation())
    said = await bring_out(client, other, evaluation(filter_, "effective"))
    seen = await bring_out(client, lab, incident({"tag": "safeguard:filter/output", "outcome": "bypassed"}))
    names = ("safeguard:filter/output", filter_)

    async def now() -> list[tuple[str, int, int]]:
        found = told(await asked(client, "misuse:fraud"))
        return found.get(names[0], [])

    assert await now() == [("effective", 1, 1), ("bypassed", 1, 1)]
    await withdraw(client, other, said)
    assert await now() == [("bypassed", 1, 1)]
    await acting.reinstate(client, other, said)
    # A mitigation that applies to something else takes along whoever evaluated it.
    await revise(
        client, lab, filter_, content={"safeguard": "safeguard:filter/output", "applies_to": ["misuse:spam"]}
    )
    assert await now() == [("bypassed", 1, 1)]
    assert told(await asked(client, "misuse:spam"))[filter_] == [("effective", 1, 1)]
    code = {"code": "Order 7", "reason": "A court said so."}
    for action, body, left in (
        ("suppress", code, []),
        ("unsuppress", {"reason": "It was lifted."}, [("bypassed", 1, 1)]),
    ):
        await acting.act(client, steward, seen, action, "*", body)
        assert await now() == left
    newest = await client.get(f"/api/v1/records/{seen}")
    erased = await acting.act(
        client,
        steward,
        seen,
        "erase",
        newest.headers["etag"],
        {"code": "safety", "reason": "It named somebody."},
    )
    assert erased.status_code == 200, erased.text
    assert await now() == []
    # Of a mitigation that cannot be read any more, nothing is said that is not said elsewhere.
    await withdraw(client, lab, filter_)
    assert (await asked(client, "misuse:spam"))["items"] == []


async def test_what_is_hidden_changes_no_byte(
    client: httpx.AsyncClient, join: Join, publish: Publish, node: Node
) -> None:
    lab, other = await join("lab"), await join("other-lab")
    filter_ = await bring_out(client, lab, mitigation(effectiveness=[{"outcome": "partial"}]))
    addresses = (f"{EVIDENCE}?against=misuse:fraud", f"{EVIDENCE}?against={filter_}", f"{MATRIX}?depth=3")

    async def bytes_of() -> list[tuple[bytes, dict[str, str]]]:
        answers = [await client.get(address) for address in addresses]
        validators = ("etag", "last-modified")
        return [(one.content, {name: one.headers[name] for name in validators}) for one in answers]

    before = await bytes_of()
    green = {"handling": {"tlp": "GREEN"}}
    said = incident({"tag": "safeguard:filter/output", "outcome": "bypassed"})
    drafted = await acting.submit(client, other, said)
    assert drafted.status_code == 201
    for hidden in (
        said,
        evaluation(filter_, "harmful"),
        mitigation(effectiveness=[{"outcome": "effective"}]),
    ):
        id = await bring_out(client, other, {**hidden, **green})
        assert (await client.get(f"/api/v1/records/{id}")).status_code == 404
        shown = await client.get(f"{EVIDENCE}?against={id}")
        missing = await client.get(f"{EVIDENCE}?against=CIR-000000000H")
        assert shown.text.replace(id, "*") == missing.text.replace("CIR-000000000H", "*")
    assert await bytes_of() == before
    # A restricted part of a public record is no report, for whoever asks.
    patch = {
        "content": {"safeguards": [{"id": "r", "tag": "safeguard:filter/output", "outcome": "bypassed"}]}
    }
    part = {"id": "more", "tlp": "GREEN", "content": patch}
    bare = incident(tags=("misuse:fraud",)) | {"content": {"severity": "severity:low"}, "restricted": [part]}
    await bring_out(client, other, bare)
    for headers in ({}, other.headers, lab.headers):
        found = (await client.get(addresses[0], headers=headers)).json()
        assert [item["outcomes"].keys() for item in found["items"]] == [{"partial"}] * 2


async def test_other_registries_count_by_what_is_proven(
    client: httpx.AsyncClient, join: Join, node: Node
) -> None:
    owner, lab = await join("third-lab"), await join("lab")
    await prove_domain(node.database, "lab", "lab.example")
    key = await registered(node, client, "lab")
    filter_ = await bring_out(client, owner, mitigation())
    claimed = {"slug": "a-lab", "name": "Lab", "domain": "lab.example", "verified": True}
    effect = {"outcome": "effective", "metrics": METRICS}
    content = {
        "about": {"id": filter_, "origin": node.origin},
        "stance": "evaluates",
        "effectiveness": effect,
    }
    item = version_of("a", kind="response", provider=claimed, content=content)
    assert (
        await mirror(node, item, version_of("b", kind="incident", provider=None, content={}))
        == ["stored"] * 2
    )

    async def counted() -> tuple[int, int, int]:
        entry = (await asked(client, "misuse:fraud"))["items"][0]
        return entry["organisations"], entry["proven"], entry["order"]["independent"]

    # Their registry's word for the domain proves nothing; the domain's own key does.
    assert await counted() == (1, 0, 1)
    signed = version_of("c", kind="response", provider=claimed, content=content)
    signature = key.sign(signed_bytes(signed.value, None))
    assert await mirror(node, replace(signed, signatures=(signature,))) == ["stored"]
    assert await counted() == (2, 1, 2)
    # What the same organisation says here is said by the same organisation.
    await bring_out(client, lab, evaluation(filter_, "effective"))
    assert await counted() == (2, 1, 2)
    gone = version_of("a", 2, kind="response", content=content, withdrawal={"code": "other", "text": "No."})
    assert await mirror(node, gone) == ["stored"]
    assert await counted() == (1, 1, 1)


@pytest.mark.one_database
async def test_imports_are_told_apart_and_can_be_left_out(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join("lab")
    said = {"tag": "safeguard:filter", "outcome": "worked"}
    await bring_out(client, lab, incident(said))
    source = {"scheme": "aiid", "id": "1"}
    await bring_out(client, lab, incident(said, basis="imported", source=source))
    (item,) = (await asked(client, "misuse:fraud"))["items"]
    assert (item["reports"], item["imported"], item["organisations"]) == (2, 1, 1)
    (item,) = (await asked(client, "misuse:fraud", imported="false"))["items"]
    assert (item["reports"], item["imported"]) == (1, 0)
    cells = (await client.get(MATRIX, params={"imported": "false"})).json()["cells"]
    assert {one["incidents"] for one in cells} == {1}


@pytest.mark.one_database
async def test_answers_are_kept_and_say_when_they_are_unchanged(
    client: httpx.AsyncClient, join: Join
) -> None:
    lab = await join("lab")
    for address in (f"{EVIDENCE}?against=misuse:fraud", f"{MATRIX}?rows=misuse&columns=safeguard"):
        first = await client.get(address)
        again = await client.get(address, headers={"If-None-Match": first.headers["etag"]})
        assert (first.status_code, again.status_code) == (200, 304)
        await bring_out(client, lab, incident({"tag": "safeguard:filter", "outcome": "worked"}))
        assert (await client.get(address)).headers["etag"] != first.headers["etag"]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("address", "code", "words"),
    [
        (EVIDENCE, "missing", "against=misuse:fraud"),
        (f"{EVIDENCE}?against=misuse:frod", "unknown-tag", "misuse:fraud"),
        (f"{EVIDENCE}?against=fraud", "wrong-tag", "misuse:fraud"),
        (f"{EVIDENCE}?against=CIR-0", "wrong-record-id", "record id"),
        (f"{EVIDENCE}?against=misuse:fraud&kind=incidents", "unknown-value", "incident"),
        (f"{EVIDENCE}?against=misuse:fraud&crosswalk=off", "unknown-parameter", "crosswalks"),
        (f"{EVIDENCE}?against=misuse:fraud&limit=101", "wrong-number", "100"),
        (f"{EVIDENCE}?against=misuse:fraud&since=soon", "wrong-date", "2026"),
        (f"{EVIDENCE}?against=misuse:fraud&against=misuse:spam", "given-twice", "once"),
        (f"{MATRIX}?rows=misus", "unknown-namespace", "misuse"),
        (f"{MATRIX}?columns=safeguard:filtr", "unknown-tag", "safeguard:filter"),
        (f"{MATRIX}?rows=safeguard", "same-axis", "another"),
        (f"{MATRIX}?depth=99", "wrong-number", "6"),
    ],
)
async def test_what_cannot_be_read_is_said_with_what_was_meant(
    client: httpx.AsyncClient, address: str, code: str, words: str
) -> None:
    answer = await client.get(address)
    (finding,) = answer.json()["findings"]
    assert (answer.status_code, finding["code"]) == (400, code)
    assert words in finding["message"] + str(finding.get("suggestion"))


@pytest.mark.one_database
async def test_any_two_vocabularies_make_a_matrix(client: httpx.AsyncClient, join: Join) -> None:
    lab = await join("lab")
    said = {"tag": "safeguard:filter/output", "outcome": "bypassed"}
    await bring_out(client, lab, incident(said, tags=("misuse:fraud/phishing", "harm:financial", "sector:K")))
    for query, keys in (
        ("rows=harm&columns=misuse", {("harm:financial", "misuse:fraud")}),
        ("rows=sector&columns=safeguard", {("sector:K", "safeguard:filter")}),
        (
            "rows=safeguard:filter&columns=misuse",
            {("safeguard:filter", "misuse:fraud"), ("safeguard:filter/output", "misuse:fraud")},
        ),
    ):
        found = (await client.get(f"{MATRIX}?{query}")).json()
        assert {(one["row"], one["column"]) for one in found["cells"]} == keys
        assert {(one["incidents"], one["bypassed"]) for one in found["cells"]} == {(1, 1)}
    deep = (await client.get(f"{MATRIX}?depth=2&columns=harm")).json()
    lines = {one["tag"]: one for one in deep["rows"]["items"]}
    assert lines["misuse:fraud/phishing"]["parent"] == "misuse:fraud"
    assert [lines[tag]["incidents"] for tag in ("misuse:fraud", "misuse:fraud/phishing", "misuse:spam")] == [
        1,
        1,
        0,
    ]
    assert deep["rows"]["total"] > len((await client.get(f"{MATRIX}?limit=3")).json()["rows"]["items"]) == 3


@pytest.mark.one_database
async def test_a_matrix_is_counted_once_until_something_public_changes(
    client: httpx.AsyncClient, join: Join, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []

    async def count(*arguments: Any) -> Any:
        counted.append(arguments[-1])
        return await matrix(*arguments)

    monkeypatch.setattr(kept, "matrix", count)
    lab = await join("lab")

    async def ask() -> list[Any]:
        # Members are answered past the front, which would keep it, too.
        answers = [await client.get(MATRIX, headers=lab.headers) for _ in range(2)]
        return [answer.json()["cells"] for answer in answers]

    assert await ask() == [[], []]
    said = incident({"tag": "safeguard:filter", "outcome": "worked"})
    await bring_out(client, lab, said | {"handling": {"tlp": "GREEN"}})
    assert (await ask(), len(counted)) == ([[], []], 1)
    await bring_out(client, lab, said)
    first, second = await ask()
    assert (first, len(first), len(counted)) == (second, 1, 2)
    await prove_domain(node.database, "lab", "lab.example")
    assert (await ask(), len(counted)) == ([first, first], 3)
