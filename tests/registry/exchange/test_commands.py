"""`candor import` and `candor validate`, as they are called."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from registry.commands.exchange import register
from registry.commands.remote import register as register_remote
from registry.errors import CandorError, Conflict, Misconfigured
from registry.node import init_node, open_node
from registry.providers import service as providers
from registry.settings import Settings
from registry.terminal import run as run_now

LESSON = "---\nkind: lesson\ntitle: {title}\n{more}content:\n  what_happened: Something happened.\n---\n"
MAPPING = """
[source]
scheme = "tracker"
id = "ID"
[constants]
kind = "incident"
license = "CC-BY-4.0"
[[field]]
to = "title"
from = "Title"
"""


Call = Callable[..., Any]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Calls the commands as a process would, in a registry of its own folder."""
    monkeypatch.setenv("CANDOR_DATA", str(tmp_path / "data"))
    app = typer.Typer()
    register(app)
    register_remote(app)
    runner = CliRunner()

    def run(*words: object) -> Any:
        return runner.invoke(app, [str(word) for word in words])

    return run


def add_provider(folder: Path, slug: str, *, approve: bool) -> None:
    async def add() -> None:
        settings = Settings(data=folder / "data", _env_file=None)
        await init_node(settings)
        async with open_node(settings) as node, node.database.write() as session:
            await providers.add(session, slug, slug.title(), origin=node.origin, approve=approve, by="test")

    run_now(add())


@pytest.fixture
def registry(call: Call, tmp_path: Path) -> None:
    """An initialised registry with one approved provider."""
    add_provider(tmp_path, "example", approve=True)


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def lessons(folder: Path) -> Path:
    target = "relations:\n  - {type: related, target: {id: 'source:native:two'}}\n"
    write(folder, "in/one.md", LESSON.format(title="One", more=target))
    return write(folder, "in/two.md", LESSON.format(title="Two", more="")).parent


