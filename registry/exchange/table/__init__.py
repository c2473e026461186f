"""Any table, by a mapping file: CSV, TSV, JSON, JSON Lines, or a folder of YAML or JSON files.

The mapping (`mapping`) says what of a row (`rows`) goes where (`values`, `build`); `suggest` writes a first
one. What is imported so is marked as imported, and an incident as alleged unless the mapping says what the
source says.
"""

from collections.abc import Iterator
from pathlib import Path

from registry.errors import Malformed
from registry.exchange.item import Format, Item, Options
from registry.exchange.table.build import Builder
from registry.exchange.table.mapping import Mapping, read_mapping
from registry.exchange.table.rows import count_rows, read_rows
from registry.exchange.table.suggest import suggest_map

__all__ = ["FORMAT", "count", "read", "suggest_map"]


def read(path: Path, options: Options) -> Iterator[Item]:
    """The rows at a path as items. Raises `Malformed` for a mapping that cannot be used."""
    rules = _rules(options)
    builder = Builder.of(rules, options)
    for row in read_rows(path, rules.file, rules):
        yield builder.item(row)


def count(path: Path, options: Options) -> int | None:
    return count_rows(path, _rules(options).file)


def _rules(options: Options) -> Mapping:
    if options.mapping is None:
        raise Malformed("The format table needs a mapping: --map MAP.toml. --suggest-map writes a first one.")
    return read_mapping(options.mapping)


FORMAT = Format("table", "any table, with a mapping (CSV, TSV, JSON, JSON Lines, YAML)", read, count)
