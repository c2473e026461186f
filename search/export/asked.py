"""The parameters of an export: a search's own, but those of its page, and how to write it."""

from dataclasses import dataclass

from rapidfuzz import process

from registry.errors import Finding, Malformed
from registry.finder import Parameters
from search.export.formats import BY_NAME, FORMATS, LISTS, PARTS, RECORDS, ExportFormat
from search.request import Request, parse

OWN = ("format", "part", "bom")
_OF_A_PAGE = ("limit", "offset", "facets")
_SWITCH = {"": True, "true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Export:
    """What to export, and how. `bom` is for CSV, as `part` is."""

    request: Request
    format: ExportFormat
    part: str = RECORDS
    bom: bool = True


def read_export(parameters: Parameters) -> Export:
    """Read the parameters of an export. Raises `Malformed` with every finding at once."""
    given = {
        name: [value.strip() for value in values if value.strip()]
        for name, values in parameters.items()
        if name in OWN
    }
    findings = [
        Finding("given-twice", f"/{name}", f"{name} was given {len(values)} times.", "Give it once.")
        for name, values in given.items()
        if len(values) > 1
    ]
    format_name, part, bom = (next(iter(given.get(name, ())), "").lower() for name in OWN)
    format = BY_NAME.get(format_name) if format_name else FORMATS[0]
    if format is None:
        findings.append(_unknown("format", format_name, tuple(BY_NAME)))
    if part and part not in PARTS:
        findings.append(_unknown("part", part, PARTS))
    elif part == LISTS and format is not None and format.name != "csv":
        message = "Only CSV has its lists in a second file; other formats hold them."
        findings.append(Finding("not-here", "/part", message, "Leave part out."))
    if bom not in _SWITCH:
        findings.append(_unknown("bom", bom, ("true", "false")))
    rest = {}
    for name, values in parameters.items():
        if name in _OF_A_PAGE and any(value.strip() for value in values):
            message = f"An export holds every match, so {name} says nothing here."
            findings.append(Finding("not-here", f"/{name}", message, "Leave it out."))
        elif name not in OWN:
            rest[name] = values
    try:
        request = parse(rest)
    except Malformed as error:
        findings += error.findings
    if findings or format is None:
        raise Malformed("The export has parameters that cannot be read.", findings=findings)
    return Export(request, format, part or RECORDS, _SWITCH[bom])


def _unknown(name: str, value: str, choices: tuple[str, ...]) -> Finding:
    near = process.extractOne(value, choices, score_cutoff=60)
    suggestion = f"Write {near[0]}." if near else f"There are: {', '.join(choices)}."
    return Finding("unknown-value", f"/{name}", f"{value[:40]!r} is not a value of {name}.", suggestion)
