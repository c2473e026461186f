"""What several regimes want to know of an incident. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from registry.reports.answers import Doubt, Read, at, doubted, each, first, instead, whatever
from registry.reports.model import Source

DEATH, PHYSICAL = "harm:physical/death", "harm:physical"
INFRASTRUCTURE, SECURITY = "harm:critical-infrastructure", "harm:security"


def harms(source: Source, tag: str, *, averted: bool = False) -> Iterator[Mapping[str, Any]]:
    """The harms under a tag that were done; with `averted`, those that threatened, too."""
    for harm in source.one("/content/harms") or ():
        told = str(harm.get("tag", ""))
        if told != tag and not told.startswith(f"{tag}/"):
            continue
        if harm.get("assertion", {}).get("status") == "refuted":
            continue
        if averted or harm.get("status", "realised") == "realised":
            yield harm


def hits_infrastructure(source: Source) -> bool:
    return source.one("/content/critical_infrastructure") is True or any(harms(source, INFRASTRUCTURE))


def any_death(source: Source) -> bool:
    return any(harms(source, DEATH))


def no_version(source: Source) -> str | None:
    bare = [system.get("name", "") for system in source.one("/systems") or () if "version" not in system]
    return f"No version is recorded for {', '.join(bare)}." if bare else None


def system_and_version() -> Read:
    return doubted(each("/systems", "name", "version"), no_version)


def description() -> Read:
    return whatever(summary=at("/summary"), narrative=at("/narrative"))


def narrative() -> Read:
    return first(at("/narrative"), instead(at("/summary"), "A summary only."))


def submitter() -> Read:
    """Who reports. An incident that names nobody can still be filed: by somebody who fills this in."""
    return first(
        at("/provider/name"),
        instead(at("/provider_sector"), "The record names the sector alone."),
    )


def without_element(pointer: str, member: str, problem: str) -> Doubt:
    """A doubt where elements of a list lack a member."""

    def doubt(source: Source) -> str | None:
        lacking = [item for item in source.one(pointer) or () if member not in item]
        return problem if lacking else None

    return doubt
