"""The command `candor` as people and programs meet it: exit codes, JSON, and errors that help."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from registry.settings import Settings
from tests.registry.calling import Call, caller, point_at

CANDOR = Path(sys.executable).with_name("candor")
LESSON = (
    "---\nkind: lesson\ntitle: {title}\nsummary: What was learnt.\ncontent:\n  what_happened: Much.\n---\n"
)
BROKEN = "---\nkind: lesson\ntitle: Broken\ntags: [misuse:frud]\n---\n"

# Each command is tested on both databases where its own room is tested.
pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings: Settings) -> Call:
    """`candor` where no registry is."""
    monkeypatch.setenv("CANDOR_DATA", str(settings.data.parent / "nowhere"))
    return caller(monkeypatch, capsys)


@pytest.fixture
def candor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings: Settings) -> Call:
    """`candor` where a registry is."""
    point_at(settings, monkeypatch)
    return caller(monkeypatch, capsys)


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


# --- exit codes ---


def test_done_is_0(candor: Call) -> None:
    assert candor("settings").code == 0
    assert candor("provider", "add", "example", "--name", "Example").code == 0
    assert candor("--help").code == 0


def test_failed_is_1(candor: Call) -> None:
    assert candor("provider", "approve", "nobody").code == 1
    assert candor("provider", "add", "Not a slug", "--name", "Example").code == 1
    assert candor("restore", write("no-backup", "nothing")).code == 1


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("provider", "nonsense"),
        ("provider", "add"),
        ("provider", "add", "example"),
        ("import", "avid"),
        ("import", "avid", "not-there"),
        ("import", "nonsense", "."),
        ("import", "table", "."),
        ("import", "native", ".", "--suggest-map"),
        ("restore", "not-there"),
        ("serve", "--port", "65536"),
        ("serve", "--workers", "0"),
        ("status", "--nonsense"),
    ],
)
def test_misuse_is_2(candor: Call, words: tuple[str, ...]) -> None:
    called = candor(*words)
    assert (called.code, called.out) == (2, "")
    assert "Traceback" not in called.err
    assert called.err


def test_done_with_rejected_items_is_3(candor: Call) -> None:
    candor("provider", "add", "example", "--name", "Example", "--approve")
    write("records/fine.md", LESSON.format(title="Fine"))
    write("records/wrong.md", BROKEN)
    called = candor("import", "native", "records", "--publish", "--json")
    assert called.code == 3
    assert (called.json["created"], len(called.json["rejected"])) == (1, 1)
    assert candor("validate", "records").code == 3
    assert candor("import", "native", "records/fine.md", "--publish").code == 0


# --- one JSON object and nothing else ---


def test_every_json_is_one_object_and_nothing_else(candor: Call) -> None:
    added = candor(
        "provider", "add", "example", "--name", "Example [Lab]", "--domain", "example.org", "--json"
    )
    assert added.json == {
        "slug": "example",
        "name": "Example [Lab]",
        "domain": "example.org",
        "sector": None,
        "state": "sandbox",
    }
    assert candor("provider", "approve", "example", "--json").json["state"] == "approved"
    assert [row["slug"] for row in candor("provider", "list", "--json").json["providers"]] == ["example"]
    client = candor("client", "add", "example", "--scopes", "records:write records:publish", "--json").json
    assert set(client) == {"client_id", "client_secret", "scopes"}
    assert client["scopes"] == ["records:publish", "records:write"]
    assert len(client["client_secret"]) >= 40

    write("one.md", LESSON.format(title="Phishing at scale"))
    report = candor("import", "native", "one.md", "--publish", "--json").json
    assert report.items() >= {"created": 1, "revised": 0, "unchanged": 0, "rejected": []}.items()
    assert candor("validate", "one.md", "--json").json["valid"] is True
    assert candor("taxonomy", "list", "--json").json["taxonomies"]
    assert candor("taxonomy", "show", "misuse", "--json").json["namespace"] == "misuse"
    assert candor("reindex", "--json").json["records"] == 1
    assert candor("search", "phishing", "--json").json["total"] == 1
    status = candor("status", "--json").json
    assert (status["origin"], status["position"]) == ("registry.example/log", 1)
    assert status["log"] == {"entries": 0, "published": 0, "signed": None, "witnesses": 0}
    assert candor("backup", "saved.tar.gz", "--json").json["tables"]["record"] == 1
    assert candor("settings", "--json").json["CANDOR_PORT"]["value"] == 8000


def test_a_failure_leaves_standard_output_empty(candor: Call) -> None:
    for words in (
        ("provider", "approve", "nobody", "--json"),
        ("client", "add", "nobody", "--scopes", "records:write", "--json"),
        ("taxonomy", "show", "nothing", "--json"),
        ("import", "native", ".", "--json"),
    ):
        called = candor(*words)
        assert (called.code, called.out) == (1, ""), words


@pytest.mark.usefixtures("settings")
def test_a_process_writes_its_json_alone_even_while_it_logs(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "CANDOR_DATA": str(tmp_path / "fresh"),
        "CANDOR_LOG_LEVEL": "debug",
    }

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [CANDOR, *words], env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    made = run("init")
    assert made.returncode == 0, made.stderr
    assert re.fullmatch(r"127\.0\.0\.1:8000/log\+[0-9a-f]{8}\+\S+\n", made.stdout), "the log's key, to copy"
    added = run("provider", "add", "example", "--name", "Example", "--json")
    assert json.loads(added.stdout)["slug"] == "example"
    failed = run("provider", "approve", "exampel")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "Traceback" not in failed.stderr


# --- settings ---


def test_settings_mask_secrets_and_name_sources(candor: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CANDOR_DATABASE_URL")
    monkeypatch.setenv("CANDOR_METRICS_TOKEN", "hidden-word")
    write(
        ".env",
        "CANDOR_SEARCH_KEY=hidden-word\nCANDOR_DATABASE_URL=postgresql://candor:hidden-word@db.example/x\n",
    )
    told = candor("settings", "--json")
    assert "hidden-word" not in told.out + candor("settings").out
    rows = told.json
    assert rows["CANDOR_METRICS_TOKEN"]["value"] == "***"
    assert rows["CANDOR_METRICS_TOKEN"]["source"] == "environment"
    assert rows["CANDOR_SEARCH_KEY"]["source"] == ".env"
    assert rows["CANDOR_PORT"]["source"] == "default"
    assert all(row["meaning"] for row in rows.values())
    assert set(rows) == {f"CANDOR_{name.upper()}" for name in Settings.model_fields}


def test_every_wrong_setting_is_named(candor: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_PORT", "http")
    write(".env", "CANDOR_WORKERS=0\n")
    called = candor("settings")
    assert (called.code, called.out) == (1, "")
    assert "CANDOR_PORT" in called.err
    assert "CANDOR_WORKERS" in called.err
    assert "Traceback" not in called.err


def test_the_file_beside_is_read(candor: Call) -> None:
    write(".env", "CANDOR_NAME=Another registry\n")
    assert candor("settings", "--json").json["CANDOR_NAME"]["value"] == "Another registry"


# --- errors that help ---


@pytest.mark.parametrize(
    "words",
    [
        ("provider", "list"),
        ("status",),
        ("taxonomy", "list"),
        ("import", "native", "."),
        ("search", "anything"),
        ("backup", "saved"),
        ("worker",),
    ],
)
def test_without_a_registry_the_command_to_run_is_told(nowhere: Call, words: tuple[str, ...]) -> None:
    called = nowhere(*words)
    assert (called.code, called.out) == (1, "")
    assert "candor init" in called.err or "nothing to back up" in called.err
    assert "Traceback" not in called.err


def test_a_database_that_is_away_is_told(nowhere: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_DATABASE_URL", "postgresql://candor:hidden-word@127.0.0.1:1/candor")
    for words in (("status",), ("init",), ("serve",)):
        called = nowhere(*words)
        assert called.code == 1, words
        assert "hidden-word" not in called.err
        assert "Traceback" not in called.err


def test_a_data_folder_that_is_a_file_is_told(nowhere: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_DATA", str(write("taken", "")))
    for words in (("init",), ("serve",)):
        called = nowhere(*words)
        assert called.code == 1, words
        assert "taken" in called.err
        assert "Traceback" not in called.err


def test_a_file_that_is_no_database_is_told(nowhere: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "CANDOR_DATABASE_URL", f"sqlite:///{write('notes.txt', 'nothing of that sort' * 99).absolute()}"
    )
    called = nowhere("status")
    assert called.code == 1
    assert "Traceback" not in called.err


def test_an_unknown_provider_is_told_with_the_nearest(candor: Call) -> None:
    candor("provider", "add", "example-lab", "--name", "Example", "--approve")
    called = candor("client", "add", "exmaple-lab", "--scopes", "records:write")
    assert called.code == 1
    assert "Did you mean example-lab?" in called.err


def test_an_organisation_that_waits_for_approval_is_near_as_well(candor: Call) -> None:
    candor("provider", "add", "example-lab", "--name", "Example")
    assert "Did you mean example-lab?" in candor("provider", "approve", "exmaple-lab").err


def test_an_unknown_format_is_told_with_those_there_are(candor: Call) -> None:
    called = candor("import", "avdi", ".")
    assert called.code == 2
    assert all(name in called.err for name in ("native", "avid", "atlas", "aiid", "table"))


def test_an_unknown_scope_is_told_with_those_there_are(candor: Call) -> None:
    candor("provider", "add", "example", "--name", "Example")
    called = candor("client", "add", "example", "--scopes", "records:wirte")
    assert called.code == 1
    assert "records:write" in called.err


def test_an_unknown_extension_is_told(candor: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_EXTENSIONS", "serach")
    called = candor("search", "fraud")
    assert called.code == 1
    assert "'serach'" in called.err
    assert "search" in called.err


def test_a_backup_does_not_overwrite(candor: Call) -> None:
    kept = write("kept", "something else")
    assert candor("backup", kept).code == 1
    assert kept.read_text() == "something else"


def test_restoring_over_a_registry_is_refused(candor: Call) -> None:
    assert candor("backup", "saved").code == 0
    called = candor("restore", "saved")
    assert called.code == 1
    assert "not empty" in called.err


def test_another_origin_is_refused(candor: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_ORIGIN", "another.example/log")
    for words in (("status",), ("init",), ("serve",)):
        called = candor(*words)
        assert called.code == 1
        assert "frozen" in called.err


def test_init_is_safe_to_repeat(candor: Call) -> None:
    before = candor("status", "--json").json
    assert candor("init").code == 0
    assert candor("status", "--json").json == before


def test_what_is_in_brackets_is_shown_as_it_is(candor: Call) -> None:
    assert candor("provider", "add", "example", "--name", "Example [bold]Lab[/]").code == 0
    assert "Example [bold]Lab[/]" in candor("provider", "list").out
    called = candor("provider", "approve", "[/nobody]")
    assert called.code == 1
    assert "[/nobody]" in called.err
