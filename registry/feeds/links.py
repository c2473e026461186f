"""Absolute addresses for feeds, and the ids of what they hold.

An id must survive a new base URL, a new scheme and a renamed provider, or every subscriber sees every entry
again. So it is no address: it is a UUID of version 5 (RFC 9562) in the registered URN namespace `uuid`, and
its only input is the identity of the thing, which is frozen: the record's origin and id. (A tag URI, RFC
4151, would have to name a date on which the origin owned its domain, and that date would have to be
remembered for records that are mirrored or erased.)
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlencode

# Drawn once at random. Another value here would change every id ever given out.
_NAMESPACE = uuid.UUID("5d3a7c1e-0b92-4f6e-9c41-6a7be0d42f18")
# RFC 3986 `pchar` and the slash: a tag reads in an address as it is written.
_PATH = "/:@!$&'()*+,;=~"


def _urn(*parts: str) -> str:
    # No origin, id or address of a feed holds a space, so that no two lists of parts are joined to the same
    # text.
    return uuid.uuid5(_NAMESPACE, " ".join(parts)).urn


def record_urn(origin: str, id: str) -> str:
    """The id of a record's entry, the same in every feed, format and version of it."""
    return _urn("record", origin, id)


def version_urn(origin: str, id: str, version: int) -> str:
    """The id of one version's entry in the feed of its record, where versions stand side by side."""
    return _urn("version", origin, id, str(version))


def feed_urn(origin: str, address: str) -> str:
    """The id of a feed.

    `address` is path and query of the selection, without a suffix: the formats share it.
    """
    return _urn("feed", origin, address)


def registry_at(origin: str) -> str:
    """Where the registry of an origin answers: an origin is its log's address without a scheme."""
    return f"https://{origin.removesuffix('/log').rstrip('/')}"


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses at one registry. `base` has a scheme and no final slash; `origin` is the registry's own."""

    base: str
    origin: str

    def _join(self, path: str, query: Iterable[tuple[str, str]] = (), fragment: str = "") -> str:
        encoded = urlencode(list(query), quote_via=quote, safe=":/")
        tail = f"{'?' if encoded else ''}{encoded}{'#' if fragment else ''}{fragment}"
        return f"{self.base}{quote(path, safe=_PATH)}{tail}"

    def _of(self, origin: str | None) -> tuple[tuple[str, str], ...]:
        return () if origin in (None, self.origin) else (("origin", str(origin)),)

    def home(self) -> str:
        return f"{self.base}/"

    def record(self, id: str, origin: str | None = None) -> str:
        return self._join(f"/records/{id}", self._of(origin))

    def version(self, id: str, version: int | str, origin: str | None = None) -> str:
        return self._join(f"/records/{id}/v/{version}", self._of(origin))

    def document(self, id: str, version: int, origin: str | None = None) -> str:
        """The canonical JSON of exactly one version."""
        return self._join(f"/api/v1/records/{id}/versions/{version}", self._of(origin))

    def shared_document(self, id: str, number: int) -> str:
        """The canonical JSON of a version that is shared below TLP:CLEAR."""
        return self._join(f"/api/v1/records/{id}/versions/p{number}")

    def records(self, query: Iterable[tuple[str, str]] = ()) -> str:
        return self._join("/records", query)

    def provider(self, slug: str, origin: str | None = None) -> str:
        return self._join(f"/providers/{slug}", self._of(origin))

    def taxonomy(self, namespace: str) -> str:
        return self._join(f"/taxonomies/{namespace}")

    def term(self, tag: str) -> str:
        namespace, _, term = tag.partition(":")
        return self._join(f"/taxonomies/{namespace}/{term}")

    def feeds_page(self, part: str = "") -> str:
        return self._join("/feeds", (), part)

    def feed(self, path: str, suffix: str, query: Iterable[tuple[str, str]] = ()) -> str:
        """`path` as in `Selection.path`, `suffix` without its dot."""
        return self._join(f"/feeds/{path}.{suffix}", query)

    def opml(self) -> str:
        return f"{self.base}/feeds.opml"
