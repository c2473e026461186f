"""What a role in an organisation lets a person do. Pure."""

from collections.abc import Iterable
from enum import StrEnum

from registry.actor import Scope
from registry.errors import Finding, Invalid


class Role(StrEnum):
    AUTHOR = "author"
    REVIEWER = "reviewer"
    PUBLISHER = "publisher"
    ADMINISTRATOR = "administrator"


_WRITES = frozenset({Scope.RECORDS_READ, Scope.RECORDS_WRITE})
GIVES: dict[Role, frozenset[Scope]] = {
    Role.AUTHOR: _WRITES,
    Role.REVIEWER: _WRITES | {Scope.RECORDS_REVIEW},
    Role.PUBLISHER: _WRITES | {Scope.RECORDS_PUBLISH},
    Role.ADMINISTRATOR: frozenset({Scope.RECORDS_READ, Scope.PROVIDER_ADMIN}),
}
STEWARD = frozenset({Scope.REGISTRY_STEWARD, Scope.RECORDS_READ})


def scopes_of(roles: Iterable[str]) -> frozenset[Scope]:
    """What several roles give together."""
    return frozenset(scope for role in roles for scope in GIVES[Role(role)])


def parse_roles(words: object, pointer: str = "/roles") -> tuple[Role, ...]:
    """Roles from a space-separated text or a list. Raises `Invalid`, naming the roles there are."""
    if isinstance(words, str):
        words = words.replace(",", " ").split()
    known = ", ".join(Role)
    if not isinstance(words, list | tuple) or not words:
        finding = Finding("no-role", pointer, "No role is given.", f"One or more of: {known}.")
        raise Invalid("A member has at least one role.", findings=[finding])
    findings = [
        Finding(
            "unknown-role", f"{pointer}/{place}", f"{str(word)[:40]!r} is no role.", f"There are: {known}."
        )
        for place, word in enumerate(words)
        if not isinstance(word, str) or word not in set(Role)
    ]
    if findings:
        raise Invalid("A role is unknown.", findings=findings)
    return tuple(role for role in Role if role in words)
