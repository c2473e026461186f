"""The client against a server that fails on purpose: both faces, one behaviour."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from registry import client as public
from registry import errors
from registry.client import AsyncClient, Client, Credentials, Patience, calls
from registry.client.flow import registry_url
from registry.client.wire import Call
from registry.errors import CandorError, Finding, Severity
from tests.registry.client.faulty import Faulty, Says, faulty

QUICK = Patience(tries=4, first_wait=0.001, longest_wait=2, longest_told=2, timeout=5)
ME = Credentials("example-lab.0123456789ab", "a secret")
DRAFT = {"id": "CIR-7GQ2M4KX9X", "kind": "lesson", "state": "draft", "etag": "abc.1", "findings": []}
Run = Callable[..., Any]


@pytest.fixture
def server() -> Iterator[Faulty]:
    with faulty() as server:
        yield server


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest, server: Faulty) -> Run:
    """Runs calls one after the other with one client, of either face; answers the last one's answer."""

    def sync(*all_calls: Call[Any], **options: Any) -> Any:
        with Client(server.url, **{"credentials": ME, "patience": QUICK, **options}) as registry:
            return [registry.run(call) for call in all_calls][-1]

    async def work(*all_calls: Call[Any], **options: Any) -> Any:
        async with AsyncClient(server.url, **{"credentials": ME, "patience": QUICK, **options}) as registry:
            return [await registry.run(call) for call in all_calls][-1]

    def asynchronous(*all_calls: Call[Any], **options: Any) -> Any:
        return asyncio.run(work(*all_calls, **options))

    return sync if request.param == "sync" else asynchronous


# --- trying again ---


@pytest.mark.parametrize(
    "trouble",
    [
        Says(drop=True),
        Says(503, {}, {"Retry-After": "0"}),
        Says(429, {}, {"Retry-After": "1"}),
        Says(502, b"<html>"),
        Says(504, b""),
    ],
    ids=["dropped", "503", "429", "502", "504"],
)
def test_what_is_repeatable_is_sent_again(server: Faulty, run: Run, trouble: Says) -> None:
    server.script = [trouble, trouble, Says(body=DRAFT)]
    assert run(calls.create({"kind": "lesson"}, key="once")).id == DRAFT["id"]
    assert len(server.asked) == 3
    assert {asked.headers["idempotency-key"] for asked in server.asked} == {"once"}
    assert len({asked.body for asked in server.asked}) == 1


@pytest.mark.parametrize(
    ("trouble", "sent"), [(Says(drop=True), 1), (Says(503, {}), 1), (Says(429, {}, {"Retry-After": "0"}), 2)]
)
def test_a_post_without_a_key_is_sent_again_only_when_it_was_turned_away(
    server: Faulty, run: Run, trouble: Says, sent: int
) -> None:
    server.script = [trouble, Says(body=DRAFT)]
    if sent == 1:
        with pytest.raises(errors.Unavailable):
            run(calls.create({"kind": "lesson"}))
    else:
        run(calls.create({"kind": "lesson"}))
    assert len(server.asked) == sent


def test_it_gives_up_after_so_many_tries(server: Faulty, run: Run) -> None:
    server.script = [Says(drop=True)] * 9
    with pytest.raises(errors.Unavailable, match="does not answer"):
        run(calls.read("CIR-7GQ2M4KX9X"))
    assert len(server.asked) == QUICK.tries


def test_it_does_not_wait_longer_than_it_may(server: Faulty, run: Run) -> None:
    server.script = [Says(429, {"detail": "Too many."}, {"Retry-After": "3600"})]
    with pytest.raises(errors.TooMany, match="Too many") as caught:
        run(calls.read("CIR-7GQ2M4KX9X"))
    assert caught.value.retry_after == 3600
    assert len(server.asked) == 1


def test_nobody_there_is_told(run: Run) -> None:
    with Client("http://127.0.0.1:1", patience=QUICK) as registry, pytest.raises(errors.Unavailable):
        registry.run(calls.read("CIR-7GQ2M4KX9X"))


