"""The native format: Markdown with front matter, every mistake with its line."""

import pytest

from registry.records.content.check import check
from registry.records.content.native import read

GOOD = b"""---
kind: lesson
title: What we learned
tags:
  - misuse:fraud
content:
  what_happened: >
    Two lines
    folded.
  open_questions:
    - Is it enough?
---

# A heading

Text with --- in it.
"""


def codes(data: bytes) -> list[str]:
    native = read(data, "record.md")
    assert native.submission is None or native.findings == ()
    return [finding.code for finding in native.findings]


def test_front_matter_holds_the_fields_and_the_body_is_the_narrative() -> None:
    submission, findings, line_of = read(GOOD, "record.md")
    assert findings == ()
    assert submission == {
        "kind": "lesson",
        "title": "What we learned",
        "tags": ["misuse:fraud"],
        "content": {"what_happened": "Two lines folded.\n", "open_questions": ["Is it enough?"]},
        "narrative": "# A heading\n\nText with --- in it.",
    }
    assert [
        line_of(pointer) for pointer in ("/kind", "/tags/0", "/content/open_questions/0", "/narrative")
    ] == [
        2,
        5,
        11,
        13,
    ]
    assert check(submission, vocabulary=None).submission is not None


def test_findings_of_the_check_can_be_shown_by_line() -> None:
    data = (
        b"---\nkind: incident\ncontent:\n  times:\n    started: 2024-13\n  countries: [NO, ZZ]\ntitle: T\n---"
    )
    submission, _, line_of = read(data, "record.md")
    errors = [f for f in check(submission, vocabulary=None).findings if f.severity == "error"]
    assert [(f.code, line_of(f.pointer)) for f in errors] == [
        ("wrong-date", 5),
        ("unknown-country", 6),
    ]


def test_windows_line_ends_and_a_byte_order_mark_are_read() -> None:
    plain, marked = read(GOOD, "a"), read(b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n"), "b")
    assert marked.submission == plain.submission
    assert marked.line_of("/tags/0") == 5


def test_a_file_may_have_no_body() -> None:
    assert read(b"---\nkind: lesson\n---", "x").submission == {"kind": "lesson"}
    assert read(b"---\nkind: lesson\nnarrative: Text.\n---\n\n", "x").submission == {
        "kind": "lesson",
        "narrative": "Text.",
    }


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"# Just Markdown\n", "no-front-matter"),
        (b"kind: lesson\n---\n", "no-front-matter"),
        (b"---\n- a\n- b\n---\n", "no-front-matter"),
        (b"---\n---\nText", "no-front-matter"),
        (b"---\nkind: lesson\ntitle: Half wri", "half-written"),
        (b"---\nkind: lesson\n", "half-written"),
        (b"---\nkind: lesson\ntitle: [a\n---\n", "yaml-syntax"),
        (b"---\nkind: lesson\nkind: incident\n---\n", "duplicate-key"),
        (b"---\na: &a [x]\nb: *a\n---\n", "yaml-anchor"),
        (b"---\nkind: !!python/name:os.system x\n---\n", "yaml-tag"),
        (b"---\nkind: lesson\n---\n\xff\xfe", "not-utf-8"),
        ("---\ntitle: Über\n---\n".encode("latin-1"), "not-utf-8"),
        ("---\nkind: lesson\n---\n".encode("utf-16"), "not-utf-8"),
        (b"---\na: " + b"[" * 100 + b"\n---\n", "too-deep"),
        (b"---\nkind: x\n---\n" + b"x" * 2_100_000, "too-large"),
    ],
)
def test_broken_files_get_a_clear_answer(data: bytes, code: str) -> None:
    assert codes(data)[0] == code


def test_lines_count_from_the_top_of_the_file() -> None:
    native = read(b"---\nkind: lesson\ntitle: one: two\n---\n", "record.md")
    assert native.findings[0].message.startswith("Line 3, column")
    native = read(b"---\nkind: lesson\n---\nGood.\nBad: \xff\n", "record.md")
    assert native.findings[0].message.startswith("Line 5:")
    assert native.line_of("") == 5


def test_narrative_stands_in_one_place() -> None:
    native = read(b"---\nkind: lesson\nnarrative: a\n---\nb\n", "record.md")
    assert [(f.code, native.line_of(f.pointer)) for f in native.findings] == [("narrative-twice", 3)]
