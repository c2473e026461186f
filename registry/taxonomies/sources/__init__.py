"""The outside formats that are read here, one file each."""

from collections.abc import Mapping

from registry.taxonomies.sources import aiid, atlas, avid, misp_galaxy, misp_taxonomy, mit, nexus, table
from registry.taxonomies.sources.loaded import Loaded, Options, Reader

FORMATS: Mapping[str, Reader] = {
    "misp-taxonomy": misp_taxonomy.read,
    "misp-galaxy": misp_galaxy.read,
    "atlas": atlas.read,
    "avid": avid.read,
    "aiid": aiid.read,
    "nexus": nexus.read,
    "mit": mit.read,
    "csv": table.read,
}

SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "misp-taxonomy": (".json",),
    "misp-galaxy": (".json",),
    "atlas": (".yaml", ".yml"),
    "avid": (".json",),
    "aiid": (".json",),
    "nexus": (".yaml", ".yml"),
    "mit": (".csv",),
    "csv": (".csv",),
}
"""Which files of a folder are read, by format."""

__all__ = ["FORMATS", "SUFFIXES", "Loaded", "Options", "Reader"]