def test_a_draft_whose_answer_was_lost_is_not_taken_for_somebody_elses(server: Faulty, run: Run) -> None:
    server.script = [Says(drop=True), Says(412, {"type": "urn:candor:problem:precondition-failed"})]
    with pytest.raises(errors.PreconditionFailed, match="may have been taken"):
        run(calls.replace_draft("CIR-7GQ2M4KX9X", {}, if_match="abc.1"))


# --- tokens ---


def test_one_token_serves_many_calls(server: Faulty, run: Run) -> None:
    run(*[calls.read("CIR-7GQ2M4KX9X")] * 3)
    assert server.tokens == 1
    assert {asked.headers["authorization"] for asked in server.asked} == {"Bearer token-1"}


def test_a_token_is_renewed_before_it_ends(server: Faulty, run: Run) -> None:
    server.lifetime = 0
    run(*[calls.read("CIR-7GQ2M4KX9X")] * 3)
    assert [asked.headers["authorization"] for asked in server.asked] == [
        f"Bearer token-{number}" for number in (1, 2, 3)
    ]


def test_a_token_that_was_revoked_is_renewed_once(server: Faulty, run: Run) -> None:
    server.script = [Says(401, {}), Says(body=DRAFT)]
    run(calls.create({"kind": "lesson"}))
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer token-1", "Bearer token-2"]
    server.script = [Says(401, {"detail": "No."}), Says(401, {"detail": "Still no."})]
    with pytest.raises(errors.Unauthenticated, match="Still no"):
        run(calls.create({"kind": "lesson"}))


def test_without_credentials_nothing_is_asked_for(server: Faulty, run: Run) -> None:
    run(calls.read("CIR-7GQ2M4KX9X"), credentials=None)
    assert server.tokens == 0
    assert "authorization" not in server.asked[0].headers


def test_a_token_of_ones_own_is_sent(server: Faulty, run: Run) -> None:
    run(calls.read("CIR-7GQ2M4KX9X"), credentials=None, token="mine")
    assert server.asked[0].headers["authorization"] == "Bearer mine"


def test_login_tells_the_scopes(server: Faulty) -> None:
    with Client(server.url, ME, patience=QUICK) as registry:
        assert registry.login() == ("records:read", "records:write")


# --- errors ---


def test_a_problem_becomes_the_error_that_it_names(server: Faulty, run: Run) -> None:
    finding = {"code": "unknown-tag", "severity": "error", "pointer": "/tags/0", "message": "No.", "more": 1}
    mild = {"code": "odd", "severity": "warning", "pointer": "", "message": "Odd.", "suggestion": "Do."}
    problem = {
        "type": "urn:candor:problem:invalid",
        "title": "The content has errors",
        "detail": "It cannot be taken.",
        "findings": [finding, mild, "nonsense"],
    }
    server.script = [Says(422, problem)]
    with pytest.raises(errors.Invalid, match="It cannot be taken") as caught:
        run(calls.create({"kind": "lesson"}))
    assert caught.value.findings == (
        Finding("unknown-tag", "/tags/0", "No."),
        Finding("odd", "", "Odd.", "Do.", Severity.WARNING),
    )


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, errors.NotFound),
        (413, errors.TooLarge),
        (418, CandorError),
        (301, CandorError),
        (500, errors.Unavailable),
        (451, errors.Suppressed),
    ],
)
def test_what_is_no_problem_document_is_read_by_its_status(
    server: Faulty, run: Run, status: int, kind: type[CandorError]
) -> None:
    server.script = [
        Says(status, b"<html>", {"Content-Type": "text/html", "Location": "https://example.org"})
    ]
    with pytest.raises(kind) as caught:
        run(calls.read("CIR-7GQ2M4KX9X"))
    assert type(caught.value) is kind
    assert len(server.asked) == 1


@pytest.mark.parametrize("body", [b"nonsense", b"[]", b'{"id": 1}', b'{"a": 1, "a": 2}', b"\xff"])
def test_what_cannot_be_read_is_told(server: Faulty, run: Run, body: bytes) -> None:
    server.script = [Says(200, body)]
    with pytest.raises(errors.Unavailable):
        run(calls.create({"kind": "lesson"}))


