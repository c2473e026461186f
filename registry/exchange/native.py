"""The native format: Markdown with YAML front matter, one record a file. A folder of such files is read
whole.

A file says its own `basis` (first-party when it says none). It is known again by its `source`, or by its name
where it has none: `samples/dalle-2.md` is `source:native:dalle-2`, which other files may refer to.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from registry.errors import CandorError, Finding, NotFound
from registry.exchange import files
from registry.exchange.item import Format, Item, Key, Options, refused
from registry.exchange.pieces import mapping
from registry.records.content import native

SCHEME = "native"
SUFFIXES = (".md", ".markdown")
# What a folder of records may hold beside them.
_NOT_RECORDS = frozenset(("readme.md", "changelog.md", "contributing.md", "license.md"))
_SCHEME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


def read(path: Path, options: Options) -> Iterator[Item]:
    """The files at a path, in the order of their names. Raises `NotFound` when there is none."""
    for _, item in read_with_paths(path, options):
        yield item


def read_with_paths(path: Path, options: Options) -> Iterator[tuple[Path, Item]]:
    """As `read`, each with the file that it was read from."""
    found = False
    for file in _files(path):
        found = True
        yield file, _item(file, files.short(file, path))
    if not found:
        raise NotFound(f"There are no files in the native format ({', '.join(SUFFIXES)}) at {path}.")


def _files(path: Path) -> Iterator[Path]:
    whole = files.resolve(path).is_dir()
    for file in files.find(path, SUFFIXES):
        if not (whole and file.name.lower() in _NOT_RECORDS):
            yield file


def _item(file: Path, name: str) -> Item:
    try:
        data = files.read_whole(file, native.MAX_BYTES)
    except CandorError as error:
        return refused(name, Finding(error.code, "", error.detail))
    found = native.read(data, name)
    key = _key(found.submission or {}, file)
    return Item(name, key, found.submission, found.findings, found.line_of)


def _key(submission: dict[str, object], file: Path) -> Key:
    source = mapping(submission.get("source"))
    scheme, id = source.get("scheme"), source.get("id")
    if (
        isinstance(scheme, str)
        and _SCHEME.fullmatch(scheme)
        and isinstance(id, str | int)
        and str(id).strip()
    ):
        return scheme, str(id).strip()
    return SCHEME, file.stem


def count(path: Path, options: Options) -> int:
    return sum(1 for _ in _files(path))


FORMAT = Format("native", "Markdown with YAML front matter, one record a file", read, count, strict=True)
