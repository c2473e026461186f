"""What codes of outside standards, and the words of closed lists, are called in English. The vocabularies'
own terms bear their labels themselves.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import pycountry

_CLOSED = frozenset({"kind", "basis", "nature", "setting", "status"})
_READ_OTHERWISE: Mapping[str, str] = MappingProxyType(
    {"first-party": "First-party", "third-party": "Third-party account", "on-behalf": "On behalf"}
)


def named(filter: str, value: str) -> str:
    """What to show for a value of a filter that bears no label: the word of a closed list as people write it
    (`near-miss` as `Near miss`), anything else as it is.
    """
    if filter not in _CLOSED:
        return value
    return _READ_OTHERWISE.get(value) or value.replace("-", " ").capitalize()


@lru_cache(maxsize=1024)
def country(code: str) -> str | None:
    """`Germany` of `DE`, `California, United States` of `US-CA`; None of an unknown code."""
    found = pycountry.countries.get(alpha_2=code.partition("-")[0])
    if found is None:
        return None
    name = str(getattr(found, "common_name", found.name))
    part = pycountry.subdivisions.get(code=code) if "-" in code else None  # type: ignore[no-untyped-call]
    return f"{part.name}, {name}" if part is not None else name


@lru_cache(maxsize=1024)
def language(code: str) -> str | None:
    """`Portuguese` of `pt`, `Portuguese (Brazil)` of `pt-BR`; None of an unknown code."""
    base, *more = code.split("-")
    found = pycountry.languages.get(alpha_2=base) or pycountry.languages.get(alpha_3=base)
    if found is None:
        return None
    name = str(found.name).partition(" (")[0]
    if not more:
        return name
    detail = country(more[-1].upper()) if len(more[-1]) == 2 else more[-1]
    return f"{name} ({detail or more[-1]})"
