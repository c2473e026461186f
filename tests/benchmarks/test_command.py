"""`candor bench`, small and short: that it measures and tells, never how fast."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from benchmarks import extension, following, hot, searching, servers, stand, start
from benchmarks.measures import chosen

HERE = Path(__file__).resolve().parent


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    assert extension.commands is not None
    extension.commands(app)
    return app


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot, "ROUNDS", 1)
    monkeypatch.setattr(hot, "SECONDS", 0.05)
    monkeypatch.setattr(following, "ROUNDS", 2)
    monkeypatch.setattr(searching, "QUESTIONS", 10)
    monkeypatch.setattr(searching, "WARM", 1)


@pytest.mark.usefixtures("_short")
def test_each_measure_is_told_with_its_limit(app: typer.Typer, tmp_path: Path) -> None:
    groups = ("hot", "search_overhead", "follow", "import")
    folder = tmp_path / "kept"
    done = CliRunner().invoke(
        app, ["bench", "--records=200", f"--keep={folder}", "--json", *(f"--only={one}" for one in groups)]
    )
    assert done.exit_code in (0, 1), done.output
    # Logging is set up by the whole command line, which this test does without: lines of log come before.
    told = json.loads(done.stdout.splitlines()[-1])
    expected = chosen(groups)
    assert list(told) == [one.name for one in expected]
    for one in expected:
        result = told[one.name]
        assert (result["unit"], result["limit"]) == (one.unit, one.limit)
        assert isinstance(result["value"], float)
    assert done.exit_code == (0 if all(one["holds"] for one in told.values()) else 1)

    # The folder that was kept is used again, and the table says the same to people.
    again = CliRunner().invoke(app, ["bench", "--records=200", f"--keep={folder}", "--only=import_rate"])
    assert f"{told['import_rate']['value']:,.2f}"[:-1] in again.stdout  # rounded once more
    assert "import_linear" not in again.stdout
    assert "processor" in again.stdout
    other = CliRunner().invoke(app, ["bench", "--records=201", f"--keep={folder}", "--only=import"])
    assert isinstance(other.exception, FileExistsError)


def test_an_unknown_measure_is_misuse_and_named(app: typer.Typer) -> None:
    done = CliRunner().invoke(app, ["bench", "--only=hot_cakes"])
    assert done.exit_code == 2
    assert "hot_cakes" in done.stderr
    assert "hot_record" in done.stderr


def test_no_setting_of_the_operator_reaches_what_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CANDOR_DATABASE_URL", "postgresql://registry.example/real")
    monkeypatch.setenv("CANDOR_SEARCH_URL", "https://search.example")
    assert "CANDOR_DATABASE_URL" not in servers.environment(port="1")
    assert servers.environment(port="1")["CANDOR_PORT"] == "1"
    settings = stand.isolated(data=tmp_path)
    assert settings.database == f"sqlite:///{tmp_path / 'candor.sqlite'}"
    assert settings.search_url is None


def test_starting_is_what_make_run_does() -> None:
    recipe = (HERE.parent.parent / "Makefile").read_text().split("\nrun:")[1].split("\n\n")[0]
    assert f"$(BIN)/candor {' '.join(start.COMMAND)}" in recipe


def test_a_run_that_is_ended_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [*servers.CANDOR, "bench", "--records=200", "--only=hot"]
    given = {**servers.environment(log_level="error"), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=given, cwd=tmp_path, stderr=subprocess.PIPE) as run:
        started = _servers_of(run)
        run.terminate()
        run.communicate(timeout=60)
    assert run.returncode == 128 + signal.SIGTERM
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]
    assert list(tmp_path.iterdir()) == []


def _servers_of(run: "subprocess.Popen[bytes]") -> set[int]:
    """The servers that a run has started, once there are some."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert run.poll() is None, "the run ended by itself"
        if found := {one.pid for one in servers._processes() if one.parent == run.pid}:
            return found
        time.sleep(0.05)
    raise AssertionError("no server was started")
