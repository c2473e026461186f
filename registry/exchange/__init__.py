"""Bringing records in: what each outside format holds, and the run that writes it."""

from registry.exchange import aiid, atlas, avid
from registry.exchange.item import Format

FORMATS: tuple[Format, ...] = (
    avid.FORMAT,
    atlas.FORMAT,
    aiid.FORMAT,
)
"""Every way in. A new format is a file and a line here."""
