"""Any CSV table with a row for each term: `id`, `label`, `definition`, `parents`, `alt_labels`, and
crosswalks.

Columns with other titles are named by the operator (`label=Name`). Lists within a cell are divided by `;` or
`|`. Without a column `id` the ids are made of the labels; without a column `label` the ids are shown. Columns
`exact`, `close`, `broad`, `narrow` and `related` hold tags of other taxonomies.
"""

import csv
import io
import re
from collections.abc import Iterator

from registry.errors import Finding, Malformed, TooLarge
from registry.taxonomies.sources.loaded import (
    MAX_BYTES,
    Loaded,
    Options,
    TermList,
    finished,
    own_id,
    slug,
    taxonomy,
    unversioned,
)
from registry.taxonomies.vocabulary import MATCHES, Crosswalk, is_namespace, is_term_id, split_tag

FIELDS = ("id", "label", "definition", "parents", "alt_labels", "refs", *MATCHES)
MAX_CELL = 100_000
_LISTS = re.compile(r"\s*[;|\n]\s*")


def rows_of(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """The rows with the number of the line on which each ends, from 1. A byte order mark and CRLF are fine.

    Raises `TooLarge`, and `Malformed` when the bytes are not UTF-8 or the quoting is broken.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge(f"{len(data):,} bytes are more than the {MAX_BYTES:,} that are read here.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(f"Not UTF-8: byte {error.start} is 0x{data[error.start]:02X}.") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if any(len(cell) > MAX_CELL for cell in row):
                raise Malformed(f"Line {reader.line_num}: a cell has more than {MAX_CELL:,} characters.")
            yield reader.line_num, row
    except csv.Error as error:
        raise Malformed(f"Line {reader.line_num}: {error}.") from error


def read(data: bytes, options: Options) -> Loaded:
    """One taxonomy. Raises `Malformed` when there is no header, or none of its titles is a field."""
    namespace = options.namespace or slug(options.stem)
    if not is_namespace(namespace):
        raise Malformed("A table does not say what its namespace is. Give one.")
    if unknown := sorted(set(options.columns) - set(FIELDS)):
        raise Malformed(f"{unknown[0]!r} is not a field of a term; there are: {', '.join(FIELDS)}.")
    rows = rows_of(data)
    header = [" ".join(title.split()) for title in next(rows, (0, []))[1]]
    places: dict[str, int] = {}
    for field in FIELDS:
        title = options.columns.get(field, field)
        if title in header:
            places[field] = header.index(title)
        elif field in options.columns:
            raise Malformed(f"There is no column {title!r}; there are: {', '.join(filter(None, header))}.")
    if not places.keys() & {"id", "label"}:
        raise Malformed("The table has no column `id` or `label`. Say which columns they are.")
    findings: list[Finding] = []
    terms = TermList(namespace, findings)
    crosswalks: list[Crosswalk] = []
    for number, row in rows:
        if not any(cell.strip() for cell in row):
            continue
        here = f"/{number}"
        if len(row) != len(header):
            findings.append(
                Finding(
                    "ragged-row",
                    here,
                    f"{len(row)} cells under {len(header)} titles.",
                    "Mend the row; it is left out.",
                )
            )
            continue
        cells = {field: row[place].strip() for field, place in places.items()}
        id = own_id_of_path(cells["id"]) if cells.get("id") else slug(cells.get("label", ""))
        taken = terms.add(
            here,
            id=id,
            label=cells.get("label", ""),
            definition=cells.get("definition", ""),
            parents=map(own_id_of_path, _list(cells, "parents")),
            alt_labels=_list(cells, "alt_labels"),
            refs=_list(cells, "refs"),
        )
        if taken:
            crosswalks += _crosswalks(cells, f"{namespace}:{id}", here, findings)
    return finished(
        [
            taxonomy(
                options,
                namespace=namespace,
                version=unversioned(data),
                name=options.name or namespace,
                publisher="unknown",
                licence="unknown",
                terms=terms.finish(),
                crosswalks=crosswalks,
            )
        ],
        findings,
    )


def own_id_of_path(text: str) -> str:
    """As `own_id`, but a `/` divides steps, as it does in tags."""
    return text if is_term_id(text) else "/".join(own_id(step) for step in text.split("/"))


def _list(cells: dict[str, str], field: str) -> list[str]:
    return [part for part in _LISTS.split(cells.get(field, "")) if part]


def _crosswalks(cells: dict[str, str], tag: str, here: str, findings: list[Finding]) -> list[Crosswalk]:
    found = []
    for match in MATCHES:
        for target in _list(cells, match):
            if split_tag(target) is None:
                findings.append(
                    Finding("bad-tag", here, f"{target[:60]!r} is not a tag.", "Write it as namespace:term.")
                )
            else:
                found.append(Crosswalk(tag, target, match))
    return found
