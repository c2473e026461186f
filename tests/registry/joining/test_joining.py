"""Joining over HTTP, as a newcomer and as the stewards see it."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from registry.audit.models import Act
from registry.errors import Unreached
from registry.extensions import Node
from registry.outgoing import Fetched
from registry.providers import applications
from registry.providers.models import Application, Provider
from tests.conftest import Join, Member

APPLICATION = {
    "name": "Example Lab",
    "kind": "organisation",
    "domain": "lab.example",
    "sector": "sector:J",
    "usage_policy": "https://lab.example/usage-policy",
    "contact": "disclosure@lab.example",
    "note": "We run a language model.\nAnd want to tell.",
}
PROVIDERS = "/api/v1/providers"
REASON = {"reason": "Domain and policy were checked."}


@pytest.fixture
async def steward(join: Join) -> Member:
    return await join("stewards", scopes="registry:steward records:read")


async def apply(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post(PROVIDERS, json=APPLICATION | fields)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    assert answer.headers["location"] == body["status"] == f"{PROVIDERS}/{body['slug']}"
    assert answer.headers["cache-control"].startswith("private")
    return body


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def decide(
    client: httpx.AsyncClient, who: Member, which: str, action: str, **body: Any
) -> httpx.Response:
    return await client.post(f"{PROVIDERS}/{which}/actions/{action}", json=REASON | body, headers=who.headers)


async def test_from_nothing_to_approved_and_back(
    client: httpx.AsyncClient, node: Node, steward: Member
) -> None:
    made = await apply(client)
    slug, key = made["slug"], bearer(made["onboarding_key"])
    assert made["state"] == "applied"
    assert slug.startswith("example-lab-")
    assert made["application"]["wished_slug"] == "example-lab"
    own = (await client.get(made["status"], headers=key)).json()
    assert {**own, **{k: made[k] for k in ("onboarding_key", "onboarding_key_expires", "status")}} == made
    # The key only looks while nobody has decided.
    for answer in (
        await client.post("/api/v1/records", json={}, headers=key),
        await client.post(f"{PROVIDERS}/{slug}/actions/approve", json=REASON, headers=key),
    ):
        assert answer.status_code == 403, answer.text
    queue = (await client.get(PROVIDERS, params={"state": "applied"}, headers=steward.headers)).json()
    assert [item["slug"] for item in queue["items"]] == [slug]
    waits = (await client.get("/api/v1/queue", headers=steward.headers)).json()["items"]
    assert [(item["type"], item["subject"]) for item in waits] == [("application", slug)]
    seen = (await client.get(made["status"], headers=steward.headers)).json()
    assert seen["application"]["note"] == APPLICATION["note"]
    assert seen["open"] == ["admit", "approve", "decline", "close"]

    admitted = await decide(client, steward, slug, "admit")
    assert (admitted.status_code, admitted.json()["slug"], admitted.json()["state"]) == (
        200,
        "example-lab",
        "sandbox",
    )
    assert (await client.get(f"{PROVIDERS}/example-lab")).status_code == 404, "a sandbox is nobody's business"
    own = (await client.get(f"{PROVIDERS}/example-lab", headers=key)).json()
    assert own["decision"]["reason"] == REASON["reason"]
    assert (await client.get(made["status"], headers=key)).json() == own, "the old address leads on"

    assert (await decide(client, steward, "example-lab", "approve")).json()["state"] == "approved"
    public = (await client.get(f"{PROVIDERS}/example-lab")).json()
    assert public.keys() == {"slug", "name", "domain", "verified", "sector", "state", "since"}
    assert (await decide(client, steward, "example-lab", "suspend")).json()["state"] == "suspended"
    assert (await client.get(made["status"], headers=key)).status_code == 401
    assert (await decide(client, steward, "example-lab", "close")).json()["state"] == "closed"
    assert (await decide(client, steward, "example-lab", "approve")).status_code == 409
    assert (await decide(client, steward, "example-lab", "reopen")).json()["state"] == "suspended"

    async with node.database.read() as session:
        pk = await session.scalar(select(Provider.pk).where(Provider.slug == "example-lab"))
        acts = (await session.scalars(select(Act).where(Act.provider_pk == pk).order_by(Act.pk))).all()
    assert [(one.topic, one.action) for one in acts] == [
        ("provider", action) for action in ("apply", "admit", "approve", "suspend", "close", "reopen")
    ]
    assert [one.actor for one in acts] == ["anonymous", *[steward.client_id] * 5]
    assert all(one.detail["reason"] == REASON["reason"] for one in acts[1:])
    assert acts[0].address == "127.0.0.1"
    assert made["onboarding_key"] not in str([one.detail for one in acts])


async def test_an_application_is_known_to_nobody_else(
    client: httpx.AsyncClient, join: Join, steward: Member
) -> None:
    """Whoever asks learns the same, whether or not somebody applied under that name."""
    rival = await join("rival")
    before = [
        (await client.get(f"{PROVIDERS}/{slug}", headers=who)).text.replace(slug, "X")
        for slug in ("example-lab", "example-lab-00000000")
        for who in ({}, rival.headers)
    ]
    made = await apply(client)
    after = [
        (await client.get(f"{PROVIDERS}/{slug}", headers=who)).text.replace(slug, "X")
        for slug in ("example-lab", made["slug"])
        for who in ({}, rival.headers)
    ]
    assert before == after
    assert made["slug"] not in (await client.get(PROVIDERS)).text
    for address in (f"/feeds/provider/{made['slug']}.json", f"/feeds/provider/{made['slug'][:-1]}.json"):
        answer = await client.get(address)
        assert answer.status_code == 404
        assert "mean" not in answer.json()["detail"]
    for method, path in (("GET", ""), ("PATCH", ""), ("POST", "/actions/prove")):
        address = f"{PROVIDERS}/{made['slug']}{path}"
        hidden = await client.request(method, address, json={}, headers={**rival.headers, "If-Match": '"x"'})
        absent = await client.request(
            method,
            f"{PROVIDERS}/{'x' * len(made['slug'])}{path}",
            json={},
            headers={**rival.headers, "If-Match": '"x"'},
        )
        assert hidden.status_code == absent.status_code == 404, method
    # The same wish is taken again and again, until somebody is listed under it.
    second = await apply(client, contact="other@lab.example", domain="other.example")
    assert second["slug"] != made["slug"]
    assert (await decide(client, steward, made["slug"], "admit")).status_code == 200
    await apply(client, contact="third@lab.example", domain="third.example")
    taken = await decide(client, steward, second["slug"], "approve")
    assert (taken.status_code, "`slug`" in taken.json()["detail"]) == (409, True)
    settled = await decide(client, steward, second["slug"], "approve", slug="second-lab")
    assert settled.json()["slug"] == "second-lab"
    assert (await decide(client, steward, "example-lab", "approve")).status_code == 200
    listed = await client.post(PROVIDERS, json=APPLICATION)
    reserved = await client.post(PROVIDERS, json=APPLICATION | {"slug": "steward"})
    assert listed.status_code == reserved.status_code == 422
    assert listed.text.replace("example-lab", "X") == reserved.text.replace("steward", "X")


async def test_who_is_declined_reads_why_and_may_be_asked_again(
    client: httpx.AsyncClient, steward: Member
) -> None:
    made = await apply(client)
    key = bearer(made["onboarding_key"])
    assert (await decide(client, steward, made["slug"], "decline")).json()["state"] == "declined"
    own = (await client.get(made["status"], headers=key)).json()
    assert (own["state"], own["decision"]["reason"]) == ("declined", REASON["reason"])
    assert (await client.get(made["status"])).status_code == 404
    assert (await decide(client, steward, made["slug"], "reopen")).json()["state"] == "applied"
    closed = await decide(client, steward, made["slug"], "close")
    assert closed.json()["state"] == "closed"
    assert (await client.get(made["status"])).status_code == 404, "never approved, never shown"
    assert (await client.get(PROVIDERS)).json()["items"][0]["slug"] == "stewards"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"name": None}, ["/name"]),
        ({"name": "Two\nlines", "domain": "no domain"}, ["/name", "/domain"]),
        ({"domain": None}, ["/domain"]),
        ({"domain": "127.0.0.1"}, ["/domain"]),
        ({"domain": "lab.example:8080"}, ["/domain"]),
        ({"domain": ["lab.example"]}, ["/domain"]),
        ({"contact": None}, ["/contact"]),
        ({"contact": "nobody"}, ["/contact"]),
        ({"contact": "a b@lab.example"}, ["/contact"]),
        ({"contact": "a@lab.example, b@lab.example"}, ["/contact"]),
        ({"contact": "x" * 300 + "@lab.example"}, ["/contact"]),
        ({"usage_policy": "javascript:alert(1)"}, ["/usage_policy"]),
        ({"usage_policy": "https://user@lab.example/"}, ["/usage_policy"]),
        ({"usage_policy": "https://" + "x" * 500}, ["/usage_policy"]),
        ({"kind": "government"}, ["/kind"]),
        ({"kind": ["organisation"]}, ["/kind"]),
        ({"slug": "Not a slug"}, ["/slug"]),
        ({"slug": 7}, ["/slug"]),
        ({"slug": "admin"}, ["/slug"]),
        ({"sector": "x" * 129}, ["/sector"]),
        ({"note": "x" * 2001}, ["/note"]),
        ({"state": "approved", "four_eyes": True}, ["/state", "/four_eyes"]),
        ({"name": "", "contact": "", "domain": "", "kind": "x"}, ["/name", "/kind", "/domain", "/contact"]),
    ],
)
async def test_everything_wrong_is_told_at_once_and_nothing_is_kept(
    client: httpx.AsyncClient, node: Node, fields: dict[str, Any], pointers: list[str]
) -> None:
    answer = await client.post(PROVIDERS, json=APPLICATION | fields)
    assert answer.status_code == 422, answer.text
    findings = answer.json()["findings"]
    assert [item["pointer"] for item in findings] == pointers
    assert all(item["suggestion"] for item in findings)
    async with node.database.read() as session:
        assert (await session.scalars(select(Provider))).all() == []


@pytest.mark.one_database
@pytest.mark.parametrize(
    "body", [b"", b"[]", b'"x"', b"{", b'{"name": "A\\u202eB"}', b'{"name": "\\u0000"}', b"{" * 5000]
)
async def test_what_is_no_application_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post(PROVIDERS, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    large = await client.post(PROVIDERS, json=APPLICATION | {"note": "x" * 20_000})
    assert large.status_code == 413


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("実験研究所", "lab"),
        ("مختبر الأمثلة", "lab"),
        ("Лаборатория", "lab"),
        ("Bücher & Söhne", "bucher-sohne"),
        ("🦄", "lab"),
        ("é", "e"),
        ("A" * 200, "a" * 40),
    ],
)
async def test_names_in_every_script_and_direction_are_kept_as_they_are(
    client: httpx.AsyncClient, steward: Member, name: str, slug: str
) -> None:
    made = await apply(client, name=name)
    assert made["application"]["wished_slug"] == slug
    approved = await decide(client, steward, made["slug"], "approve")
    assert (approved.json()["slug"], approved.json()["name"]) == (slug, name)
    assert (await client.get(f"{PROVIDERS}/{slug}")).json()["name"] == name


async def test_a_researcher_needs_no_domain_and_is_vetted_by_approval(
    client: httpx.AsyncClient, node: Node, steward: Member
) -> None:
    made = await apply(client, kind="researcher", domain=None, name="A Researcher")
    assert (made["kind"], "domain_proof" in made) == ("researcher", False)
    prove = await client.post(f"{made['status']}/actions/prove", headers=bearer(made["onboarding_key"]))
    assert prove.status_code == 409


async def test_heaps_of_applications_are_held_down_by_sender_alone(
    client: httpx.AsyncClient, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody learns by applying that others did: only one's own are counted."""
    for _ in range(applications.PENDING_OF_ONE):
        await apply(client)
    more = await client.post(PROVIDERS, json=APPLICATION)
    assert (more.status_code, "retry-after" in more.headers) == (429, True)
    same_contact = await client.post(PROVIDERS, json=APPLICATION | {"domain": "other.example"})
    assert same_contact.status_code == 429
    await apply(client, domain="other.example", contact="x@other.example")
    async with node.database.write() as session:
        for one in await session.scalars(select(Application)):
            assert "127.0.0.1" not in one.sender
            one.sender = "somebody else"
    await apply(client)
    monkeypatch.setattr(applications, "PENDING_OF_ALL", 5)
    assert (await client.post(PROVIDERS, json=APPLICATION)).status_code == 503


