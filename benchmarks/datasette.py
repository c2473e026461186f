"""Datasette over the same records: full-text search by SQLite, and one facet.

It is installed into an environment that is thrown away, from the package index. Where there is none, nothing
is measured.
"""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from benchmarks import servers
from benchmarks.load import HOST, Client
from benchmarks.questions import Question, questions
from benchmarks.stand import Found, Registry, Stand, until_at_rest

REQUIREMENT = "datasette==0.65.*"
QUESTIONS = 100
WARM = 5
FACET = "kind"
_INSTALL_SECONDS = 300
_MISSING = "Datasette could not be installed from the package index"
# It would leave out a facet that takes longer than 0.2 s, and refuse what takes longer than 1 s.
_SETTINGS = {"sql_time_limit_ms": "60000", "facet_time_limit_ms": "60000", "max_returned_rows": "1000"}


def measure(stand: Stand) -> Found:
    ratio, how = compared(stand, "searches, and of Datasette", {})
    return {"datasette_embedded": (ratio, how)}


def compared(stand: Stand, title: str, settings: dict[str, str]) -> tuple[float | None, str]:
    """How many times the median time of a search Datasette's is, for the same words and the same facet, asked
    in turns; None, and why, where there is no Datasette.
    """
    registry = stand.large()
    with TemporaryDirectory(dir=stand.folder) as folder, ExitStack() as stack:
        program = installed(Path(folder))
        if program is None:
            return None, _MISSING
        theirs = stack.enter_context(Client(stack.enter_context(_served(program, registry, Path(folder)))))
        port, _ = stack.enter_context(servers.candor(registry.folder, cache_megabytes="0", **settings))
        ours = stack.enter_context(Client(port))
        until_at_rest(ours)
        times: tuple[list[float], list[float]] = ([], [])
        asked = questions(QUESTIONS + WARM)
        for number in stand.steps(QUESTIONS + WARM, title):
            paths = _paths(next(asked))
            for which in (0, 1) if number % 2 else (1, 0):
                reply = (ours, theirs)[which].get(paths[which])
                times[which].append(reply.seconds)
                if which and FACET not in json.loads(reply.body)["facet_results"]:
                    raise RuntimeError("Datasette left out the facet")
    here, there = (median(one[WARM:]) * 1000 for one in times)
    return there / here, f"{there:.1f} ms against {here:.2f} ms, {registry.records:,} records"


def installed(folder: Path) -> Path | None:
    """Datasette in an environment of its own in that folder."""
    environment = folder / "datasette"
    program = environment / "bin" / "datasette"
    for command in (
        [sys.executable, "-m", "venv", str(environment)],
        [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", REQUIREMENT],
    ):
        try:
            subprocess.run(  # noqa: S603  (an environment of our own)
                command, check=True, timeout=_INSTALL_SECONDS, capture_output=True
            )
        except (OSError, subprocess.SubprocessError):
            return None
    return program


@contextmanager
def _served(program: Path, registry: Registry, folder: Path) -> Iterator[int]:
    database = folder / "records.db"
    _fill(registry, database)
    port = servers.free_port()
    command = [str(program), "serve", str(database), "--host", HOST, "--port", str(port)]
    for name, value in _SETTINGS.items():
        command += ["--setting", name, value]
    with servers.process(command, servers.environment(), folder, port, "/-/versions.json"):
        yield port


def _fill(registry: Registry, database: Path) -> None:
    """The same documents, with what is searched in columns of their own and an index over those."""
    with (
        closing(sqlite3.connect(f"file:{registry.folder / 'candor.sqlite'}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(database)) as made,
        made,
    ):
        made.execute(
            "CREATE TABLE records (id TEXT PRIMARY KEY, kind TEXT, title TEXT, summary TEXT, narrative TEXT, "
            "document TEXT)"
        )
        rows = source.execute(
            "SELECT r.id, v.document FROM record r JOIN version v "
            "ON v.record_pk = r.pk AND v.number = r.current AND NOT v.shared WHERE r.listed"
        )
        made.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)", (_row(*row) for row in rows))
        made.execute(
            "CREATE VIRTUAL TABLE records_fts USING fts5 "
            "(title, summary, narrative, content='records', tokenize='porter')"
        )
        made.execute("INSERT INTO records_fts (records_fts) VALUES ('rebuild')")
        made.execute("CREATE INDEX by_kind ON records (kind)")


def _row(id: str, document: bytes | str) -> tuple[str, ...]:
    text = document.decode() if isinstance(document, bytes) else document
    read = json.loads(text)
    return id, *(str(read.get(name) or "") for name in ("kind", "title", "summary", "narrative")), text


def _paths(question: Question) -> tuple[str, str]:
    """The words of a question with one facet, at both."""
    words = dict(question)["q"]
    ours = urlencode([("q", words), ("facets", FACET)])
    theirs = urlencode([("_search", words), ("_facet", FACET), ("_size", "20")])
    return f"/api/v1/search?{ours}", f"/records/records.json?{theirs}"
