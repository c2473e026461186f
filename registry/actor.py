"""Who asks. Made once per request by `registry.auth`; read by guards, services and the visibility rule."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from registry.errors import Forbidden, Unauthenticated


class Scope(StrEnum):
    """What a token may be used for."""

    RECORDS_READ = "records:read"
    RECORDS_WRITE = "records:write"
    RECORDS_REVIEW = "records:review"
    RECORDS_PUBLISH = "records:publish"
    PROVIDER_ADMIN = "provider:admin"
    REGISTRY_STEWARD = "registry:steward"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody, or nobody, with what they may do.

    `name` is what audit trails show: a client id, a person's address, `cli`. `provider` is the key of the
    organisation that they act for; `approved` tells whether it may publish. `groups` are the sharing groups
    that they belong to and `person` the address under which single documents are shared with them.
    `vetted_researcher` is an approved account of that kind. `address` and `request` say from where they ask
    and under which request id, for the audit trail.
    """

    name: str = "anonymous"
    provider: int | None = None
    provider_slug: str | None = None
    approved: bool = False
    scopes: frozenset[Scope] = frozenset()
    groups: frozenset[str] = frozenset()
    person: str | None = None
    vetted_researcher: bool = False
    address: str | None = None
    request: str | None = None

    @property
    def known(self) -> bool:
        return self is not ANONYMOUS and self.name != "anonymous"

    @property
    def steward(self) -> bool:
        return Scope.REGISTRY_STEWARD in self.scopes

    @property
    def reads_restricted(self) -> bool:
        """Whether anything below TLP:CLEAR may be shown at all."""
        return Scope.RECORDS_READ in self.scopes

    def require(self, scope: Scope) -> None:
        """Raises `Unauthenticated` for nobody and `Forbidden` for somebody without the scope."""
        if not self.known:
            raise Unauthenticated("This needs a token or a session.", scope=scope.value)
        if scope not in self.scopes:
            raise Forbidden(
                f"This needs the scope {scope.value!r}, which the token does not hold.", scope=scope.value
            )


ANONYMOUS = Actor()


def parse_scopes(words: str | Iterable[str]) -> frozenset[Scope]:
    """The scopes named in a space-separated text. Raises `Forbidden` on an unknown one, naming those there
    are.
    """
    wanted = words.split() if isinstance(words, str) else list(words)
    known = {scope.value for scope in Scope}
    if unknown := sorted(set(wanted) - known):
        raise Forbidden(f"Unknown scope {unknown[0]!r}; there are: {', '.join(sorted(known))}.")
    return frozenset(Scope(word) for word in wanted)
