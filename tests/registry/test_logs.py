"""Log lines: one JSON object each, under a request id, and never a secret."""

import base64
import contextlib
import io
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import httpx
import pytest
import structlog
from litestar import get
from litestar.params import FromQuery
from pydantic import SecretStr

from registry.app import Application, create_app
from registry.extensions import Extension, Node
from registry.logs import configure
from registry.settings import Settings
from tests.conftest import Join, Publish, running

# What is logged does not depend on the database.
sqlite = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
MADE_HERE = re.compile(r"[0-9a-f]{32}")


class Written(io.StringIO):
    """What went to standard error since it was last asked."""

    def take(self) -> str:
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.take().splitlines()]


def log_to(stream: Written, level: Literal["debug", "error"]) -> None:
    """Log as a process does, but leave no logger behind for other tests."""
    with contextlib.redirect_stderr(stream):
        configure(Settings(_env_file=None, log_format="json", log_level=level))
    structlog.configure(cache_logger_on_first_use=False)


@pytest.fixture(autouse=True)
def written() -> Iterator[Written]:
    before = structlog.get_config()
    stream = Written()
    log_to(stream, "debug")
    yield stream
    structlog.configure(**before)


def test_a_line_is_one_json_object(written: Written) -> None:
    structlog.get_logger("candor.test").info("it happened", what="a line\nthat breaks", number=1)
    [line] = written.lines()
    assert line["event"] == "it happened"
    assert line["level"] == "info"
    assert line["what"] == "a line\nthat breaks"
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    "name",
    [
        *("token", "access_token", "Authorization", "authorization", "cookie", "Set-Cookie", "password"),
        *("client_secret", "client-secret", "secret", "metrics_token", "search_key"),
    ],
)
def test_a_value_under_the_name_of_a_secret_is_masked(name: str, written: Written) -> None:
    fields = {name: "hidden-word", "kept": "shown"}
    structlog.get_logger("candor.test").warning("x", **fields, deep={"er": [fields, {"headers": fields}]})
    printed = written.take()
    assert "hidden-word" not in printed
    assert printed.count("shown") == 3


def test_secrets_of_settings_do_not_show(written: Written) -> None:
    settings = Settings(_env_file=None, metrics_token=SecretStr("hidden-word"))
    structlog.get_logger("candor.test").info("x", settings=repr(settings), value=str(settings.metrics_token))
    assert "hidden-word" not in written.take()


def test_the_level_is_the_one_that_was_set(written: Written) -> None:
    log_to(written, "error")
    structlog.get_logger("candor.test").warning("quiet")
    assert written.lines() == []


# --- request ids ---


@sqlite
@pytest.mark.parametrize("brought", ["a1b2c3d4", "0af7651916cd43dd8448eb211c80319c", "A.b-C_9" + "x" * 57])
async def test_a_request_id_that_was_brought_is_kept(
    client: httpx.AsyncClient, brought: str, written: Written
) -> None:
    written.take()
    answer = await client.get("/healthz", headers={"X-Request-Id": brought})
    assert answer.headers.get_list("x-request-id") == [brought]
    [line] = written.lines()
    assert (line["request_id"], line["path"], line["status"]) == (brought, "/healthz", 200)


@sqlite
@pytest.mark.parametrize(
    "brought",
    [
        b"",
        b"short",
        b"x" * 65,
        b"with a space",
        b'quote"quote"',
        b"<script>alert(1)</script>",
        b"\x1b[31mred-red-red",
        b"../../etc/passwd",
        "ünïcödé-id".encode(),
        b"line\\nbreak-in-it",
    ],
)
async def test_a_hostile_request_id_is_replaced(
    client: httpx.AsyncClient, brought: bytes, written: Written
) -> None:
    written.take()
    answer = await client.get("/healthz", headers=[(b"X-Request-Id", brought)])
    [id] = answer.headers.get_list("x-request-id")
    assert MADE_HERE.fullmatch(id)
    [line] = written.lines()
    assert line["request_id"] == id


@sqlite
async def test_each_request_has_an_id_of_its_own_on_errors_too(client: httpx.AsyncClient) -> None:
    answers = [
        await client.get(path) for path in ("/healthz", "/nothing", "/api/v1/records/CIR-1", "/readyz")
    ]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert all(MADE_HERE.fullmatch(id) for id in ids)
    assert len(set(ids)) == len(ids)


@sqlite
async def test_a_kept_answer_bears_nobody_elses_id(client: httpx.AsyncClient) -> None:
    first = await client.get("/api/v1/stats", headers={"X-Request-Id": "first-in-line"})
    second = await client.get("/api/v1/stats", headers={"X-Request-Id": "second-in-line"})
    assert second.content == first.content
    assert second.headers.get("x-request-id") in (None, "second-in-line")


# --- secrets ---


@sqlite
async def test_no_line_of_a_whole_disclosure_holds_a_secret(
    client: httpx.AsyncClient, join: Join, publish: Publish, written: Written
) -> None:
    written.take()
    member = await join()
    record = await publish(member)
    token = member.headers["Authorization"].removeprefix("Bearer ")
    await client.post("/api/v1/records", content=b"{", headers=member.headers)
    await client.get(f"/api/v1/records/{record['id']}/draft", headers=member.headers)
    await client.get("/api/v1/records", headers={"Authorization": f"Bearer {token}x"})
    await client.get("/metrics", headers=member.headers)
    await client.post(
        "/oauth/token",
        data={"grant_type": "client_credentials", "scope": "nonsense"},
        auth=(member.client_id, member.client_secret),
    )
    await client.post(
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(member.client_id, member.client_secret + "x"),
    )
    basic = base64.b64encode(f"{member.client_id}:{member.client_secret}".encode()).decode()
    text = written.take()
    assert len(text.splitlines()) >= 8
    for secret in (token, member.client_secret, basic):
        assert secret not in text


@get("/broken", sync_to_thread=False)
def _broken(secret: FromQuery[str] = "") -> None:
    hidden = f"{secret}, a local variable"
    raise RuntimeError(f"a mistake of {len(hidden)} letters")


@pytest.fixture
async def broken(node: Node) -> AsyncIterator[httpx.AsyncClient]:
    app: Application = create_app(node, [Extension("broken", routes=lambda _: [_broken])], run_readers=False)
    async with running(app) as client:
        yield client


@sqlite
async def test_a_mistake_of_ours_is_logged_under_the_id_that_is_told(
    broken: httpx.AsyncClient, written: Written
) -> None:
    written.take()
    answer = await broken.get("/broken", params={"secret": "hidden-word"})
    assert answer.status_code == 500
    assert "RuntimeError" not in answer.text
    assert "letters" not in answer.text
    lines = written.lines()
    [failure] = [line for line in lines if line["event"] == "request failed"]
    assert failure["request_id"] == answer.headers["x-request-id"]
    assert "RuntimeError: a mistake of" in failure["exception"]
    assert "hidden-word" not in json.dumps(lines)
