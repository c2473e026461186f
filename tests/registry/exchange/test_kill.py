"""A run that is killed for good, by the operating system, and started again."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

ROWS = 600
HALF = ROWS // 2
MAPPING = """
[source]
scheme = "tracker"
id = "id"
[constants]
kind = "lesson"
license = "CC-BY-4.0"
content.what_happened = "Something happened."
[[field]]
to = "title"
from = "title"
[[list]]
to = "relations"
from = "next"
with = { type = "related" }
[[list.field]]
to = "target.id"
template = "source:tracker:{value}"
"""


def candor(*words: str) -> list[str]:
    code = "import sys; sys.argv[0] = 'candor'; from registry.cli import main; main()"
    return [sys.executable, "-c", code, *words]


def records(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM record").fetchone()[0])


def test_no_item_is_there_twice_and_none_is_missing(tmp_path: Path) -> None:
    environment = {**os.environ, "CANDOR_DATA": str(tmp_path / "data"), "CANDOR_EXTENSIONS": "[]"}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[3])

    def call(*words: str) -> str:
        done = subprocess.run(
            candor(*words), env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    with (tmp_path / "rows.jsonl").open("w") as file:
        for number in range(ROWS):
            # Half of them refer to one far ahead and wait for the end, the others to one that is there.
            following = number + HALF if number < HALF else HALF if number > HALF else None
            row = {"id": number, "title": f"Lesson {number}", "next": following}
            file.write(json.dumps(row) + "\n")
    (tmp_path / "map.toml").write_text(MAPPING)
    call("init")
    call("provider", "add", "example", "--name", "Example", "--approve")
    words = ("import", "table", "rows.jsonl", "--map", "map.toml", "--publish", "--json")

    database = tmp_path / "data" / "candor.sqlite"
    process = subprocess.Popen(candor(*words), env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not records(database) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    left = records(database)
    assert left > 0

    told = json.loads(call(*words))
    assert (told["created"], told["unchanged"]) == (ROWS - left, left)
    assert (told["revised"], told["rejected"], told["notes"]) == (0, [], [])
    assert records(database) == ROWS
    with closing(sqlite3.connect(database)) as connection:
        documents = [json.loads(row[0]) for row in connection.execute("SELECT document FROM version")]
    assert len(documents) == ROWS
    ids = {document["id"] for document in documents}
    targets = [each["target"]["id"] for document in documents for each in document.get("relations", [])]
    assert (len(ids), len(targets)) == (ROWS, ROWS - 1)
    assert set(targets) <= ids
