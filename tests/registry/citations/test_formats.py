"""Citations, read back by the programs that people read them with."""

import re
import warnings
from typing import Any

import msgspec
import pytest
import rispy
from citeproc import Citation, CitationItem, CitationStylesBibliography, CitationStylesStyle, formatter
from citeproc.source.json import CiteProcJSON
from pybtex.database import parse_string

from registry.citations import bibtex, csl, ris, text
from registry.citations.cited import cited
from registry.citations.formats import format_of
from registry.errors import Malformed
from registry.feeds.links import Links

HOME = "registry.example/log"
LINKS = Links("https://registry.example", HOME)
NASTY = r"100% {of} \textbf{it}: a_b & c # $5 ~x ^y } { \ " + '"q" @misc{x, = ﬁ 深層 עברית =1+1'
DOCUMENT: dict[str, Any] = {
    "id": "CIR-7GQ2M4KX9X",
    "version": 2,
    "origin": HOME,
    "kind": "incident",
    "title": NASTY,
    "summary": "First line,\r\nER  - second\tline",
    "provider": {"slug": "one", "name": "Doe, Roe and Partners {AI} Ltd."},
    "co_providers": [{"slug": "two", "name": "实验室"}],
    "tags": ["misuse:fraud/voice-clone", "atlas:AML.T0051"],
    "language": "en",
    "source": {"scheme": "aiid", "id": "1", "published": "2023-04~"},
    "updated": "2026-05-01T10:00:00.000Z",
}


def found(**fields: Any) -> Any:
    return cited({**DOCUMENT, **fields}, registry="Candor & Co", links=LINKS)


def unescaped(latex: str) -> str:
    for command, char in (
        ("textbackslash", "\\"),
        ("textbraceleft", "\x01"),
        ("textbraceright", "\x02"),
        ("textasciitilde", "~"),
        ("textasciicircum", "^"),
    ):
        latex = latex.replace(f"\\{command}{{}}", char)
    bare = re.sub(r"\\([$&#_%])", r"\1", latex.replace("{", "").replace("}", ""))
    return bare.replace("\x01", "{").replace("\x02", "}")


def test_bibtex_is_read_back_as_it_was_meant() -> None:
    one, other = found(), found(origin="peer.example/log", title="Plain", withdrawal={"code": "error"})
    whole = bibtex.write(one) + "\n" + bibtex.write(other)
    entries = parse_string(whole, "bibtex").entries
    assert list(entries) == ["CIR-7GQ2M4KX9X-v2", "CIR-7GQ2M4KX9X-v2:peer.example:log"]
    entry = entries["CIR-7GQ2M4KX9X-v2"]
    assert unescaped(entry.fields["title"]) == NASTY
    assert [unescaped(str(person)) for person in entry.persons["author"]] == list(one.authors)
    assert unescaped(entry.fields["institution"]) == "Candor & Co"
    assert (entry.fields["year"], entry.fields["month"], entry.fields["origdate"]) == (
        "2026",
        "May",
        "2023-04",
    )
    assert entries["CIR-7GQ2M4KX9X-v2:peer.example:log"].fields["note"] == "Withdrawn"
    assert "origin=peer.example/log" in entries["CIR-7GQ2M4KX9X-v2:peer.example:log"].fields["url"]


def test_ris_is_read_back() -> None:
    (read,) = rispy.loads(ris.write(found()))
    assert read["type_of_reference"] == "RPRT"
    assert read["title"] == NASTY
    assert read["authors"] == ["Doe Roe and Partners {AI} Ltd.", "实验室"]
    assert (read["year"], read["date"]) == ("2026", "2026/05/01/")
    assert read["abstract"] == "First line, ER - second line"
    assert read["keywords"] == DOCUMENT["tags"]
    assert ris.write(found(updated="2023")).splitlines()[6] == "DA  - 2023///"


def test_csl_json_is_rendered_by_a_processor() -> None:
    items = msgspec.json.decode(csl.write(found()))
    assert items[0]["author"][1] == {"literal": "实验室"}
    assert items[0]["original-date"] == {"date-parts": [[2023, 4]], "circa": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = CiteProcJSON(items)
        style = CitationStylesStyle("harvard-cite-them-right", validate=False)
        library = CitationStylesBibliography(style, source, formatter.plain)
        library.register(Citation([CitationItem(items[0]["id"])]))
        (rendered,) = library.bibliography()
    shown = str(rendered)
    assert "Doe, Roe and Partners {AI} Ltd." in shown
    assert "2026" in shown


def test_text_says_who_when_what_and_where() -> None:
    assert text.write(found(title="It happened.", withdrawal={})) == (
        "Doe, Roe and Partners {AI} Ltd., 实验室 (2026). It happened [incident CIR-7GQ2M4KX9X, version 2, "
        "withdrawn]. Candor & Co. https://registry.example/records/CIR-7GQ2M4KX9X/v/2\n"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": None, "tags": "x", "provider": [], "co_providers": {}, "source": 3, "updated": "never"},
        {"title": "\x00\u202e", "summary": ["a"], "language": {"a": 1}, "updated": None, "kind": None},
        {"id": "a b{},%", "origin": "x y/}{", "version": {}, "provider": {"name": "\n"}},
    ],
)
def test_documents_of_others_may_hold_anything(wrong: dict[str, Any]) -> None:
    one = found(**wrong)
    assert len(parse_string(bibtex.write(one), "bibtex").entries) == 1
    assert len(rispy.loads(ris.write(one))) == 1
    assert msgspec.json.decode(csl.write(one))
    assert text.write(one).count("\n") == 1


def test_an_unknown_format_is_told_the_nearest() -> None:
    with pytest.raises(Malformed) as error:
        format_of("bibtx")
    assert error.value.findings[0].suggestion == "Write bibtex."