def test_a_number_that_is_none_is_told_before_it_is_sent() -> None:
    with pytest.raises(errors.Malformed):
        calls.create({"kind": float("nan")})


# --- what is sent ---


def test_calls_are_sent_as_the_registry_reads_them(server: Faulty, run: Run) -> None:
    published = {
        "id": "CIR-7GQ2M4KX9X",
        "kind": "lesson",
        "version": "1",
        "commit": "c",
        "state": "published",
    }
    server.script = [Says(body=published), Says(body=published)]
    run(
        calls.publish("CIR-7GQ2M4KX9X", if_match='W/"abc.1"'),
        calls.withdraw(
            "CIR-7GQ2M4KX9X", code="duplicate", text="Twice.", replaced_by="CIR-4T1CEV8WQ9", if_match="c"
        ),
    )
    first, second = server.asked
    assert (first.path, first.headers["if-match"]) == (
        "/api/v1/records/CIR-7GQ2M4KX9X/actions/publish",
        '"abc.1"',
    )
    assert json.loads(second.body) == {
        "code": "duplicate",
        "text": "Twice.",
        "replaced_by": {"id": "CIR-4T1CEV8WQ9"},
    }


def test_an_id_cannot_lead_to_another_address(server: Faulty, run: Run) -> None:
    run(calls.read("../../oauth/token?x=#"))
    assert server.asked[0].path == "/api/v1/records/..%2F..%2Foauth%2Ftoken%3Fx%3D%23"


def test_a_list_is_read_to_its_end(server: Faulty) -> None:
    server.script = [
        Says(body={"items": [{"n": 1}, {"n": 2}], "next": "there"}),
        Says(body={"items": [{"n": 3}], "next": None}),
    ] * 2

    async def work() -> list[Any]:
        async with AsyncClient(server.url, patience=QUICK) as registry:
            return [item async for item in registry.each(calls.records(kind=["lesson"]))]

    with Client(server.url, patience=QUICK) as registry:
        assert [item["n"] for item in registry.each(calls.records(kind=["lesson"]))] == [1, 2, 3]
    assert [item["n"] for item in asyncio.run(work())] == [1, 2, 3]
    paths = ["/api/v1/records?kind=lesson", "/api/v1/records?kind=lesson&cursor=there"]
    assert [asked.path for asked in server.asked] == paths * 2


def test_changes_and_hits_are_read_to_their_end(server: Faulty) -> None:
    with Client(server.url, patience=QUICK) as registry:
        server.script = [
            Says(body={"items": [{"seq": 1}], "next_after": 1, "head": 1}),
            Says(body={"items": [], "next_after": 1, "head": 1}),
        ]
        assert [item["seq"] for item in registry.each(calls.changes())] == [1]
        server.script = [
            Says(body={"hits": [{"n": 1}, {"n": 2}], "total": 3}),
            Says(body={"hits": [{"n": 3}], "total": 3}),
        ]
        assert [hit["n"] for hit in registry.each(calls.found("x", limit=2))] == [1, 2, 3]
    assert server.asked[-1].path == "/api/v1/search?q=x&limit=2&offset=2"


# --- addresses ---


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://registry.example/", "https://registry.example"),
        ("https://registry.example:8443/candor/", "https://registry.example:8443/candor"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_addresses(given: str, kept: str) -> None:
    assert registry_url(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        "http://registry.example",
        "http://127.0.0.1.example",
        "ftp://registry.example",
        "registry.example",
        "https://me:secret@registry.example",
        "https://registry.example/?x=1",
        "https://",
        "https://[",
        "https://registry.example:99999",
    ],
)
def test_addresses_that_are_refused(given: str) -> None:
    with pytest.raises(errors.Malformed) as caught:
        registry_url(given)
    assert "secret@" not in caught.value.detail or "user name" in caught.value.detail


def test_plain_http_must_be_meant() -> None:
    assert registry_url("http://registry.example", insecure=True) == "http://registry.example"


def test_what_is_exported_is_there_and_secrets_are_not_shown() -> None:
    assert all(hasattr(public, name) for name in public.__all__)
    assert "a secret" not in repr(ME)
