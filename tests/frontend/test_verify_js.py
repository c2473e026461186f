"""A record is verified in a real browser, and refused when a byte of anything is another."""

import base64
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from frontend import statics
from registry.settings import Settings
from registry.transparency.keys import prepare
from registry.transparency.notes import Signer
from tests.conftest import ORIGIN
from tests.frontend.browser import Browser, browser
from tests.registry.calling import caller
from tests.registry.serving import Writer, publish, serving, until
from tests.registry.verification.serving import accepts, another

VERIFY = f"/static/{statics.by_name()['verify.js'].address}"
OTHER_KEY = str(Signer(ORIGIN, bytes(32)).verifier)


@dataclass(frozen=True)
class Record:
    """A record of a registry that is served, as anybody gets it."""

    url: str
    id: str
    document: bytes
    proof: dict[str, Any]
    vkey: str


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Iterator[Record]:
    folder = tmp_path_factory.mktemp("verified")
    shutil.copy(_sqlite_template, folder / "candor.sqlite")
    settings = Settings(data=folder, origin=ORIGIN, _env_file=None)
    vkey = str(prepare(settings, ORIGIN).log[0].verifier)
    writer = Writer.of(settings)
    with serving(settings, CANDOR_ORIGIN=ORIGIN, CANDOR_EXTENSIONS="frontend") as server:
        headers = writer.headers(server.url)
        ids = [publish(server.url, headers, title) for title in ("Une leçon", "Another", "A third")]
        address, last = (f"{server.url}/api/v1/records/{id}" for id in (ids[0], ids[-1]))
        until(lambda: httpx.get(f"{last}/versions/1/proof").status_code == 200, server)
        proof = httpx.get(f"{address}/versions/1/proof").json()
        yield Record(server.url, ids[0], httpx.get(address).content, proof, vkey)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


