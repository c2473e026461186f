"""Where every link of the pages is made.

Links on a page are paths, so that they work under whatever name the registry is reached; what leaves the page
(a citation, the address of a feed, `canonical`) is absolute. `registry.feeds.links` knows the addresses that
feeds use too; those of the pages alone stand here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from frontend import statics
from registry.feeds.links import Links
from registry.feeds.selection import Selection

Pairs = Iterable[tuple[str, str]]

_POINTER = re.compile(r"(?:/[A-Za-z0-9._-]+)+")
_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
_WEB = re.compile(r"https?://[^\s/?#]+", re.IGNORECASE)


def web(address: Any) -> str | None:
    """The address when it is one that a reader may be sent to: http or https, and nothing else."""
    return address if isinstance(address, str) and _WEB.match(address) else None


def host(address: str) -> str:
    """Who answers at an address, as readers recognise them; empty when that cannot be told."""
    try:
        return (urlsplit(address).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def anchor(pointer: str) -> str:
    """The id, on a record's page, of what a JSON pointer points at; empty for an odd pointer."""
    return pointer[1:].replace("/", "-") if _POINTER.fullmatch(pointer) else ""


@dataclass(frozen=True)
class Urls:
    """The addresses of one registry.

    `base` is absolute, without a final slash; `origin` the registry's own name.
    """

    base: str
    origin: str

    @cached_property
    def paths(self) -> Links:
        """Links for use on pages."""
        return Links(urlsplit(self.base).path, self.origin)

    @cached_property
    def absolute(self) -> Links:
        """Links for use elsewhere."""
        return Links(self.base, self.origin)

    def _path(self, path: str, query: Pairs = ()) -> str:
        encoded = urlencode(list(query), quote_via=quote, safe=":/")
        return f"{self.paths.base}{quote(path, safe='/:@!$&()*+,;=~-._')}{'?' if encoded else ''}{encoded}"

    def _of(self, origin: Any) -> Pairs:
        return () if origin in (None, "", self.origin) else (("origin", str(origin)),)

    # --- pages

    def home(self) -> str:
        return self.paths.home()

    def records(self, query: Pairs = ()) -> str:
        return self._path("/records", query)

    def record(self, id: str, origin: str | None = None, *, part: str = "") -> str:
        address = self.paths.record(id, origin)
        return f"{address}#{anchor(part)}" if part and anchor(part) else address

    def version(self, id: str, label: str, origin: str | None = None) -> str:
        return self._path(f"/records/{id}/v/{label}", self._of(origin))

    def reference(self, reference: Mapping[str, Any], home: str) -> str:
        """The address of what a record refers to. `home` is the origin of the record that does."""
        id, version = str(reference.get("id", "")), reference.get("version")
        origin, part = reference.get("origin") or home, reference.get("part")
        address = self.version(id, str(version), origin) if version else self.record(id, origin)
        fragment = anchor(part) if isinstance(part, str) else ""
        return f"{address}#{fragment}" if fragment else address

    def providers(self) -> str:
        return self._path("/providers")

    def provider(self, slug: str, query: Pairs = ()) -> str:
        return self._path(f"/providers/{slug}", query)

    def provider_of(self, slug: Any, origin: Any = None) -> str:
        """The page of an organisation as a document of that origin names it."""
        return self.provider(str(slug), self._of(origin))

    def taxonomies(self) -> str:
        return self._path("/taxonomies")

    def taxonomy(self, namespace: str, query: Pairs = ()) -> str:
        return self._path(f"/taxonomies/{namespace}", query)

    def term(self, tag: str, query: Pairs = ()) -> str:
        namespace, _, term = tag.partition(":")
        return self._path(f"/taxonomies/{namespace}/{term}", query)

    def campaigns(self, query: Pairs = ()) -> str:
        return self._path("/campaigns", query)

    def evidence(self, query: Pairs = (), part: str = "") -> str:
        return self._path("/evidence", query) + (f"#{part}" if part else "")

    def evidence_of(self, id: str, origin: str | None = None) -> str:
        """What worked against a record."""
        other = (("against_origin", str(origin)),) if tuple(self._of(origin)) else ()
        return self.evidence((("against", id), *other))

    def matrix(self, query: Pairs = ()) -> str:
        return self._path("/matrix", query)

    def feeds_page(self, query: Pairs = (), part: str = "") -> str:
        return self._path("/feeds", query) + (f"#{part}" if part else "")

    def about(self, part: str = "") -> str:
        return self._path("/about") + (f"#{part}" if part else "")

    def notice(self, receipt: str = "", about: str = "") -> str:
        """The form for a notice, filled with what it is about; with a receipt, the page of one."""
        return self._path(
            f"/notices/{receipt}" if receipt else "/notice", [("about", about)] if about else ()
        )

    def sign_in(self, part: str = "", back: str | None = None) -> str:
        """A page of signing in. `back` is where to go then."""
        return self._path(f"/sign-in{part}", [("next", back)] if back and back != "/" else ())

    def searches(self, forget: str = "") -> str:
        """The searches that are kept; with an id, where to let go of one."""
        return self._path(f"/searches/{forget}/forget" if forget else "/searches")

    def sign_out(self, part: str = "") -> str:
        return self._path(f"/sign-out{part}")

    def own(self, path: str, instead: str) -> str:
        """The address of a path of this registry's own, as `registry.auth.signin.return_to` let it pass."""
        return f"{self.paths.base}{path}" if path != "/" else instead

    def api_docs(self) -> str:
        return self._path("/schema")

    def static(self, name: str) -> str:
        return self._path(f"/static/{statics.by_name()[name].address}")

    # --- the same for programs

    def records_json(self, query: Pairs = ()) -> str:
        return self._path("/api/v1/records", query)

    def search_json(self, query: Pairs = ()) -> str:
        return self._path("/api/v1/search", query)

    def record_json(self, id: str, origin: str | None = None) -> str:
        return self._path(f"/api/v1/records/{id}", self._of(origin))

    def version_json(self, id: str, label: str, origin: str | None = None) -> str:
        return self._path(f"/api/v1/records/{id}/versions/{label}", self._of(origin))

    def citation(self, id: str, label: str, format: str, origin: str | None = None) -> str:
        query = (("format", format), *self._of(origin))
        return self._path(f"/api/v1/records/{id}/versions/{label}/citation", query)

    def proof_json(self, id: str, label: str, origin: str | None = None) -> str:
        return self._path(f"/api/v1/records/{id}/versions/{label}/proof", self._of(origin))

    def schema_json(self, kind: str) -> str:
        return self._path(f"/api/v1/schemas/{kind}.json")

    def providers_json(self, slug: str = "") -> str:
        return self._path(f"/api/v1/providers/{slug}" if slug else "/api/v1/providers")

    def taxonomies_json(self, namespace: str = "") -> str:
        return self._path(f"/api/v1/taxonomies/{namespace}" if namespace else "/api/v1/taxonomies")

    def term_json(self, tag: str) -> str:
        return self._path(f"/api/v1/taxonomies/{tag.replace(':', '/', 1)}")

    def campaigns_json(self, query: Pairs = ()) -> str:
        return self._path("/api/v1/campaigns", query)

    def evidence_json(self, query: Pairs = ()) -> str:
        return self._path("/api/v1/evidence", query)

    def matrix_json(self, query: Pairs = ()) -> str:
        return self._path("/api/v1/matrix", query)

    def stats_json(self) -> str:
        return self._path("/api/v1/stats")

    def node_json(self) -> str:
        return self._path("/.well-known/candor")

    def feed(self, selection: Selection, suffix: str) -> str:
        """Absolute: the address of a feed is copied into another program."""
        return self.absolute.feed(selection.path, suffix, selection.query)

    def opml(self) -> str:
        return self.absolute.opml()

    def whole(self, path: str) -> str:
        """The absolute address of a path that was made here."""
        return self.base + path.removeprefix(self.paths.base)

    # --- elsewhere

    def licence(self, expression: Any) -> str | None:
        """Where SPDX explains a licence; None for expressions and for licences that it does not list."""
        if not isinstance(expression, str) or expression.startswith("LicenseRef-"):
            return None
        return f"https://spdx.org/licenses/{expression}.html" if _SPDX.fullmatch(expression) else None
