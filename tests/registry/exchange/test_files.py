"""What is opened and what is not: regular files under the given path, within limits."""

import os
from pathlib import Path

import pytest

from registry.errors import Malformed, NotFound, TooLarge
from registry.exchange import files
from registry.exchange.delimited import read_table


def test_links_inside_a_folder_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.md").write_text("secret")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "own.md").write_text("own")
    (inside / "link.md").symlink_to(outside / "secret.md")
    (inside / "folder").symlink_to(outside)
    assert [file.name for file in files.find(inside, (".md",))] == ["own.md"]
    with pytest.raises(Malformed, match="symbolic link"):
        files.read_whole(inside / "link.md")


def test_a_link_that_the_operator_names_is_their_choice(tmp_path: Path) -> None:
    (tmp_path / "real.md").write_text("x")
    (tmp_path / "link.md").symlink_to(tmp_path / "real.md")
    assert [file.name for file in files.find(tmp_path / "link.md", (".md",))] == ["real.md"]


def test_pipes_and_folders_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    assert list(files.find(tmp_path, (".md",))) == []
    for path in (tmp_path / "pipe.md", tmp_path):
        with pytest.raises(Malformed):
            files.read_whole(path)


def test_hidden_files_are_passed_over_and_the_order_is_fixed(tmp_path: Path) -> None:
    for name in ("b.md", "a.md", ".hidden.md", "c/d.md", ".git/e.md"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("x")
    assert [files.short(file, tmp_path) for file in files.find(tmp_path, (".md",))] == [
        "a.md",
        "b.md",
        "c/d.md",
    ]


def test_folders_that_nest_without_end_are_refused(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(files.MAX_DEPTH + 1):
        folder = folder / "deeper"
    folder.mkdir(parents=True)
    with pytest.raises(TooLarge):
        list(files.find(tmp_path, (".md",)))


def test_files_over_the_limit_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "big.md").write_bytes(b"x" * 101)
    with pytest.raises(TooLarge, match="larger than the 100 bytes"):
        files.read_whole(tmp_path / "big.md", 100)
    assert files.read_whole(tmp_path / "big.md", 101) == b"x" * 101


def test_a_line_over_the_limit_is_skipped_alone(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b"one\n" + b"x" * 50 + b"\r\ntwo\r\nthree")
    found = [(line.number, line.data) for line in files.lines(tmp_path / "lines", 20)]
    assert found == [(1, b"one"), (2, None), (3, b"two"), (4, b"three")]
    assert files.count_lines(tmp_path / "lines") == 4


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        list(files.find(tmp_path / "nothing", (".md",)))
    with pytest.raises(NotFound, match=r"no wanted\.csv"):
        files.member(tmp_path, "wanted.csv")


class TestDelimited:
    def table(
        self, tmp_path: Path, data: bytes, **how: str
    ) -> tuple[tuple[str, ...], list[tuple[int, list[str], list[str]]]]:
        (tmp_path / "t.csv").write_bytes(data)
        read = read_table(tmp_path / "t.csv", **how)
        return read.columns, [(row.line, row.cells, [f.code for f in row.findings]) for row in read.rows]

    def test_line_ends_and_marks_make_no_difference(self, tmp_path: Path) -> None:
        plain = self.table(tmp_path, b"a,b\n1,2\n")
        assert plain == (("a", "b"), [(2, ["1", "2"], [])])
        assert self.table(tmp_path, b"\xef\xbb\xbfa,b\r\n1,2\r\n") == plain
        assert self.table(tmp_path, "a,b\r\n1,2\r\n".encode("utf-16")) == plain

    def test_a_cell_may_hold_lines_and_rows_keep_their_numbers(self, tmp_path: Path) -> None:
        assert self.table(tmp_path, b'a,b\n"x\r\ny",2\n3,4\n') == (
            ("a", "b"),
            [(2, ["x\ny", "2"], []), (4, ["3", "4"], [])],
        )

    def test_bytes_of_another_encoding_reject_their_row(self, tmp_path: Path) -> None:
        data = b"a,b\n1,caf\xe9\n2,tea\n"
        _, rows = self.table(tmp_path, data)
        assert [codes for _, _, codes in rows] == [["wrong-encoding"], []]
        assert self.table(tmp_path, data, encoding="cp1252")[1][0] == (2, ["1", "café"], [])

    def test_the_message_names_row_column_and_byte(self, tmp_path: Path) -> None:
        (tmp_path / "t.csv").write_bytes(b"a,b\n1,caf\xe9\n")
        (row,) = read_table(tmp_path / "t.csv").rows
        assert row.findings[0].message == "Row at line 2, column 2: byte 0xE9 is not utf-8."

    def test_an_open_quote_is_told_as_such(self, tmp_path: Path) -> None:
        _, rows = self.table(tmp_path, b'a,b\n1,2\n3,"never closed\nand on\n')
        assert [codes for _, _, codes in rows] == [[], ["half-written"]]

    def test_an_open_quote_does_not_eat_a_large_file(self, tmp_path: Path) -> None:
        data = b'a,b\n1,"open\n' + b"more,text\n" * 40_000 + b"1,2\n"
        _, rows = self.table(tmp_path, data)
        assert rows[0][2] == ["too-large"]
        assert rows[-1][1] in (["1", "2"], [])

    def test_headings_that_repeat_are_numbered(self, tmp_path: Path) -> None:
        assert self.table(tmp_path, b"a,b,a\n")[0] == ("a", "b", "a (2)")

    def test_a_file_without_heading_is_refused(self, tmp_path: Path) -> None:
        for data in (b"", b"\n\n"):
            (tmp_path / "t.csv").write_bytes(data)
            with pytest.raises(Malformed, match="empty"):
                read_table(tmp_path / "t.csv")

    def test_encodings_that_are_none_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "t.csv").write_bytes(b"a\n")
        for name in ("no-such", "base64"):
            with pytest.raises(Malformed, match=name):
                read_table(tmp_path / "t.csv", encoding=name)