def test_commands_and_another_implementation_believe_it_too(
    record: Record, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    candor = caller(monkeypatch, capsys)
    for target, what, facts in (
        (record.url, "log", {"records": 3, "documents": 3}),
        (f"{record.url}/records/{record.id}", "record", {"versions": 1, "index": 0}),
        (f"{record.url}/api/v1/records/{record.id}/versions/1?origin={ORIGIN}", "record", {"size": 3}),
    ):
        told = candor("verify", target, "--key", record.vkey, "--json")
        assert told.code == 0, told
        assert told.json.items() >= ({"what": what, "verified": True} | facts).items()
    told = candor("verify", f"{record.url}/records/{record.id}", "--all", "--key", OTHER_KEY, "--json")
    assert told.code == 1
    assert [check["check"] for check in told.json["checks"] if not check["ok"]] == ["signature"]
    unpinned = candor("verify", f"{record.url}/records/{record.id}")
    assert (unpinned.code, "WHICH YOU DID NOT PIN" in " ".join(unpinned.out.split())) == (1, True)
    assert candor("verify", f"{record.url}/records/CIR-0000000000", "--key", record.vkey).code == 1
    assert accepts(another(tmp_path), f"{record.url}/log/", record.vkey) == (True, "3")


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def flipped64(text: str) -> str:
    return base64.b64encode(flip(base64.b64decode(text), 0)).decode()


def test_a_record_is_verified_in_a_browser_and_its_forgeries_are_refused(
    record: Record, chromium: Browser
) -> None:
    chromium.open(f"{record.url}/about")

    def verify(document: bytes = record.document, vkey: str = record.vkey, **proof: Any) -> dict[str, Any]:
        given = {
            "proof": json.dumps(record.proof | proof),
            "vkey": vkey,
            "id": record.id,
            "version": 1,
        }
        result: dict[str, Any] = chromium.run(
            f"import({json.dumps(VERIFY)}).then(({{verify}}) => verify({{...{json.dumps(given)}, "
            f"document: new Uint8Array({list(document)})}}))"
        )
        return result

    def failing(**changed: Any) -> list[str]:
        result = verify(**changed)
        assert result["ok"] is False
        return [check["name"] for check in result["checks"] if check["ok"] is False]

    true = verify()
    assert true | {"checks": []} == {
        "ok": True,
        "pinned": True,
        "origin": ORIGIN,
        "id": record.id,
        "version": 1,
        "index": record.proof["index"],
        "size": 3,
        "checks": [],
    }, true
    note = record.proof["checkpoint"]
    _, size, root, _, signature, _ = note.split("\n")
    title = record.document.index(b"Une")
    assert failing(document=flip(record.document, title)) == ["commitment"]
    assert failing(document=record.document.replace(record.id.encode(), b"CIR-0000000000")) == [
        "leaf",
        "commitment",
    ]
    assert "commitment" in failing(salt=record.proof["salt"][:-2] + "00")
    assert failing(leaf=record.proof["leaf"].replace('"v":1', '"v":2')) == ["leaf", "commitment", "inclusion"]
    assert "leaf" in failing(leaf=record.proof["leaf"].replace(",", ", ", 1))
    for place in range(len(record.proof["path"])):
        path = list(record.proof["path"])
        path[place] = flipped64(path[place])
        assert failing(path=path) == ["inclusion"]
    assert failing(path=record.proof["path"][:-1]) == ["inclusion"]
    assert failing(index=(record.proof["index"] + 1) % 3) == ["inclusion"]
    assert failing(checkpoint=note.replace(root, flipped64(root))) == ["inclusion", "signature"]
    assert "signature" in failing(checkpoint=note.replace(f"\n{size}\n", "\n4\n"))
    signed = signature.split(" ")[2]
    for at in (0, 4, 67):
        changed = base64.b64encode(flip(base64.b64decode(signed), at)).decode()
        assert failing(checkpoint=note.replace(signed, changed)) == ["signature"]
    assert failing(vkey=OTHER_KEY) == ["signature"]
    assert failing(vkey=record.vkey[:-3] + "AAA") == ["signature"]
    assert failing(checkpoint="") == ["inclusion", "signature"]
    assert failing(path=["?"]) == ["proof"]
    unpinned = verify(vkey="")
    assert (unpinned["ok"], unpinned["pinned"]) == (False, False)
    assert [check["ok"] for check in unpinned["checks"]][-1] is None
    # What the vectors of the formats say.
    note = (
        "registry.example/log\n3\nOF2jDzkXKCyJOd/4UZV+UZqxhGsTUaFMCts7EWMnQqo=\n\n— registry.example/log "
        "lSvF57Xt93iBSGHg980rLBFrtppzO140wvYfXfML+b9NOQCqDAtXHmgzP3lIAzaU/Xvb8U42Ug48tsg6D7LknJFv8Ao=\n"
    )
    vkey = "registry.example/log+952bc5e7+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
    known = chromium.run(
        f"""(async () => {{
            const our = await import({json.dumps(VERIFY)});
            const entry = (text) => our.leafHash(new TextEncoder().encode(text));
            const [a, b, c] = await Promise.all(["alpha", "beta", "gamma"].map(entry));
            const checkpoint = our.readCheckpoint({json.dumps(note)});
            return [
                our.hex(a),
                our.hex(await our.rootByInclusion(b, 1, 3, [a, c])),
                our.hex(checkpoint.root),
                await our.isSignedBy(checkpoint, await our.readVerifier({json.dumps(vkey)})),
            ];
        }})()"""
    )
    assert known == [
        "2a158d8afd48e3f88cb4195dfdb2a9e4817d95fa57fd34440d93f9aae5c4f82b",
        "385da30f3917282c8939dff851957e519ab1846b1351a14c0adb3b11632742aa",
        "385da30f3917282c8939dff851957e519ab1846b1351a14c0adb3b11632742aa",
        True,
    ]


def test_a_reader_of_the_page_presses_a_button(record: Record, chromium: Browser) -> None:
    chromium.open(f"{record.url}/records/{record.id}")
    chromium.until("!document.querySelector('.verify form').hidden")

    def press(vkey: str) -> tuple[str, str]:
        chromium.run(
            f"""{{
                document.querySelector("output").dataset.state = "";
                document.querySelector("#vkey").value = {json.dumps(vkey)};
                document.querySelector(".verify button").click();
            }}"""
        )
        chromium.until("['good', 'bad', 'unknown'].includes(document.querySelector('output').dataset.state)")
        state, text = chromium.run(
            "(() => { const o = document.querySelector('output'); return [o.dataset.state, o.innerText] })()"
        )
        return state, text

    state, text = press(record.vkey)
    assert (state, text.split("\n")[0]) == ("good", "Verified with the key that you gave.")
    assert len(text.split("\n")) == 7, text
    state, text = press("")
    assert state == "unknown"
    assert "no key of yours" in text
    assert press(OTHER_KEY)[0] == "bad"
    state, text = press("not-a-key")
    assert state == "bad"
    assert "name+hash+base64" in text
