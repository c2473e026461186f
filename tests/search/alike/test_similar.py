"""GET /api/v1/records/{id}/similar: what is like a record, why, and nothing of what a reader may not see."""

from typing import Any

import httpx
import pytest

from registry.app import Application
from registry.extensions import Extension
from search import extension
from tests.conftest import Join, Member
from tests.registry.records.acting import bring_out, incident, withdraw

pytestmark = pytest.mark.one_database
SITE = {"type": "url", "value": "hxxps://pay[.]example[.]net/login"}


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (extension,)


async def similar(client: httpx.AsyncClient, id: str, who: Member | None = None) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/records/{id}/similar", headers=who.headers if who else {})
    assert answer.status_code == 200, answer.text
    return {item["record"]["id"]: item["reasons"] for item in answer.json()["items"]}


async def test_similar_records_come_with_their_reasons(
    client: httpx.AsyncClient, app: Application, join: Join
) -> None:
    lab = await join("lab", scopes="records:read records:write records:review records:publish")

    async def told(title: str, *indicators: Any, **fields: Any) -> str:
        content = {"indicators": list(indicators)}
        return await bring_out(client, lab, incident(title=title, content=content, **fields))

    words = "Cloned voices of relatives ask for money"
    one = await told(words, SITE, tags=["misuse:fraud"])
    two = await told("A shop that never delivers", {**SITE, "value": "hxxps://PAY[.]example[.]net/other"})
    three = await told("Relatives hear cloned voices asking for money", tags=["misuse:fraud"])
    await told("Weather over mountains")
    hidden = await told(words, {"type": "url", "value": "pay[.]example[.]net"}, handling={"tlp": "GREEN"})
    for tail in app.tails:
        await tail.catch_up()
    found = await similar(client, one)
    assert list(found) == [two, three]
    assert found[two] == [{"kind": "host", "value": "pay.example.net"}]
    assert [reason["kind"] for reason in found[three]] == ["tag", "words"]
    assert found[three][0]["label"]
    # Who may read what is shared is told what is public and like it; nobody else is told that it is there.
    assert list(await similar(client, hidden, lab))[:2] == [one, two]
    assert (await client.get(f"/api/v1/records/{hidden}/similar")).status_code == 404
    await withdraw(client, lab, two)
    assert list(await similar(client, one)) == [three]
