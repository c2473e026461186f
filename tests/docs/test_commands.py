"""Every command in README and docs that is marked `sh` is run, in order, against a registry of its own."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests import starter
from tests.registry.serving import free_port

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)
# Questions that are written out, as pages for a browser.
_PAGE = re.compile(r"`(/(?:records|evidence|matrix)\?[^`…{}<>]+)`")
_ADDRESS = "127.0.0.1:8000"
# Where a page starts servers of its own.
_MORE_PORTS = ("8001", "8002")


def blocks(page: Path) -> str:
    """The commands of a page; a page that goes on from the README's begins with those."""
    own = "\n".join(_BLOCK.findall(page.read_text("utf-8")))
    goes_on = "README.md#five-minutes-to-a-first-disclosure" in page.read_text("utf-8")
    return blocks(ROOT / "README.md") + "\n" + own if goes_on else own


@dataclass(frozen=True)
class Samples:
    """A registry that holds the samples: its folder, and the port that stands in its origin."""

    folder: Path
    port: int


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """The registry from which each page begins."""
    folder, port = tmp_path_factory.mktemp("samples"), free_port()
    environment = _environment(folder, port)
    for command in (
        ["init"],
        ["provider", "add", "candor-editors", "--name", "Candor editors", "--approve"],
        ["import", "native", str(ROOT / "samples"), "--provider", "candor-editors", "--publish"],
    ):
        subprocess.run(
            ["candor", *command], cwd=folder, env=environment, check=True, capture_output=True, timeout=120
        )
    return Samples(folder / "var", port)


def _environment(folder: Path, port: int, *commands: Path) -> dict[str, str]:
    """What the commands of a page find around them. `commands` come before the others of the PATH."""
    path = [*commands, Path(sys.executable).parent, os.environ["PATH"]]
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")},
        "PATH": os.pathsep.join(map(str, path)),
        "CANDOR_DATA": str(folder / "var"),
        "CANDOR_PORT": str(port),
        "CANDOR_LOG_LEVEL": "error",
        "COLUMNS": "120",
        # What `candor login` keeps is kept for this page alone.
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }


def test_there_are_commands_in_the_docs() -> None:
    assert len(blocks(ROOT / "README.md")) > 500


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_commands_of_a_page_work(page: Path, tmp_path: Path, samples: Samples) -> None:
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("THE COMMANDS IN THE DOCS WERE NOT RUN: they need bash and curl")
    with _registry(tmp_path, samples) as (address, environment):
        commands = blocks(page).replace(_ADDRESS, address)
        for port in _MORE_PORTS:
            commands = commands.replace(port, str(free_port()))
        script = "set -euo pipefail\n" + commands
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        lost = [
            named
            for named in set(_PAGE.findall(page.read_text("utf-8")))
            if httpx.get(f"http://{address}{named}", timeout=30).status_code != 200
        ]
    assert not lost, "pages that a reader is sent to"
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@contextmanager
def _registry(folder: Path, samples: Samples) -> Iterator[tuple[str, dict[str, str]]]:
    port = samples.port
    shutil.copytree(samples.folder, folder / "var")
    environment = _environment(folder, port, folder / "bin")
    if starter.POSSIBLE:
        starter.command(folder / "bin")
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(["candor", "serve"], cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            _wait_until_found(port, process, folder / "serve.log")
            yield f"127.0.0.1:{port}", environment
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_found(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until the samples are in the index, as a reader would find them a moment after `make run`."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            answer = httpx.get(
                f"http://127.0.0.1:{port}/api/v1/search", params={"q": "voice", "limit": 1}, timeout=5
            )
            if answer.status_code == 200 and answer.json()["total"]:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(log.read_text())
