"""What is taken as evidence, and what only says it is."""

import pytest

from registry.errors import UnsupportedType
from registry.records.evidence.types import accepted, verify

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 40
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + b"\0" * 40
GIF = b"GIF89a" + b"\0" * 40
WEBP = b"RIFF\x20\0\0\0WEBPVP8 " + b"\0" * 40
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj"
ZIP = b"PK\x03\x04\x14\0\0\0" + b"\0" * 40
PROGRAM = b"MZ\x90\0\x03\0\0\0" + b"\0" * 40


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("image/png", PNG),
        ("image/jpeg", JPEG),
        ("image/gif", GIF),
        ("image/webp", WEBP),
        ("application/pdf", PDF),
        ("application/zip", ZIP),
        ("text/plain", "Was geschah, на русском, 中文".encode()),
        ("text/plain", b"\xef\xbb\xbfwith a mark"),
        ("text/csv", b"a;b\r\n1;2\r\n"),
        ("application/json", b'{"a": [1, 2]}'),
        ("application/x-ndjson", b'{"a": 1}\n\n[2]\n'),
    ],
)
def test_what_is_what_it_says_is_taken(media_type: str, content: bytes) -> None:
    assert accepted(media_type, archives=True) == media_type
    verify(media_type, content)


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("image/png", JPEG),
        ("image/png", b"not a picture"),
        ("image/jpeg", PROGRAM),
        ("application/pdf", ZIP),
        ("application/pdf", b"<html>%PDF-1.7"),
        ("application/zip", PDF),
        ("text/plain", PROGRAM),
        ("text/plain", b"%PDF-1.4 as text"),
        ("text/plain", GIF),
        ("text/plain", "latin-1: é".encode("latin-1")),
        ("text/csv", b"a,b\x00c"),
        ("application/json", b'{"a": 1,}'),
        ("application/json", b'{"a": 1, "a": 2}'),
        ("application/json", b"[" * 5000),
        ("application/x-ndjson", b'{"a": 1}\nnot json\n'),
        ("text/plain", b""),
    ],
)
def test_what_only_says_so_is_not(media_type: str, content: bytes) -> None:
    with pytest.raises(UnsupportedType):
        verify(media_type, content)


@pytest.mark.parametrize(
    "media_type",
    ["", "text/html", "image/svg+xml", "application/octet-stream", "application/zip", "video/mp4", "x" * 500],
)
def test_other_types_are_refused_by_name(media_type: str) -> None:
    with pytest.raises(UnsupportedType):
        accepted(media_type)


def test_types_are_read_as_senders_write_them() -> None:
    assert accepted("Text/CSV; charset=utf-8") == "text/csv"
    assert accepted("image/jpg") == "image/jpeg"
