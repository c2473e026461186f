"""Citations over HTTP."""

import httpx
import pytest

from tests.conftest import Join, Publish

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


async def test_a_record_and_a_version_are_cited(
    client: httpx.AsyncClient, join: Join, publish: Publish
) -> None:
    document = await publish(await join("example-lab"), title="A lesson about voices")
    address = f"/api/v1/records/{document['id']}"
    as_text = await client.get(f"{address}/citation")
    assert as_text.headers["content-type"] == "text/plain; charset=utf-8"
    assert f"A lesson about voices [lesson {document['id']}, version 1]" in as_text.text
    assert "content-disposition" not in as_text.headers
    entry = await client.get(f"{address}/versions/1/citation?format=bibtex")
    assert entry.text.startswith(f"@techreport{{{document['id']}-v1,")
    assert entry.headers["content-disposition"] == f'attachment; filename="{document["id"]}-v1.bib"'
    again = await client.get(f"{address}/citation", headers={"If-None-Match": as_text.headers["etag"]})
    assert again.status_code == 304
    wrong = await client.get(f"{address}/citation?format=word")
    assert wrong.status_code == 400
    assert wrong.json()["findings"][0]["pointer"] == "/format"
    assert (await client.get(f"{address}/versions/9/citation")).status_code == 404
