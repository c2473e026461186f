"""`candor search` and `candor reindex`."""

import json

import pytest
import typer
from structlog.testing import capture_logs
from typer.testing import CliRunner

from registry.extensions import Node
from registry.settings import Settings
from search.cli import register
from search.embedded import EmbeddedEngine
from search.open import open_engine
from tests.search.documents import document, fill

candor = typer.Typer()
register(candor)


@pytest.fixture
def _here(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_DATA", str(settings.data))
    monkeypatch.setenv("CANDOR_DATABASE_URL", settings.database)


@pytest.fixture
async def _filled(_here: None, node: Node) -> None:
    engine = open_engine(node.settings)
    assert isinstance(engine, EmbeddedEngine)
    documents = [
        document("CIR-7GQ2M4KX9X", title="Voice clone fraud", tags=["misuse:fraud/voice-clone"]),
        document("CIR-000000000H", title="Voice of [reason]"),
    ]
    await fill(engine, documents, position=2)


def run(*arguments: str) -> tuple[int, str]:
    with capture_logs():  # they go to standard error, once `candor` has set them up
        result = CliRunner().invoke(candor, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


@pytest.mark.usefixtures("_filled")
def test_search_prints_hits_and_how_many_there_are() -> None:
    code, printed = run("search", "voice")
    assert code == 0
    assert "CIR-7GQ2M4KX9X" in printed
    assert "Voice of [reason]" in printed
    assert "2 found" in printed


@pytest.mark.usefixtures("_filled")
def test_search_takes_filters_and_prints_one_json_object() -> None:
    code, printed = run("search", "voice", "--tag", "misuse:fraud", "--filter", "kind=incident", "--json")
    found = json.loads(printed)
    assert (code, found["total"], found["hits"][0]["record"]["id"]) == (0, 1, "CIR-7GQ2M4KX9X")
    assert found["query"]["filters"] == {"kind": ["incident"], "tag": ["misuse:fraud"]}


@pytest.mark.usefixtures("_here")
def test_reindex_builds_an_index_from_the_database() -> None:
    code, printed = run("reindex", "--json")
    assert (code, json.loads(printed)) == (0, {"records": 0, "position": 0})
    assert json.loads(run("search", "anything", "--json")[1])["total"] == 0
