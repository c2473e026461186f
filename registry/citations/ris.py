"""RIS (the format of Research Information Systems, 2001): a tag, two spaces, a hyphen, a space, one line of
text; CRLF.
"""

from collections.abc import Iterator

from registry.citations.cited import Cited, parts
from registry.records.content.partial import PartialDate


def write(cited: Cited) -> str:
    """One reference, from `TY` to `ER`."""
    return "".join(f"{tag}  - {value}\r\n" for tag, value in _lines(cited)) + "ER  - \r\n\r\n"


def _lines(cited: Cited) -> Iterator[tuple[str, str]]:
    yield "TY", "RPRT"
    yield "ID", cited.key
    for name in cited.authors:
        # A comma would part a family name from a first one, and RIS has no way to say that it does not.
        yield "AU", " ".join(name.replace(",", " ").split())
    yield "TI", cited.title
    if cited.issued:
        yield "PY", cited.year
        yield "DA", _date(cited.issued)
    yield "PB", cited.publisher
    yield "M3", cited.what
    yield "SN", cited.number
    yield "UR", cited.address
    if cited.language:
        yield "LA", cited.language
    for word in cited.keywords:
        yield "KW", word
    if cited.abstract:
        yield "AB", cited.abstract
    if cited.note:
        yield "N1", cited.note


def _date(date: PartialDate) -> str:
    """`2023/04/17/`; what is not known is left empty, and its slash stays."""
    year, month, day = [f"{part:02}" for part in parts(date)] + [""] * (3 - len(parts(date)))
    return f"{year}/{month}/{day}/"
