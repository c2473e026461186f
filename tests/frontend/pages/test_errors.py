"""A person in a browser gets a page that helps, a program gets a problem document."""

from typing import Any

import httpx
import pytest

from frontend.pages.errors import HELP
from registry.app import Application
from registry.errors import CandorError, Gone, Suppressed, TooMany, Unavailable
from tests.conftest import running
from tests.frontend.conftest import BROWSER, Look

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Gone("It was erased on request."), 410),
        (Suppressed("Order 17 of a court."), 451),
        (TooMany("Slower, please.", retry_after=30), 429),
        (Unavailable("The database does not answer.", retry_after=5), 503),
        (CandorError("Not this <b>."), 500),
        (RuntimeError("secret details"), 500),
    ],
)
async def test_each_trouble_has_its_page(
    error: Exception, status: int, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("frontend.pages.home.list_queries.counts", fail)
    page = await look("/")
    assert page.status == status
    assert page.texts("//h1") == [HELP[status][0]]
    assert page.response.headers["cache-control"] == "no-store"
    assert page.one("//meta[@name='robots']").get("content") == "noindex"
    assert "secret details" not in page.words
    if isinstance(error, CandorError) and error.retry_after:
        assert page.response.headers["retry-after"] == str(error.retry_after)
    assert page.all("//form[@role='search']")


async def test_what_is_found_wrong_is_listed(look: Look) -> None:
    page = await look("/records?limit=5&kind=accident")
    assert page.status == 400
    assert "There is no kind 'accident'; there are: incident" in page.main


async def test_programs_are_answered_as_programs(client: httpx.AsyncClient) -> None:
    for path, headers in (("/nothing", {}), ("/api/v1/nothing", BROWSER), ("/feeds/nothing.rss", BROWSER)):
        answer = await client.get(path, headers=headers)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json", path


async def test_a_method_that_a_page_does_not_have_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/about", headers=BROWSER)
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]


async def test_without_pages_everybody_gets_the_document(app: Application) -> None:
    app.framework.state.pop("error_page")
    async with running(app) as client:
        answer = await client.get("/nothing", headers=BROWSER)
    assert answer.headers["content-type"] == "application/problem+json"
