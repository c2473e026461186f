"""The form for a notice and the page of its receipt."""

import httpx
import pytest

from tests.conftest import Join
from tests.frontend.conftest import BROWSER, Look

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
ID = "CIR-000000000H"
FORM = {
    "kind": "privacy",
    "about": ID,
    "text": "My name\r\n<script>alert(1)</script>",
    "contact": "",
    "language": "de",
}


async def test_a_notice_is_sent_and_followed_without_scripts(
    client: httpx.AsyncClient, join: Join, look: Look
) -> None:
    form = await look(f"/notice?about={ID}")
    assert form.one("//input[@name='about']").get("value") == ID
    assert form.one("//form[@method='post']").get("action") == "/notice"
    assert len(form.all("//input[@type='radio']")) == 5
    sent = await client.post("/notice", data=FORM, headers=BROWSER)
    assert sent.status_code == 303, sent.text
    assert sent.headers["cache-control"] == "no-store"
    address = sent.headers["location"]
    page = await look(address)
    assert page.status == 200
    assert page.response.headers["cache-control"] == "no-store"
    assert address in page.main
    assert "waits for a steward" in page.main
    assert "My name" not in page.words
    assert page.one("//meta[@name='robots']").get("content") == "noindex"
    steward = await join("stewards", scopes="registry:steward")
    receipt = address.rpartition("/")[2]
    answered = await client.post(
        f"/api/v1/notices/{receipt}/actions/answer",
        json={"text": "Thank you.\n<b>It is gone.</b>"},
        headers=steward.headers,
    )
    assert answered.status_code == 200, answered.text
    page = await look(address)
    assert "<b>It is gone.</b>" in page.main, "nothing of it is markup"
    assert (await look("/notices/nothing")).status == 404


async def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(
    client: httpx.AsyncClient, look: Look
) -> None:
    answer = await client.post("/notice", data=FORM | {"about": "CIR-1", "contact": "x"}, headers=BROWSER)
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert" in answer.text
    for name in ("about", "contact"):
        assert f'id="{name}-problem"' in answer.text
    assert 'id="text-problem"' not in answer.text
    assert (await client.post("/notice", data={}, headers=BROWSER)).status_code == 422
    assert (await client.post("/notice", data={"text": "x" * 70_000}, headers=BROWSER)).status_code == 413
    assert (await client.post("/notice", content=b"\xff", headers=BROWSER)).status_code == 400


async def test_every_page_leads_to_the_form(look: Look) -> None:
    assert (await look("/about")).all("//footer//a[@href='/notice']")
