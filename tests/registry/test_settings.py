"""Settings: where they come from, what bounds they have, and that nobody keeps a copy of his own."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from registry.errors import Misconfigured
from registry.settings import PREFIX, Settings, load

ROOT = Path(__file__).resolve().parents[2]


def test_settings_are_frozen() -> None:
    settings = Settings(_env_file=None)
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1  # type: ignore[misc]


def test_the_environment_wins_over_the_file_which_wins_over_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("CANDOR_PORT=8001\nCANDOR_HOST=127.0.0.2\n")
    monkeypatch.setenv("CANDOR_PORT", "8002")
    settings = load()
    assert (settings.port, settings.host, settings.name) == (8002, "127.0.0.2", "Candor")


def test_settings_are_read_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    before = load()
    monkeypatch.setenv("CANDOR_NAME", "Another")
    assert (before.name, load().name) == ("Candor", "Another")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("WORKERS", "0"),
        ("WORKERS", "65"),
        ("CACHE_MEGABYTES", "-1"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("ORIGIN", "https://registry.example"),
        ("ORIGIN", "Registry Example"),
        ("BASE_URL", "registry.example"),
        ("BASE_URL", "https://registry example"),
        ("TRUSTED_PROXIES", '["not an address"]'),
        ("TRUSTED_PROXIES", "proxy.example"),
        ("TRUSTED_PROXIES", '["10.0.0.0/33"]'),
        ("TRUSTED_PROXIES", '["10.0.0.1"'),
        ("DATABASE_URL", "nowhere"),
        ("DATABASE_URL", "mysql://root:hidden-word@db.example/candor"),
        ("DATABASE_URL", "sqlite://"),
        ("RUN_READERS", "perhaps"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(Misconfigured) as caught:
        load()
    assert PREFIX + name in caught.value.detail
    assert "hidden-word" not in caught.value.detail


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "WORKERS", "LOG_LEVEL"):
        monkeypatch.setenv(PREFIX + name, "wrong")
    with pytest.raises(Misconfigured) as caught:
        load()
    assert all(PREFIX + name in caught.value.detail for name in ("PORT", "WORKERS", "LOG_LEVEL"))


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"CANDOR_NAME=\xff\xfe\n")
    with pytest.raises(Misconfigured, match=r"\.env"):
        load()


@pytest.mark.parametrize(
    ("value", "proxies"),
    [
        ("", ()),
        ("127.0.0.1", ("127.0.0.1",)),
        ("10.0.0.0/8, ::1", ("10.0.0.0/8", "::1")),
        ('["10.0.0.0/8"]', ("10.0.0.0/8",)),
        ("10.1.2.3/8", ("10.0.0.0/8",)),
    ],
)
def test_trusted_proxies_are_addresses_and_networks(
    value: str, proxies: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANDOR_TRUSTED_PROXIES", value)
    assert load().trusted_proxies == proxies


@pytest.mark.parametrize(
    ("value", "extensions"),
    [(None, None), ("", ()), ("[]", ()), ("search", ("search",)), ('["search"]', ("search",))],
)
def test_extensions_are_all_those_named_or_none(
    value: str | None, extensions: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is not None:
        monkeypatch.setenv("CANDOR_EXTENSIONS", value)
    assert load().extensions == extensions


def test_secrets_do_not_show() -> None:
    given: dict[str, Any] = {
        "database_url": "postgresql://candor:hidden-word@db.example/candor",
        "search_key": "hidden-word",
        "metrics_token": "hidden-word",
    }
    settings = Settings(_env_file=None, **given)
    assert (
        "hidden-word" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    )
    assert "hidden-word" in settings.database


def test_links_begin_with_the_base_url_or_the_address_listened_on() -> None:
    assert Settings(_env_file=None, base_url="https://registry.example/").url == "https://registry.example"
    assert Settings(_env_file=None, port=8001).url == "http://127.0.0.1:8001"
    assert Settings(_env_file=None, host="::1").url == "http://[::1]:8000"


def test_the_embedded_database_lies_in_the_data_folder(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data=tmp_path)
    assert settings.embedded
    assert settings.database == f"sqlite:///{tmp_path}/candor.sqlite"
    assert not Settings(_env_file=None, database_url="postgresql://db.example/candor").embedded


def test_every_setting_says_what_it_means() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_importing_the_program_reads_no_settings() -> None:
    """Wrong settings stop `load`, not an import: no module keeps a copy of them."""
    code = (
        "import registry.app, registry.cli, registry.operate, search, frontend\n"
        "from registry.settings import load\n"
        "try:\n    load()\nexcept Exception as error:\n    print(type(error).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "CANDOR_PORT": "wrong"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "Misconfigured"), done.stderr
