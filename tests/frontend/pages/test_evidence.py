"""The pages that say what worked: what they count, and that each number leads to its sources."""

import httpx
import pytest

from tests.conftest import Join
from tests.frontend.conftest import Look
from tests.registry.records.acting import bring_out
from tests.registry.records.outcomes.test_evidence import evaluation, incident, mitigation

# Counting is tested on both databases elsewhere.
pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


async def test_what_was_reported_is_shown_with_its_sources(
    look: Look, join: Join, client: httpx.AsyncClient
) -> None:
    lab, other = await join("lab"), await join("other-lab")
    filter_ = await bring_out(client, lab, mitigation())
    await bring_out(client, other, evaluation(filter_, "effective"))
    said = {"id": "x", "tag": "safeguard:filter/output", "outcome": "bypassed"}
    seen = await bring_out(client, other, incident(said))
    page = await look("/evidence?against=misuse:fraud")
    assert page.one("//h1").text_content() == "What worked against Fraud and scams?"
    rows = [" ".join(row.split()) for row in page.texts("//table/tbody/tr")]
    assert len(rows) == 2
    assert "1 organisation 1 measured independently; 1 report" in rows[0]
    assert "1 said, not measured" in rows[1] + rows[0]
    sources = set(page.all("//section[h2[@id='reports']]//a/@href"))
    assert {f"/records/{seen}#content-safeguards-x"} <= sources
    assert "count as one organisation at most" in page.main
    about = await look(f"/records/{seen}")
    assert f"/evidence?against={seen}" in about.all("//a/@href")
    term = await look("/taxonomies/misuse/fraud")
    assert "/evidence?against=misuse:fraud" in term.all("//a/@href")
    matrix = await look("/matrix")
    (cell,) = matrix.all("//td[contains(., 'bypassed')]")
    assert "1 bypassed, 1 evaluated" in " ".join(cell.text_content().split())
    lead = await look(cell.xpath(".//a/@href")[0])
    assert len(lead.texts("//table/tbody/tr")) == 1
    nothing = await look("/evidence?against=misuse:spam")
    assert "Nothing was reported against this yet" in nothing.main
    wrong = await look("/evidence?against=misuse:frod")
    assert (wrong.status, "misuse:fraud" in wrong.main) == (400, True)
