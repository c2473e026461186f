"""Bringing records in: what each outside format holds, and the run that writes it."""

from registry.exchange import aiid, atlas, avid, native, table
from registry.exchange.item import Format
from registry.exchange.table import suggest_map

__all__ = ["FORMATS", "Format", "suggest_map"]

FORMATS: tuple[Format, ...] = (
    native.FORMAT,
    avid.FORMAT,
    atlas.FORMAT,
    aiid.FORMAT,
    table.FORMAT,
)
"""Every way in. A new format is a file and a line here."""
