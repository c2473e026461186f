"""`candor taxonomy`, run as a command."""

import asyncio
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from registry.commands.taxonomies import register
from registry.errors import CandorError
from registry.node import init_node
from registry.settings import Settings

MISP = {"namespace": "example", "version": 3, "predicates": [{"value": "p", "expanded": "P"}, {"value": "q"}]}


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An initialised registry in the folder that the command will find."""
    folder = tmp_path / "data"
    monkeypatch.setenv("CANDOR_DATA", str(folder))
    monkeypatch.setenv("CANDOR_ORIGIN", "registry.example/log")
    asyncio.run(init_node(Settings(data=folder, origin="registry.example/log", _env_file=None)))
    return tmp_path


def candor(*words: object, code: int = 0) -> str:
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, ["taxonomy", *map(str, words)])
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


def test_importing_twice_changes_nothing_the_second_time(registry: Path) -> None:
    file = registry / "machinetag.json"
    file.write_text(json.dumps(MISP))
    first = json.loads(candor("import", "misp-taxonomy", file, "--json"))
    assert (first["created"], first["rejected"]) == (1, [])
    second = json.loads(candor("import", "misp-taxonomy", file, "--json"))
    assert (second["created"], second["unchanged"]) == (0, 1)
    listed = json.loads(candor("list", "--json"))["taxonomies"]
    assert next(row for row in listed if row["namespace"] == "example")["version"] == "3"
    shown = json.loads(candor("show", "example", "--json"))
    assert [term["tag"] for term in shown["terms"]] == ["example:p", "example:q"]


def test_rejected_entries_are_told_by_the_exit_code(registry: Path) -> None:
    file = registry / "machinetag.json"
    file.write_text(json.dumps({**MISP, "predicates": [*MISP["predicates"], {}]}))  # type: ignore[misc]
    report = json.loads(candor("import", "misp-taxonomy", file, "--dry-run", "--json", code=3))
    assert report["created"] == 1
    assert report["rejected"][0]["item"] == "machinetag.json#/predicates/2/value"
    assert report["rejected"][0]["findings"][0]["code"] == "missing"
    assert all(row["namespace"] != "example" for row in json.loads(candor("list", "--json"))["taxonomies"])


def test_tables_take_their_columns_from_the_command(registry: Path) -> None:
    file = registry / "words.csv"
    file.write_text("Word,Meaning\nHarmless,Does no harm\n")
    words = ("--column", "label=Word", "--column", "definition=Meaning", "--licence", "CC0-1.0", "--json")
    assert json.loads(candor("import", "csv", file, *words))["created"] == 1
    shown = json.loads(candor("show", "words", "--json"))
    assert shown["terms"] == [
        {"tag": "words:harmless", "id": "harmless", "label": "Harmless", "definition": "Does no harm"}
    ]


def test_people_see_a_tree(registry: Path) -> None:
    tree = candor("show", "lifecycle")
    assert "lifecycle" in tree
    assert tree.index("development Development") < tree.index("development/fine-tuning Tuning")
    assert "misuse" in candor("list")


@pytest.mark.parametrize(
    "words",
    [
        ("import", "nothing", "."),
        ("import", "atlas", "."),
        ("import", "csv", ".", "--column", "label"),
        ("show", "nothing"),
        ("show", "misuse", "--version", "99"),
    ],
)
def test_mistakes_are_explained(registry: Path, words: tuple[str, ...]) -> None:
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, ["taxonomy", *words])
    assert isinstance(result.exception, CandorError)
    assert len(result.exception.detail) > 20
