"""Files that never change under their address: the address holds a digest of the bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from registry.canonical import digest

_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Static:
    """One file. `name` is what templates call it, `address` what stands in its URL: `candor.1f0c….css`."""

    name: str
    address: str
    body: bytes
    media_type: str
    digest: str


@cache
def by_name() -> Mapping[str, Static]:
    """Every file of the folder `static`, read once."""
    found = map(_read, files("frontend").joinpath("static").iterdir())
    return {static.name: static for static in found if static is not None}


@cache
def by_address() -> Mapping[str, Static]:
    return {static.address: static for static in by_name().values()}


def _read(path: object) -> Static | None:
    name: str = path.name  # type: ignore[attr-defined]
    stem, _, suffix = name.rpartition(".")
    if suffix not in _TYPES:
        return None
    body: bytes = path.read_bytes()  # type: ignore[attr-defined]
    mark = digest(body)
    return Static(name, f"{stem}.{mark[:16]}.{suffix}", body, _TYPES[suffix], mark)
