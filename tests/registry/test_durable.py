"""Lines that survive whoever was killed while writing them."""

from pathlib import Path

import pytest

from registry.durable import append_lines, read_lines

pytestmark = pytest.mark.one_database


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "list.jsonl"
    assert read_lines(path) == []
    append_lines(path, [{"a": 1}, {"a": "ü\n"}])
    append_lines(path, [{"a": 3}])
    assert read_lines(path) == [{"a": 1}, {"a": "ü\n"}, {"a": 3}]
    assert path.stat().st_mode & 0o077 == 0, "for the owner alone"


@pytest.mark.parametrize("half", [b'{"a":', '{"a": "ü'.encode()[:-1], b"[1", b"7\n", b"\xff\xfe\n"])
def test_half_a_line_counts_as_none_and_swallows_no_other(tmp_path: Path, half: bytes) -> None:
    path = tmp_path / "list.jsonl"
    append_lines(path, [{"a": 1}])
    with path.open("ab") as file:
        file.write(half)
    append_lines(path, [{"a": 2}])
    assert read_lines(path) == [{"a": 1}, {"a": 2}]
