"""Cells of a table that a spreadsheet opens without harm, and the way back. Pure.

A spreadsheet takes a cell for a formula when it begins with `=`, `+`, `-` or `@` (also in full width), and
what is in a formula may reach out of the file. Where it expects semicolons between cells, as in half of
Europe, what follows a semicolon begins a cell, too. So an apostrophe is put before each such character, and
before each apostrophe that stands there by itself: whoever wants the text as it was takes one away again
(`plain`). After OWASP, "CSV Injection".
"""

import csv
import io
import re
from collections.abc import Iterable

from registry.canonical import one_line

LONGEST = 32_000
"""In characters. A spreadsheet's cell holds 32,767, and breaks what is longer over several rows."""

_HARM = "=+-@＝＋－＠'"
_BEGINS = r"""(?:^|;)[\s"]*"""
_HARMFUL = re.compile(rf"({_BEGINS})(?=[{re.escape(_HARM)}])")
_MADE_SAFE = re.compile(rf"({_BEGINS})'")
_HARMFUL_FIRST = frozenset(_HARM)


def safe(text: str) -> str:
    """A text on one line that no spreadsheet takes for a formula, cut to what a cell holds."""
    text = one_line(text)
    if len(text) > LONGEST:
        text = text[: LONGEST - 1] + "…"
    # Most cells are looked at once, at their beginning: an export has millions.
    if ";" not in text and text.lstrip(' "')[:1] not in _HARMFUL_FIRST:
        return text
    return _HARMFUL.sub(r"\1'", text)


def plain(cell: str) -> str:
    """What `safe` was given, on one line."""
    return _MADE_SAFE.sub(r"\1", cell)


def rows(lines: Iterable[Iterable[str]]) -> str:
    """Lines of CSV as RFC 4180 has it: commas, quotes where needed, CRLF."""
    out = io.StringIO()
    csv.writer(out).writerows([safe(cell) for cell in line] for line in lines)
    return out.getvalue()
