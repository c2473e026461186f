"""`candor dump` of a registry where everything happened that can happen to a record."""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry.canonical import canonical
from registry.changelog.tail import Tail
from registry.dumps.notes import dumps_made
from registry.dumps.withdrawing import DumpWithdrawer, to_recall
from registry.dumps.write import dump
from registry.errors import Conflict, Unavailable
from registry.extensions import Node
from registry.transparency.keys import prepare
from registry.verification.dump import verify_dump
from registry.verification.places import Archive, Folder
from tests.conftest import Join, Publish
from tests.registry.records.acting import act
from tests.registry.verification.forging import quietly


async def test_a_dump_is_what_is_public_and_verifies(
    node: Node, client: httpx.AsyncClient, join: Join, publish: Publish, tmp_path: Path
) -> None:
    keys = prepare(node.settings, node.origin)
    with pytest.raises(Unavailable):
        await dump(node, tmp_path / "early", with_log=True, progress=quietly)
    assert os.listdir(tmp_path) == ["data"]
    lab, steward = await join("lab"), await join("house", scopes="registry:steward records:read")
    stays = await publish(lab, title="What stays")
    gone = await publish(lab, title="Nobody may read this again")
    back = await publish(lab, title="Withdrawn by mistake")
    held = await publish(lab, title="Withheld by an order")
    hidden = {"kind": "lesson", "title": "A draft of ours", "summary": "No.", "content": {}}
    await client.post("/api/v1/records", json=hidden, headers=lab.headers)

    async def change(member: Any, id: str, action: str, **body: Any) -> None:
        read = await client.get(f"/api/v1/records/{id}", headers=member.headers)
        done = await act(client, member, id, action, read.headers["etag"], body)
        assert done.status_code == 200, done.text

    await change(lab, back["id"], "withdraw", code="mistaken", text="It did not happen.")
    await change(steward, gone["id"], "erase", code="personal-data", reason="A person asked.")
    await change(steward, held["id"], "suppress", code="court-order", reason="An order came.")

    folder = tmp_path / "dump"
    manifest = await dump(node, folder, with_log=True, progress=quietly)
    assert manifest["counts"] | {"taxonomies": 0} == {
        "records": 2,
        "versions": 5,
        "erased": 1,
        "withheld": 1,
        "taxonomies": 0,
    }
    report = await verify_dump(Folder(folder), keys.verifiers, quietly)
    assert report.sound, list(report.failures)
    lines = [json.loads(line) for line in (folder / "records.ndjson").read_text().splitlines()]
    now_back = (await client.get(f"/api/v1/records/{back['id']}")).content
    assert {line["id"]: canonical(line) for line in lines} == {
        stays["id"]: canonical(stays),
        back["id"]: now_back,
    }
    said = b"".join((folder / name).read_bytes() for name in Folder(folder).names())
    for secret in ("Nobody may read", "Withheld by", "A draft of ours", "A person asked", "An order came"):
        assert secret.encode() not in said
    assert json.loads((folder / "taxonomies" / "misuse.json").read_text())["terms"]

    # Made again: the same files but for the time, and whoever looks finds a whole one.
    position = manifest["position"]
    again = await dump(node, folder, with_log=True, progress=quietly)
    assert (again | {"made": ""}) == (manifest | {"made": ""})
    packed = await dump(node, tmp_path / "dump.zip", with_log=True, progress=quietly)
    assert zipfile.ZipFile(tmp_path / "dump.zip").testzip() is None
    assert (await verify_dump(Archive(tmp_path / "dump.zip"), keys.verifiers, quietly)).sound
    notes = dumps_made(node.settings)
    assert [(note.path, note.position, note.size) for note in notes] == [
        (str(folder), position, 6),
        (str(tmp_path / "dump.zip"), packed["position"], 6),
    ]
    assert sorted(os.listdir(tmp_path)) == ["data", "dump", "dump.zip"]

    plain = await dump(node, tmp_path / "plain", with_log=False, progress=quietly)
    assert plain["counts"] == manifest["counts"]
    refused = await verify_dump(Folder(tmp_path / "plain"), keys.verifiers, quietly)
    assert [check.name for check in refused.failures] == ["proof"]

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("No.")
    with pytest.raises(Conflict):
        await dump(node, tmp_path / "mine", with_log=False, progress=quietly)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "No."


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_a_dump_that_holds_what_was_erased_is_withdrawn(
    node: Node, client: httpx.AsyncClient, join: Join, publish: Publish, tmp_path: Path
) -> None:
    prepare(node.settings, node.origin)
    lab, steward = await join("lab"), await join("house", scopes="registry:steward records:read")
    await publish(lab)
    await dump(node, tmp_path / "before", with_log=False, progress=quietly)
    gone, also = await publish(lab), await publish(lab)
    for name in ("folder", "archive.zip", "moved", "replaced"):
        await dump(node, tmp_path / name, with_log=False, progress=quietly)
    (tmp_path / "moved").rename(tmp_path / "elsewhere")
    tail = Tail(node.database, DumpWithdrawer(node.database, node.settings, node.origin))
    for record in (gone, also):
        etag = (await client.get(f"/api/v1/records/{record['id']}")).headers["etag"]
        ground = {"code": "safety", "reason": "It named a victim."}
        assert (await act(client, steward, record["id"], "erase", etag, ground)).status_code == 200
        await dump(node, tmp_path / "replaced", with_log=False, progress=quietly)
        await tail.catch_up()
    await tail.give_up()
    assert sorted(os.listdir(tmp_path)) == ["before", "data", "elsewhere", "replaced"]
    assert [(each.path, each.id) for each in to_recall(node.settings)] == [
        (str(tmp_path / "moved"), gone["id"])
    ]
