"""Records as tables, and cells that do no harm."""

import csv
import io
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.canonical import without_forbidden_characters
from registry.feeds.links import Links
from search.export.cells import LONGEST, plain, rows, safe
from search.export.table import COLUMNS, LIST_COLUMNS, list_rows, row
from tests.search.documents import ORIGIN, document, vocabulary

LINKS = Links("https://registry.example", ORIGIN)
TEXTS = st.text(st.sampled_from("=+-@'\"; ,\t\r\nab＝＋－＠\u202e\x00"), max_size=12)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_no_cell_is_a_formula_and_each_can_be_had_back(texts: list[str]) -> None:
    written = rows([texts])
    (read,) = csv.reader(io.StringIO(written, newline=""))
    assert [plain(cell) for cell in read] == [
        without_forbidden_characters(" ".join(t.split())) for t in texts
    ]
    # Cut where it should be, and where a spreadsheet that expects semicolons does, quotes or not.
    for cell in (*read, *written.removesuffix("\r\n").split(";")):
        assert not re.match(r"""[\s"]*[=+\-@＝＋－＠]""", cell), written
    assert written.count("\n") == 1


def test_a_cell_is_cut_to_what_a_spreadsheet_holds() -> None:
    assert len(safe("=" + "x" * 40_000)) == LONGEST + 1


RICH = document(
    "CIR-7GQ2M4KX9X",
    title="=HYPERLINK(1)",
    version=3,
    provider={"slug": "one-lab", "name": "One Lab"},
    co_providers=[{"slug": "two-lab", "name": "Two; Lab"}],
    tags=["misuse:fraud/voice-clone"],
    systems=[{"name": "Echo", "version": "2", "developer": "Echo Ltd", "modality": "modality:audio"}],
    aliases=[{"scheme": "aiid", "id": "12"}],
    relations=[{"type": "caused-by", "target": {"id": "CIR-000000000H"}}],
    references=[{"url": "https://example.org/a", "title": "A paper"}],
    content={
        "assertion": {"status": "alleged"},
        "severity": "severity:high",
        "times": {"started": "2023-04~"},
        "countries": ["DE", "US-CA"],
        "nature": ["misuse"],
        "safeguards": [
            {"tag": "safeguard:input-filter", "outcome": "bypassed"},
            {"mitigation": {"id": "CIR-000000000H"}, "outcome": "worked"},
        ],
        "harms": [{"text": "Money was lost", "status": "realised"}],
    },
)


def test_a_record_is_one_row_with_named_columns() -> None:
    cells: dict[str, str] = dict(zip(COLUMNS, row(RICH, LINKS), strict=True))
    told = {name: value for name, value in cells.items() if value}
    assert told == {
        "id": "CIR-7GQ2M4KX9X",
        "origin": ORIGIN,
        "version": "3",
        "kind": "incident",
        "title": "=HYPERLINK(1)",
        "providers": "one-lab; two-lab",
        "provider_names": "One Lab; Two; Lab",
        "published": "2024-01-01T00:00:00Z",
        "modified": "2024-01-01T00:00:00Z",
        "updated": "2024-01-01T00:00:00Z",
        "assertion": "alleged",
        "severity": "severity:high",
        "nature": "misuse",
        "started": "2023-04~",
        "tags": "misuse:fraud/voice-clone",
        "systems": "Echo",
        "developers": "Echo Ltd",
        "countries": "DE; US-CA",
        "harms": "Money was lost",
        "safeguards": "safeguard:input-filter (bypassed); CIR-000000000H (worked)",
        "references": "https://example.org/a",
        "url": "https://registry.example/records/CIR-7GQ2M4KX9X/v/3",
    }


def test_lists_have_a_row_for_each_value() -> None:
    found = [dict(zip(LIST_COLUMNS, line, strict=True)) for line in list_rows(RICH, vocabulary())]
    assert {(one["id"], one["version"]) for one in found} == {("CIR-7GQ2M4KX9X", "3")}
    told = {(one["field"], one["position"]): one for one in found}
    label = vocabulary().label("misuse:fraud/voice-clone")
    assert (told["tag", "1"]["value"], told["tag", "1"]["label"]) == ("misuse:fraud/voice-clone", label)
    assert told["safeguard", "2"]["detail"] == "worked"
    assert (told["system", "1"]["value"], told["system", "1"]["detail"]) == ("Echo", "2")
    assert (told["relation", "1"]["value"], told["relation", "1"]["detail"]) == (
        "CIR-000000000H",
        "caused-by",
    )
    assert told["alias", "1"]["value"] == "aiid:12"
    assert told["provider", "2"]["label"] == "Two; Lab"


def test_documents_of_others_may_hold_anything() -> None:
    odd: list[Any] = [None, 3, "x", [], {}, [None], [[1]], {"id": {}}, [{"tag": {"id": 1}}]]
    for wrong in odd:
        fields = dict.fromkeys((*RICH, "source", "license"), wrong)
        for content in (wrong, dict.fromkeys(RICH["content"], wrong)):
            given_ = {**fields, "content": content}
            assert len(row(given_, LINKS)) == len(COLUMNS)
            assert all(len(line) == len(LIST_COLUMNS) for line in list_rows(given_, vocabulary()))
