"""The examples of docs/formats.md do what they say. Their commands are run by tests/docs."""

import re
from pathlib import Path
from typing import Any

import pytest

from registry.exchange import native
from registry.exchange.item import Options
from registry.exchange.run import run
from registry.exchange.table import read, suggest_map
from registry.exchange.table.mapping import FieldRule, ListRule, TagRule, Value
from registry.records.content.check import check
from registry.taxonomies.own import load_own
from registry.taxonomies.vocabulary import Vocabulary
from tests.registry.exchange.sink import MemorySink

PAGE = Path(__file__).resolve().parents[3] / "docs" / "formats.md"
VOCABULARY = Vocabulary(load_own())
_FILE = re.compile(r"^cat > (\S+) <<'(\w+)'\n(.*?)^\2$", re.M | re.S)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with the files that the page writes."""
    for name, _, text in _FILE.findall(PAGE.read_text("utf-8")):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    return tmp_path


async def test_the_native_example_is_complete(files: Path) -> None:
    items = list(native.read(files / "cases", Options()))
    assert sorted(item.name for item in items) == ["ask-a-question.md", "voice-clone-calls.md"]
    for item in items:
        checked = check(item.submission, vocabulary=VOCABULARY, sources=True)
        assert [finding for finding in checked.findings if finding.severity == "error"] == []
    sink = MemorySink()
    report = await run(items, sink, vocabulary=VOCABULARY, strict=True)
    assert (report.created, report.rejected) == (2, [])
    record = sink.submissions["native", "voice-clone-calls"]
    assert record["relations"][0]["target"]["id"] == sink.id_for(("native", "ask-a-question"))


def submissions(files: Path, mapping: Path) -> list[dict[str, Any]]:
    items = list(read(files / "cases.csv", Options(mapping=mapping)))
    assert [item.findings for item in items if item.findings] == []
    return [item.submission for item in items if item.submission]


def test_the_table_example(files: Path) -> None:
    first, second = submissions(files, files / "map.toml")
    assert first == {
        "kind": "incident",
        "language": "en",
        "license": "CC-BY-4.0",
        "credits": [{"name": "Example Tracker", "url": "https://example.org"}],
        "basis": "imported",
        "title": "Cloned voice asks for money",
        "narrative": "Callers used a cloned voice.",
        "systems": [
            {"assertion": {"status": "alleged"}, "name": "Example Voice", "developer": "Example Lab"},
        ],
        "references": [
            {"url": "https://example.org/a", "title": "Cloned voice asks for money"},
            {"url": "https://example.org/b", "title": "Cloned voice asks for money"},
        ],
        "classifications": [
            {"tag": "misuse:fraud", "by": "Example Tracker", "method": "import"},
            {"tag": "misuse:fraud/voice-clone", "method": "import"},
        ],
        "content": {
            "setting": "in-the-wild",
            "assertion": {"status": "alleged", "by": "Example Tracker"},
            "times": {"started": "2024-05"},
            "countries": ["DE", "AT"],
            "severity": "severity:high",
        },
        "source": {"scheme": "example-tracker", "id": "17", "url": "https://example.org/cases/17"},
    }
    assert second["content"]["times"] == {"started": "2024-06-03"}
    assert second["narrative"] == r"A shop's assistant promised \_\_half price\_\_."
    assert not {"systems", "classifications"} & set(second)
    for each in (first, second):
        assert check(each, vocabulary=VOCABULARY, lenient=True).findings == ()


def test_a_suggestion_for_the_same_table_walks(files: Path) -> None:
    (files / "first.toml").write_text(suggest_map(files / "cases.csv"), "utf-8")
    first, second = submissions(files, files / "first.toml")
    assert (first["title"], first["source"]["id"]) == ("Cloned voice asks for money", "17")
    assert (first["content"]["times"], second["content"]["times"]) == (
        {"started": "2024-05"},
        {"started": "2024-06-03"},
    )


def test_every_key_of_a_mapping_is_explained() -> None:
    page = PAGE.read_text("utf-8")
    for model in (Value, FieldRule, ListRule, TagRule):
        for name, field in model.model_fields.items():
            key = field.alias or name
            if key not in ("taxonomy_version", "note", "tag", "field"):
                assert re.search(rf"`{key}`|^{key} = |\{{ {key} = ", page, re.M), key
