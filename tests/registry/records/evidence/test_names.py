"""Names of files in every script, and of every kind of malice."""

import re
from email.message import Message
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.records.evidence.names import LONGEST, attachment, name_in, safe_name


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\windows\\win.ini", "win.ini"),
        ("../../", "file"),
        ("C:boot.ini", "C boot.ini"),
        (".htaccess", "htaccess"),
        ("a\r\nSet-Cookie: b=1.txt", "a Set-Cookie b=1.txt"),
        ("\u202egpj.exe", "gpj.exe"),
        ("exe.\u2066gpj\u2069", "exe.gpj"),
        ("nul\x00l.txt", "null.txt"),
        ("  spaced   out . ", "spaced out"),
        ("", "file"),
        ("...", "file"),
        ("доклад.pdf", "доклад.pdf"),
        ("تقرير.pdf", "تقرير.pdf"),
        ("报告.pdf", "报告.pdf"),
        ("รายงาน.pdf", "รายงาน.pdf"),
        ("रिपोर्ट.pdf", "रिपोर्ट.pdf"),
        ("cafe\u0301.txt", "café.txt"),
        ("👩‍💻.png", "👩💻.png".replace("👩💻", "👩\u200d💻")),
        ("x" * 300 + ".pdf", "x" * (LONGEST - 4) + ".pdf"),
    ],
)
def test_what_is_kept_of_a_name(sent: str, kept: str) -> None:
    assert safe_name(sent) == kept


@given(st.text(max_size=400))
def test_no_name_leads_anywhere_and_each_comes_back_as_it_was_kept(sent: str) -> None:
    kept = safe_name(sent)
    assert 0 < len(kept) <= LONGEST
    assert not re.search(r"[/\\\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]", kept)
    assert kept not in (".", "..")
    assert safe_name(kept) == kept
    header = attachment(kept)
    header.encode("ascii")
    assert not re.search(r"[\r\n]", header)
    plain = re.fullmatch(r"attachment; filename=\"([^\"\\]+)\"; filename\*=UTF-8''(\S+)", header)
    assert plain is not None
    assert unquote(plain[2]) == kept
    message = Message()
    message["Content-Disposition"] = header
    assert message.get_filename() is not None
    assert name_in(header) is not None


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="report.pdf"', "report.pdf"),
        ("attachment; filename*=UTF-8''%D0%B4.pdf", "д.pdf"),
        ("attachment; filename*=UTF-8''%D0%B4.pdf; filename=\"d.pdf\"", "д.pdf"),
        ('attachment; filename="д.pdf"'.encode().decode("latin-1"), "д.pdf"),
        ("attachment; filename*=no-such-charset''%D0", None),
        ("attachment", None),
        ("", None),
        ('";;;=\x00"', None),
    ],
)
def test_names_as_headers_have_them(header: str, name: str | None) -> None:
    found = name_in(header)
    assert found == name or (name is None and safe_name(found or ""))
