"""A built wheel holds all that a registry needs: migrations, templates, vocabularies, samples."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_what_is_not_code(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for part in (
        "registry/_bundled/migrations/versions/",
        "registry/_bundled/samples/",
        "registry/taxonomies/own/misuse.toml",
        "frontend/templates/",
        "frontend/static/",
    ):
        assert any(name.startswith(part) for name in names), f"{part} is missing"
    assert not any("__pycache__" in name or name.startswith("tests/") for name in names)


def test_an_installed_wheel_starts_a_registry(wheel: Path, tmp_path: Path) -> None:
    """Installed into an environment that holds nothing else; dependencies are lent by this one."""
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False)
    site = next(environment.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # Appended, so that the checkout this test runs in cannot stand in for anything that the wheel forgot.
    lent = [path for path in sys.path if path.endswith("site-packages")]
    (site / "lent.pth").write_text(f"import sys; sys.path.extend({lent!r})\n")
    variables = {**os.environ, "CANDOR_DATA": str(tmp_path / "data"), "CANDOR_LOG_LEVEL": "error"}

    def run(code: str) -> str:
        done = subprocess.run(
            [str(environment / "bin" / "python"), "-c", code],
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert str(site) in run("import registry; print(registry.__file__)")
    assert str(site) in run("from registry.bundled import folder; print(folder('samples'))")
    command = "import sys; from registry.cli import main; sys.argv = ['candor', *{!r}]; main()"
    run(command.format(["init"]))
    run(command.format(["provider", "add", "editors", "--name", "Editors", "--approve"]))
    samples = run("from registry.bundled import folder; print(folder('samples'), end='')")
    said = run(command.format(["import", "native", samples, "--provider", "editors", "--publish", "--json"]))
    report = json.loads(said)
    assert report["created"] >= 28
    assert report["rejected"] == []