async def test_a_key_that_is_repeated_answers_the_same_application(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "one-application"}
    first = await client.post(PROVIDERS, json=APPLICATION, headers=headers)
    again = await client.post(PROVIDERS, json=APPLICATION, headers=headers)
    assert first.json() == again.json()


# --- the domain ---


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, bytes]]:
    """What other servers answer, by URL."""
    pages: dict[str, tuple[int, bytes]] = {}

    async def fetch(url: str, **asked: Any) -> Fetched:
        assert set(asked) == {"limit", "timeout", "accept"}, "nothing private is asked"
        if url not in pages:
            raise Unreached(f"{url} could not be read.", reason="connection")
        status, body = pages[url]
        return Fetched(url, status, {}, body)

    monkeypatch.setattr(applications, "fetch", fetch)
    return pages


async def test_a_domain_is_proven_by_a_file_on_it(
    client: httpx.AsyncClient, join: Join, steward: Member, site: dict[str, tuple[int, bytes]]
) -> None:
    made = await apply(client)
    key, url = bearer(made["onboarding_key"]), made["domain_proof"]["url"]
    assert url == "https://lab.example/.well-known/candor-domain.txt"
    line = made["domain_proof"]["line"].encode()
    prove = f"{made['status']}/actions/prove"
    assert (await client.post(prove)).status_code == 401
    assert (await client.post(prove, headers=key)).status_code == 502
    for status, body in (
        (404, line),
        (200, b""),
        (200, line[:-1]),
        (200, b"<p>" + line + b"</p>"),
        (200, b"\xff" * 100),
    ):
        site[url] = status, body
        answer = await client.post(prove, headers=key)
        assert (answer.status_code, url in answer.json()["detail"]) == (409, True), body
    site[url] = 200, b"# ours\r\n  " + line + b"\r\n"
    proven = await client.post(prove, headers=key)
    assert (proven.status_code, proven.json()["verified"], "domain_proof" in proven.json()) == (
        200,
        True,
        False,
    )
    assert (await client.post(prove, headers=key)).status_code == 200
    await decide(client, steward, made["slug"], "approve")
    assert (await client.get(f"{PROVIDERS}/example-lab")).json()["verified"] is True
    # Another domain is another proof.
    own = await client.get(f"{PROVIDERS}/example-lab", headers=key)
    moved = await client.patch(
        f"{PROVIDERS}/example-lab",
        json={"domain": "New.Example"},
        headers={**key, "If-Match": own.headers["etag"]},
    )
    assert (moved.json()["domain"], moved.json()["verified"]) == ("new.example", False)
    assert moved.json()["domain_proof"]["line"].encode() != line
    rival = await join("rival", scopes="provider:admin")
    assert (
        await client.post(f"{PROVIDERS}/example-lab/actions/prove", headers=rival.headers)
    ).status_code == 403


