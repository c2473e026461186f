"""What holds for every table and every mapping, however odd."""

import csv
import io
import json
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import CandorError
from registry.exchange.item import Item, Options
from registry.exchange.table import read, suggest_map
from registry.exchange.table.build import put
from registry.exchange.table.mapping import parse_mapping
from registry.exchange.table.values import look_up, read_date
from registry.records.content.check import check
from registry.records.content.partial import PartialDate

MAPPING = """
[source]
scheme = "any"
id = "id"
[constants]
kind = "incident"
license = "CC-BY-4.0"
[[field]]
to = "title"
from = ["title", "id"]
[[field]]
to = "narrative"
from = "text"
type = "plain"
[[field]]
to = "content.times.started"
from = "when"
date = ["%d.%m.%Y", "%B %Y", "%Y-%m-%d"]
[[list]]
to = "content.affected"
from = "who"
split = ";"
[[list.field]]
to = "group"
from = "value"
[[tag]]
from = "tags"
split = ","
map = { Fraud = "misuse:fraud" }
otherwise = "drop"
"""
COLUMNS = ("id", "title", "text", "when", "who", "tags")
# What can stand in a file: everything that UTF-8 can write.
texts = st.text(st.characters(codec="utf-8"), max_size=40)
scalars = texts | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
rows = st.fixed_dictionaries({}, optional=dict.fromkeys(COLUMNS, texts))


def imported(name: str, data: bytes, mapping: str = MAPPING) -> list[Item]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "map.toml").write_text(mapping, "utf-8")
        (Path(folder) / name).write_bytes(data)
        return list(read(Path(folder) / name, Options(mapping=Path(folder) / "map.toml")))


def holds(found: list[Item]) -> None:
    """Every item is a usable submission, or says why it is none, by its place."""
    for item in found:
        if item.submission is None:
            assert item.findings
            assert all(finding.message for finding in item.findings)
            continue
        assert item.key is not None
        assert (item.submission["basis"], item.submission["content"]["assertion"]) == (
            "imported",
            {"status": "alleged"},
        )
        # Whatever the cells held: the check tells what is wrong, and never breaks.
        assert check(item.submission, vocabulary=None, lenient=True) is not None


@given(st.lists(rows, max_size=5))
@settings(max_examples=60, deadline=None)
def test_every_csv_row_is_read_or_refused(given_rows: list[dict[str, str]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(given_rows)
    found = imported("t.csv", out.getvalue().encode())
    holds(found)
    assert len(found) == len(given_rows)


@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS) | texts, values, max_size=6), max_size=4))
@settings(max_examples=60, deadline=None)
def test_every_json_row_is_read_or_refused(given_rows: list[dict[str, Any]]) -> None:
    found = imported("t.json", json.dumps(given_rows).encode())
    holds(found)


@given(st.binary(max_size=300), st.sampled_from(["t.csv", "t.tsv", "t.json", "t.jsonl", "t.yaml"]))
@settings(max_examples=150, deadline=None)
def test_no_bytes_break_the_reader(data: bytes, name: str) -> None:
    try:
        found = imported(name, data)
    except CandorError:
        # The file as a whole cannot be read, and that was said as the registry says such things.
        return
    holds(found)


@given(
    st.lists(st.dictionaries(texts.filter(str.strip), values, min_size=1, max_size=5), min_size=1, max_size=6)
)
@settings(max_examples=80, deadline=None)
def test_every_suggested_mapping_can_be_used(given_rows: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "t.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in given_rows))
        try:
            text = suggest_map(file)
        except CandorError:
            return
        parse_mapping(tomllib.loads(text))
        (Path(folder) / "map.toml").write_text(text, "utf-8")
        for item in read(file, Options(mapping=Path(folder) / "map.toml")):
            assert item.submission is not None or item.findings


@given(
    st.dates().filter(lambda day: day.year >= 1000),
    st.sampled_from(["%d.%m.%Y", "%Y/%m/%d", "%B %d, %Y", "%d %b %Y"]),
)
def test_a_date_comes_back_as_it_was_written(day: Any, form: str) -> None:
    # %Y does not pad years on every platform; all of these are four digits.
    assert read_date(day.strftime(form), (form,)) == day.isoformat()


@given(texts)
def test_what_is_read_as_a_date_is_one(text: str) -> None:
    found = read_date(text, ("%d.%m.%Y", "%m/%Y", "%Y"))
    assert found is None or PartialDate.parse(found) == found


@given(values, texts)
def test_looking_up_never_breaks(value: Any, path: str) -> None:
    look_up(value, path)


@given(st.lists(st.tuples(st.sampled_from(["a", "a.b", "a.b.c", "d"]), scalars), max_size=6))
def test_what_stands_first_stays(pairs: list[tuple[str, Any]]) -> None:
    target: dict[str, Any] = {"d": "first"}
    for path, value in pairs:
        put(target, path, value)
    assert target["d"] == "first"
