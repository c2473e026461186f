"""Whom a record of the restricted index is for, and as whom somebody asks: keys that are compared. Pure.

They only keep down what is looked through. What a reader may see is decided by `records.visibility`, each
time and in the database.
"""

from registry.actor import Actor
from registry.records.shared import Shared
from registry.records.visibility import Tlp

_MEMBERS = "members"


def audience_of(row: Shared) -> tuple[str, ...]:
    """The keys under which a record is found: its owner's, and those of whom its level names."""
    found = [f"owner:{row.owner}"]
    match Tlp(row.tlp):
        case Tlp.GREEN:
            found.append(_MEMBERS)
        case Tlp.AMBER | Tlp.AMBER_STRICT:
            found += [f"group:{name}" for name in row.groups]
        case Tlp.RED:
            found += [f"person:{name}" for name in row.people]
        case Tlp.CLEAR:
            pass
    return tuple(found)


def audiences_of(actor: Actor) -> frozenset[str] | None:
    """The keys of records that may be for the actor; None for a steward, whom all are for."""
    if actor.steward:
        return None
    found = {f"group:{name}" for name in actor.groups}
    if actor.provider is not None:
        found.add(f"owner:{actor.provider}")
    if actor.approved or actor.vetted_researcher:
        found.add(_MEMBERS)
    if actor.person is not None:
        found.add(f"person:{actor.person}")
    return frozenset(found)
