"""A log over HTTP: what ours accepts, so does a verifier that others wrote; neither what was altered."""

import hashlib
import json
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from registry.transparency.notes import Signer
from registry.verification.ledger import Ledger
from registry.verification.places import Folder
from registry.verification.report import Report
from registry.verification.targets import LogTarget, read_target
from registry.verification.verify import verify_log
from tests.registry.calling import Call, caller
from tests.registry.verification.forging import KEY, ORIGIN, honest, quietly
from tests.registry.verification.serving import accepts, another, web


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return another(tmp_path_factory.mktemp("go"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = honest().write(tmp_path_factory.mktemp("log"))
    return {name: (folder / name).read_bytes() for name in Folder(folder).names()}


async def ours(url: str) -> Report:
    target = read_target(url, allow_private=False)
    assert isinstance(target, LogTarget)
    with closing(Ledger()) as ledger:
        return await verify_log(target, [KEY], quietly, ledger)


async def test_both_accept_the_log_and_neither_a_flipped_byte(
    files: dict[str, bytes], verifier: Path
) -> None:
    served = dict(files)
    log_files = [name for name in files if name.startswith("log/")]
    assert len(log_files) == 6
    with web(served) as url:
        report = await ours(url)
        assert report.sound, list(report.failures)
        assert report.facts["documents"] == 275, "the documents of a dump are read over HTTP, too"
        assert accepts(verifier, f"{url}/log/", str(KEY)) == (True, "387")
        for name in log_files:
            whole = files[name]
            for at in (0, len(whole) // 2, len(whole) - 2):
                served[name] = whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]
                told = accepts(verifier, f"{url}/log/", str(KEY))
                assert told[0] is False, (name, at, told)
                assert not (await ours(url)).sound, (name, at)
            served[name] = whole
        wrong = Signer(ORIGIN, bytes(32)).verifier
        assert accepts(verifier, f"{url}/log/", str(wrong))[0] is False
        assert (await ours(url)).sound


class Registry(dict[str, bytes]):
    """Files that hand out documents as a registry does: a few lines at a time, from any index on."""

    documents = "federation/v1/documents"

    def get(self, path: str, default: bytes | None = None) -> bytes | None:  # type: ignore[override]
        if not path.startswith(f"{self.documents}?"):
            return super().get(path, default)
        start = int(parse_qs(path.partition("?")[2])["from"][0])
        lines = b"".join(self[name] for name in sorted(self) if name.startswith("versions/")).splitlines()
        later = [line for line in lines if json.loads(line)["index"] >= start]
        return b"".join(line + b"\n" for line in later[:50])


async def test_documents_come_in_pages(files: dict[str, bytes]) -> None:
    served = Registry(files)
    with web(served) as url:
        report = await ours(url)
        assert report.sound, list(report.failures)
        assert (report.facts["documents"], report.facts["erasures"]) == (275, 44)
        mirror = f"mirror/{hashlib.sha256(ORIGIN.encode()).hexdigest()}"
        copied = Registry({name.replace("log/", f"{mirror}/"): body for name, body in files.items()})
        copied.documents = f"{mirror}/documents"
        with web(copied) as elsewhere:
            report = await ours(f"{elsewhere}/{mirror}/")
            assert (report.sound, report.what, report.facts["documents"]) == (True, "mirror", 275)
            wrong = f"mirror/{'0' * 64}"
            renamed = {name.replace(mirror, wrong): body for name, body in copied.items()}
            copied.clear()
            copied.update(renamed)
            assert {check.name for check in (await ours(f"{elsewhere}/{wrong}/")).failures} == {"origin"}
        served["versions/001.ndjson"] = b""
        assert {check.name for check in (await ours(url)).failures} == {"documents"}


def test_the_command_says_what_it_checked(
    files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    candor: Call = caller(monkeypatch, capsys)
    served = dict(files)
    with web(served) as url:
        done = candor("verify", url, "--key", KEY)
        assert done.code == 0, done.err
        assert done.err.startswith("Verified.")
        assert "275" in done.out
        told = candor("verify", f"{url}/log/", "--key", KEY, "--json")
        assert (told.code, told.json["verified"], told.json["size"]) == (0, True, 387)
        assert {check["check"] for check in told.json["checks"]} == {
            "signature",
            "tree",
            "leaves",
            "chain",
            "erasures",
            "commitment",
            "documents",
        }
        unpinned = candor("verify", url)
        assert unpinned.code == 1
        assert "NOTHING WAS PINNED" in unpinned.err
        assert candor("verify", url, "--unpinned").code == 0
        served["versions/000.ndjson"] = served["versions/000.ndjson"].replace(b"learnt", b"burnt!", 1)
        broken = candor("verify", url, "--key", KEY, "--json")
        assert (broken.code, broken.json["verified"]) == (1, False)
        del served["log/checkpoint"]
        assert "no log was found" in candor("verify", url, "--key", KEY).err
        for words in (["--key", "nonsense"], ["--key", Signer(ORIGIN, bytes(32), 4).verifier]):
            assert candor("verify", url, *words).code == 2
        assert "only https" in candor("verify", "http://192.0.2.1/log/", "--key", KEY).err
        assert candor("verify", "no/such/dump").code == 1
