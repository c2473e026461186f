"""Native files: one record each, known by their source or their name."""

from pathlib import Path

import pytest

from registry.errors import NotFound
from registry.exchange import native
from registry.exchange.item import Item, Options

LESSON = """---
kind: lesson
title: What we learnt
basis: third-party
content:
  what_happened: Something happened.
---
The account.
"""


def read(path: Path) -> list[Item]:
    return list(native.read(path, Options()))


def test_a_file_is_known_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a-lesson.md").write_text(LESSON)
    (item,) = read(tmp_path)
    assert item.key == ("native", "a-lesson")
    assert item.submission is not None
    assert item.submission["basis"] == "third-party"
    assert item.submission["narrative"] == "The account."


def test_a_file_with_a_source_is_known_by_it(tmp_path: Path) -> None:
    (tmp_path / "x.md").write_text(LESSON.replace("kind:", "source: {scheme: tracker, id: 17}\nkind:"))
    assert read(tmp_path)[0].key == ("tracker", "17")


def test_read_me_files_beside_records_are_none(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# About these records\n")
    (tmp_path / "a.md").write_text(LESSON)
    assert [item.name for item in read(tmp_path)] == ["a.md"]
    assert native.count(tmp_path, Options()) == 1
    assert read(tmp_path / "README.md")[0].rejected


def test_trouble_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(LESSON.replace("title: What we learnt", "title: one\ntitle: two"))
    (item,) = read(tmp_path)
    assert item.rejected
    assert "Line 4" in item.findings[0].message


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"", "empty"),
        (b"just text", "front matter"),
        (b"---\nkind: lesson\n", "breaks off"),
        (b"---\nkind: lesson\n---\n\xff", "UTF-8"),
        (b"---\na: &a [x, x]\nb: [*a, *a]\n---\n", "anchor"),
        (b"---\n" + b"a: [" * 200 + b"]" * 200 + b"\n---\n", "nested"),
    ],
)
def test_bad_files_are_rejected_with_a_reason(tmp_path: Path, text: bytes, word: str) -> None:
    (tmp_path / "a.md").write_bytes(text)
    (item,) = read(tmp_path)
    assert item.rejected
    assert word in " ".join(finding.message for finding in item.findings)


def test_a_file_over_the_limit_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(LESSON.encode() + b"x" * 3_000_000)
    (item,) = read(tmp_path)
    assert [finding.code for finding in item.findings] == ["too-large"]


def test_an_empty_folder_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(tmp_path)
