"""What somebody asked to have verified: from an address or a path to what is to be read there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from registry.errors import Malformed, NotFound
from registry.ids import parse_id
from registry.transparency.notes import origin_hash
from registry.transparency.trees import OWN
from registry.verification.places import Local, Place, Web, is_loopback, local

_RECORD = re.compile(
    r"(?P<base>.*?)(?:/api/v1)?/records/(?P<id>[^/]+)(?:/(?:v|versions)/(?P<number>[1-9][0-9]{0,8}))?(?:/proof|/)?"
)
_MIRROR = re.compile(r"(?P<base>.*/mirror/(?P<hash>[0-9a-f]{64}))(?:/.*)?")
_LOG = re.compile(r"(?P<base>.*)/log(?:/checkpoint|/)?")


@dataclass(frozen=True, slots=True)
class RecordTarget:
    """A record at a registry; `number` is None for its newest version."""

    place: Web
    id: str
    number: int | None
    origin: str | None

    @property
    def query(self) -> str:
        return f"?origin={self.origin}" if self.origin else ""


@dataclass(frozen=True, slots=True)
class LogTarget:
    """A log whose files stand below `prefix` of a place. `documents` is the path at which a registry hands
    out what is behind it. `hash` is that of the origin of a mirrored log.
    """

    place: Place
    prefix: str
    documents: str | None = None
    hash: str | None = None

    def is_of(self, origin: str) -> bool:
        return self.hash in (None, origin_hash(origin))


@dataclass(frozen=True, slots=True)
class DumpTarget:
    """A dump on this machine, in a folder or a ZIP archive."""

    place: Local


Target = RecordTarget | LogTarget | DumpTarget


def read_target(text: str, *, allow_private: bool) -> Target:
    """What an address or a path names. Raises `Malformed` or `NotFound`.

    Private addresses are asked where the settings allow it, and loopback where it was typed: nobody else
    chose it.
    """
    if not re.match(r"https?://", text):
        path = Path(text)
        if not path.exists():
            raise NotFound(f"There is no file {text!r}. An address begins with https://.")
        return DumpTarget(local(path))
    try:
        parts = urlsplit(text)
        private = allow_private or is_loopback(text)
    except ValueError:
        raise Malformed(f"{text[:200]!r} is no address.") from None
    host = f"{parts.scheme}://{parts.netloc}"
    if found := _RECORD.fullmatch(parts.path):
        number = int(found["number"]) if found["number"] else None
        origin = parse_qs(parts.query).get("origin", [None])[0]
        id = parse_id(unquote(found["id"]))
        return RecordTarget(Web(host + found["base"], allow_private=private), id, number, origin)
    if found := _MIRROR.fullmatch(parts.path):
        place = Web(host + found["base"], allow_private=private)
        return LogTarget(place, "", "documents", found["hash"])
    found = _LOG.fullmatch(parts.path)
    place = Web(host + (found["base"] if found else parts.path), allow_private=private)
    return LogTarget(place, OWN, "federation/v1/documents")


def one_origin(names: Sequence[str]) -> str | None:
    """The origin that the pinned keys are of; None without any. Raises `Malformed` for keys of several."""
    if len(set(names)) > 1:
        raise Malformed(
            f"The keys are of several logs: {', '.join(sorted(set(names)))}. Verify one at a time."
        )
    return names[0] if names else None