class TestImport:
    def test_json_is_one_object_and_a_second_run_changes_nothing(
        self, call: Call, registry: None, tmp_path: Path
    ) -> None:
        folder = lessons(tmp_path)
        first = call("import", "native", folder, "--provider", "example", "--publish", "--json")
        assert first.exit_code == 0, first.output
        told = json.loads(first.stdout)
        assert set(told) == {"created", "revised", "unchanged", "rejected", "notes"}
        assert (told["created"], told["rejected"]) == (2, [])
        again = call("import", "native", folder, "--publish", "--json")
        assert json.loads(again.stdout)["unchanged"] == 2

    def test_rejected_items_end_with_three(self, call: Call, registry: None, tmp_path: Path) -> None:
        folder = lessons(tmp_path)
        write(folder, "three.md", LESSON.format(title="Three", more="summry: x\n"))
        done = call("import", "native", folder, "--json")
        assert done.exit_code == 3
        told = json.loads(done.stdout)
        assert told["created"] == 2
        (rejected,) = told["rejected"]
        assert rejected["item"] == "three.md"
        (finding,) = [each for each in rejected["findings"] if each["severity"] == "error"]
        assert finding["code"] == "unknown-field"
        assert finding["message"].startswith("Line 4: ")
        assert "summary" in finding["suggestion"]

    def test_people_see_a_table_and_the_reasons(self, call: Call, registry: None, tmp_path: Path) -> None:
        folder = lessons(tmp_path)
        write(folder, "three.md", "no front matter")
        done = call("import", "native", folder)
        assert "created    2" in done.stdout
        assert "rejected three.md" in done.stderr

    def test_a_dry_run_writes_nothing(self, call: Call, registry: None, tmp_path: Path) -> None:
        folder = lessons(tmp_path)
        for _ in range(2):
            done = call("import", "native", folder, "--dry-run", "--json")
            assert json.loads(done.stdout)["created"] == 2

    def test_a_dry_run_needs_no_registry(self, call: Call, tmp_path: Path) -> None:
        done = call("import", "native", lessons(tmp_path), "--dry-run", "--json")
        assert (done.exit_code, json.loads(done.stdout)["created"]) == (0, 2)
        assert not (tmp_path / "data").exists()

    def test_tables(self, call: Call, registry: None, tmp_path: Path) -> None:
        table = write(tmp_path, "t.csv", "ID,Title\n1,T\n2,U,extra\n")
        mapping = write(tmp_path, "map.toml", MAPPING)
        done = call("import", "table", table, "--map", mapping, "--publish", "--json")
        assert done.exit_code == 3
        told = json.loads(done.stdout)
        assert (told["created"], told["rejected"][0]["item"]) == (1, "t.csv:3")

    def test_a_suggested_mapping_can_be_used_at_once(
        self, call: Call, registry: None, tmp_path: Path
    ) -> None:
        table = write(tmp_path, "t.csv", "ID,Title,Date\n1,T,17.05.2024\n2,U,03.06.2024\n")
        suggested = call("import", "table", table, "--suggest-map")
        assert suggested.exit_code == 0
        mapping = write(tmp_path, "map.toml", suggested.stdout)
        done = call("import", "table", table, "--map", mapping, "--json")
        assert json.loads(done.stdout)["created"] == 2
        assert json.loads(call("import", "table", table, "--suggest-map", "--json").stdout) == {
            "map": suggested.stdout
        }

    @pytest.mark.parametrize(
        "words",
        [
            ("no-such-format", "."),
            ("native", "/no/such/path"),
            ("table", "."),
            ("native", ".", "--suggest-map"),
            ("native", ".", "--map", "map.toml"),
        ],
    )
    def test_misuse_ends_with_two(self, call: Call, tmp_path: Path, words: tuple[str, ...]) -> None:
        write(tmp_path, "map.toml", MAPPING)
        assert call("import", *words).exit_code == 2

    def test_several_providers_must_be_told_apart(self, call: Call, registry: None, tmp_path: Path) -> None:
        add_provider(tmp_path, "waiting", approve=False)
        folder = lessons(tmp_path)
        with pytest.raises(Misconfigured, match="example, waiting"):
            raise_from(call("import", "native", folder))
        with pytest.raises(Conflict, match="may not publish yet"):
            raise_from(call("import", "native", folder, "--provider", "waiting", "--publish"))

    def test_a_registry_that_is_not_there(self, call: Call, tmp_path: Path) -> None:
        with pytest.raises(CandorError):
            raise_from(call("import", "native", lessons(tmp_path)))

    def test_atlas_brings_its_vocabulary(self, call: Call, registry: None, tmp_path: Path) -> None:
        write(
            tmp_path,
            "atlas/ATLAS.yaml",
            "id: ATLAS\nname: ATLAS\nversion: 9.9.9\nmatrices:\n"
            "- tactics:\n  - {id: AML.TA0001, name: A tactic}\n"
            "  techniques:\n  - {id: AML.T0001, name: A technique, tactics: [AML.TA0001]}\n"
            "  mitigations:\n  - id: AML.M0001\n    name: A mitigation\n"
            "    techniques: [{id: AML.T0001, use: It helps.}]\n",
        )
        done = call("import", "atlas", tmp_path / "atlas", "--publish", "--json")
        assert json.loads(done.stdout) == {
            "created": 1,
            "revised": 0,
            "unchanged": 0,
            "rejected": [],
            "notes": [],
        }


class TestValidate:
    def test_files_that_are_fine(self, call: Call, tmp_path: Path) -> None:
        done = call("validate", lessons(tmp_path), "--json")
        assert (done.exit_code, json.loads(done.stdout)["valid"]) == (0, True)

    def test_every_mistake_by_line(self, call: Call, tmp_path: Path) -> None:
        more = "summry: x\ntags: [misuse:frad]\n"
        file = write(tmp_path, "bad.md", LESSON.format(title="One", more=more))
        done = call("validate", file, "--json")
        assert done.exit_code == 3
        told = json.loads(done.stdout)
        assert not told["valid"]
        found = {finding["code"]: finding for finding in told["files"][0]["findings"]}
        assert (found["unknown-field"]["line"], found["unknown-tag"]["line"]) == (4, 5)
        assert "misuse:fraud" in found["unknown-tag"]["suggestion"]
        shown = call("validate", file)
        assert "bad.md:4" in shown.stderr


def raise_from(result: Any) -> None:
    """What `candor` itself turns into a sentence and an exit code."""
    if result.exception is not None:
        raise result.exception
