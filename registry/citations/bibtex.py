"""BibTeX, as both BibTeX and biber read it: UTF-8, with LaTeX's own characters written out."""

from registry.citations.cited import Cited, parts

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# A brace cannot be escaped by a backslash: BibTeX counts it all the same, and the entry would never end.
_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{char: f"\\{char}" for char in "$&#_%"},
    }
)
# Addresses are printed as they stand, and a percent sign that was doubled would lead elsewhere.
_IN_ADDRESS = str.maketrans({"{": "%7B", "}": "%7D", "\\": "%5C", " ": "%20"})


def escaped(text: str) -> str:
    """Plain text as LaTeX prints it."""
    return text.translate(_LATEX)


def write(cited: Cited) -> str:
    """One entry. It is a `@techreport`: the one sort that has a number and an institution in every style."""
    fields = {
        # Braces keep "Doe and Partners" one organisation, and titles as they are written.
        "author": " and ".join(f"{{{escaped(name)}}}" for name in cited.authors),
        "title": f"{{{escaped(cited.title)}}}",
        "institution": escaped(cited.publisher),
        "type": escaped(cited.what),
        "number": escaped(cited.number),
        "year": cited.year,
        "url": cited.address.translate(_IN_ADDRESS),
        "origdate": cited.original.rstrip("~?%")[:10] if cited.original else "",
        "language": escaped(cited.language),
        "keywords": escaped(", ".join(cited.keywords)),
        "abstract": escaped(cited.abstract),
        "note": escaped(cited.note),
    }
    lines = [f"  {name} = {_delimited(value)}" for name, value in fields.items() if value]
    if cited.issued and len(known := parts(cited.issued)) > 1:
        lines.insert(lines.index(f"  year = {{{cited.year}}}") + 1, f"  month = {_MONTHS[known[1] - 1]}")
    return f"@techreport{{{cited.key},\n" + ",\n".join(lines) + "\n}\n"


def _delimited(value: str) -> str:
    """What has braces around it stands in quotes, where a brace is as good as a quote outside them."""
    return f'"{value}"' if value.startswith("{") else f"{{{value}}}"