# --- changes ---


async def test_an_organisation_changes_what_it_tells_and_no_document_changes(
    client: httpx.AsyncClient, join: Join, publish: Any
) -> None:
    lab = await join(scopes="records:write records:publish provider:admin")
    document = await publish(lab)
    address = f"{PROVIDERS}/example-lab"
    own = await client.get(address, headers=lab.headers)
    assert own.json()["four_eyes"] is False
    headers = lab.headers | {"If-Match": own.headers["etag"]}
    assert (await client.patch(address, json={"name": "X"}, headers=lab.headers)).status_code == 428
    change = {"name": "Example Lab of Tomorrow", "four_eyes": True, "contact": "a@lab.example"}
    changed = await client.patch(address, json=change, headers=headers)
    assert changed.status_code == 200, changed.text
    assert changed.json() | change == changed.json()
    assert (await client.patch(address, json={"name": "X"}, headers=headers)).status_code == 412
    now = await client.get(address, headers=lab.headers)
    assert now.headers["etag"] == changed.headers["etag"]
    assert (await client.get(address)).json()["name"] == change["name"], "shown at once"
    assert "contact" not in (await client.get(address)).json()
    read = await client.get(f"/api/v1/records/{document['id']}")
    assert read.json() == document


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"slug": "other"}, ["/slug"]),
        ({"state": "approved", "kind": "researcher"}, ["/state", "/kind"]),
        ({"name": None, "contact": None, "domain": None}, ["/name", "/contact", "/domain"]),
        ({"four_eyes": "yes"}, ["/four_eyes"]),
        ({"held_at": None, "approved_at": "2026-01-01"}, ["/held_at", "/approved_at"]),
    ],
)
async def test_what_it_may_not_change_is_told(
    client: httpx.AsyncClient, join: Join, change: dict[str, Any], pointers: list[str]
) -> None:
    lab = await join(scopes="provider:admin")
    own = await client.get(f"{PROVIDERS}/example-lab", headers=lab.headers)
    answer = await client.patch(
        f"{PROVIDERS}/example-lab", json=change, headers=lab.headers | {"If-Match": own.headers["etag"]}
    )
    assert (answer.status_code, [item["pointer"] for item in answer.json()["findings"]]) == (422, pointers)
    assert (await client.get(f"{PROVIDERS}/example-lab", headers=lab.headers)).json() == own.json()


