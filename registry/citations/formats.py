"""The formats of citations: one list, one line each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from rapidfuzz import process

from registry.citations import bibtex, csl, ris, text
from registry.citations.cited import Cited
from registry.errors import Finding, Malformed


@dataclass(frozen=True, slots=True)
class Format:
    """`name` is the value of the parameter `format`, `title` what people call it."""

    name: str
    title: str
    media_type: str
    suffix: str
    write: Callable[[Cited], str]


FORMATS = (
    Format("text", "Text", "text/plain", "txt", text.write),
    Format("bibtex", "BibTeX", "application/x-bibtex; charset=utf-8", "bib", bibtex.write),
    Format("ris", "RIS", "application/x-research-info-systems; charset=utf-8", "ris", ris.write),
    Format("csl-json", "CSL-JSON", "application/vnd.citationstyles.csl+json", "json", csl.write),
)
BY_NAME: Mapping[str, Format] = MappingProxyType({format.name: format for format in FORMATS})


def format_of(name: str | None) -> Format:
    """The format of that name; text where none is given. Raises `Malformed`, with the nearest there is."""
    if not name:
        return FORMATS[0]
    if found := BY_NAME.get(name.strip().lower()):
        return found
    near = process.extractOne(name.lower(), list(BY_NAME), score_cutoff=60)
    suggestion = f"Write {near[0]}." if near else f"There are: {', '.join(BY_NAME)}."
    problem = f"{name[:40]!r} is no format of citations."
    raise Malformed(problem, findings=[Finding("unknown-value", "/format", problem, suggestion)])
