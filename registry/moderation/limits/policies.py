"""Which requests fall under which limit: one table, read from above. Pure."""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from registry.errors import Misconfigured
from registry.settings import Settings

Whose = Literal["address", "client", "organisation"]
READING = frozenset({"GET", "HEAD", "OPTIONS"})
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_QUOTA = re.compile(r"(address|client|organisation)=(\d{1,9})/(second|minute|hour|day)")


@dataclass(frozen=True, slots=True)
class Quota:
    """So many requests of one sort in a window of so many seconds."""

    whose: Whose
    requests: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Row:
    """Requests with one of the methods and a path that matches fall under a policy, or under none. `closed`
    ones are refused while nobody can count.
    """

    methods: frozenset[str] | None
    path: re.Pattern[str]
    policy: str | None
    closed: bool = False


def _row(methods: str, path: str, policy: str | None, *, closed: bool = False) -> Row:
    return Row(frozenset(methods.split()) if methods else None, re.compile(path), policy, closed)


TABLE: tuple[Row, ...] = (
    _row("", r"/(healthz|readyz|metrics)$", None),
    _row("GET HEAD", r"/static/", None),
    # Guessing a secret begins here.
    _row("", r"/oauth/", "tokens", closed=True),
    _row("POST", r"/sign-in(/|$)", "sign_ins", closed=True),
    _row("GET HEAD", r"/sign-in/", "sign_ins", closed=True),
    _row("POST", r"/api/v1/providers/?$", "applications"),
    _row("POST", r"/api/v1/notices/?$", "notices"),
    _row("GET HEAD", r"/api/v1/search/export", "exports"),
    _row(
        "GET HEAD",
        r"/api/v1/(search|restricted/search|suggest|evidence|matrix|campaigns)"
        r"|/api/v1/records/[^/]+/(similar|campaign)$",
        "searches",
    ),
    _row("GET HEAD", r"/feeds/search\.|/records$", "searches"),
    _row("GET HEAD OPTIONS", r"/", "reads"),
    _row("POST", r"/api/v1/validate$", "checks"),
    _row("POST", r"/witness/", "witnessing"),
    _row("", r"/", "writes"),
)
"""The first row that fits decides."""

POLICIES: tuple[str, ...] = tuple(dict.fromkeys(row.policy for row in TABLE if row.policy))
"""Every policy; the setting `limit_<policy>` says its quotas."""


@lru_cache(maxsize=4096)
def row_of(method: str, path: str) -> Row:
    """The row that decides about a request."""
    return next(
        row for row in TABLE if (row.methods is None or method in row.methods) and row.path.match(path)
    )


def read_quotas(text: str) -> tuple[Quota, ...]:
    """Quotas as a setting says them: `address=600/minute client=1200/minute`. Raises `Misconfigured`."""
    if text.strip() == "off":
        return ()
    found = []
    for word in text.split():
        match = _QUOTA.fullmatch(word)
        if match is None or not int(match[2]):
            raise Misconfigured(
                f"{word[:60]!r} is no limit; write such as 'address=600/minute client=1200/minute', or 'off'."
            )
        whose: Whose = match[1]  # type: ignore[assignment]  # the pattern has the three alone
        found.append(Quota(whose, int(match[2]), _UNITS[match[3]]))
    return tuple(found)


def quotas_of(settings: Settings) -> dict[str, tuple[Quota, ...]]:
    """The quotas of every policy. Raises `Misconfigured`, naming the setting."""
    read: dict[str, tuple[Quota, ...]] = {}
    for policy in POLICIES:
        try:
            read[policy] = read_quotas(getattr(settings, f"limit_{policy}")) if settings.limits else ()
        except Misconfigured as error:
            raise Misconfigured(f"CANDOR_LIMIT_{policy.upper()}: {error.detail}") from error
    return read


@lru_cache(maxsize=4096)
def network_of(address: str | None) -> str:
    """What one household or machine holds: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        ip = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