async def test_only_its_administrators_and_stewards_decide_and_change(
    client: httpx.AsyncClient, join: Join, steward: Member
) -> None:
    await join()
    writer = await join("writer", scopes="records:write")
    rival = await join("rival", scopes="provider:admin")
    for who, status in ((writer, 403), (rival, 403)):
        answer = await client.patch(
            f"{PROVIDERS}/example-lab", json={}, headers=who.headers | {"If-Match": '"x"'}
        )
        assert answer.status_code == status
    own = await client.patch(f"{PROVIDERS}/writer", json={}, headers=writer.headers | {"If-Match": '"x"'})
    assert own.status_code == 403
    for action in ("admit", "approve", "suspend", "close", "decline", "reopen", "hold", "release"):
        assert (await decide(client, rival, "rival", action)).status_code == 403
        assert (await client.post(f"{PROVIDERS}/rival/actions/{action}", json=REASON)).status_code == 401
    assert (await decide(client, steward, "rival", "promote")).status_code == 404
    assert (await decide(client, steward, "nobody", "suspend")).status_code == 404
    for reason in (None, "", "a\nb", "x" * 501, 7):
        answer = await decide(client, steward, "rival", "suspend", reason=reason)
        assert (answer.status_code, answer.json()["findings"][0]["pointer"]) == (422, "/reason")
    assert (await client.get(PROVIDERS, params={"state": "applied"})).status_code == 401
    assert (
        await client.get(PROVIDERS, params={"state": "applied"}, headers=rival.headers)
    ).status_code == 403
    assert (await client.get(PROVIDERS, params={"state": "x"}, headers=steward.headers)).status_code == 400


async def test_a_hold_is_told_to_the_organisation_and_ends(
    client: httpx.AsyncClient, join: Join, steward: Member
) -> None:
    lab = await join()
    assert (await decide(client, steward, lab.slug, "hold")).json()["hold"]["reason"] == REASON["reason"]
    own = (await client.get(f"{PROVIDERS}/{lab.slug}", headers=lab.headers)).json()
    assert own["hold"]["reason"] == REASON["reason"]
    assert "hold" not in (await client.get(f"{PROVIDERS}/{lab.slug}")).json()
    assert (await decide(client, steward, lab.slug, "hold")).status_code == 409
    assert "hold" not in (await decide(client, steward, lab.slug, "release")).json()
    assert (await decide(client, steward, lab.slug, "release")).status_code == 409
