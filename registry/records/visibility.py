"""Who may read what was published: one rule, said twice, once over facts and once in SQL.

`may_read` decides about a record at hand, `readable` cuts a query down to what it would allow. A property
test holds the two equal; every read of a record passes through one of them. Traffic Light Protocol 2.0 as
records.md applies it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, select, true

from registry.actor import Actor
from registry.auth.people import address
from registry.errors import Invalid
from registry.records.evidence.models import EvidenceAudience, EvidenceFile
from registry.records.models import Audience, Invitation, PartAudience, Record, RestrictedPart


class Tlp(StrEnum):
    CLEAR = "CLEAR"
    GREEN = "GREEN"
    AMBER = "AMBER"
    AMBER_STRICT = "AMBER+STRICT"
    RED = "RED"


GROUP, PERSON = "group", "person"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rule needs to know of a record: whether it has public or shared versions, whose it is, who
    shares it.
    """

    public: bool
    shared: bool
    tlp: Tlp
    provider: int | None
    groups: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    suppressed: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """Whom a part of a record, or a file beside it, is shared with."""

    tlp: Tlp
    groups: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()


def may_read(actor: Actor, record: Facts) -> bool:
    """Whether the actor may read the record's published versions; whether it exists, for all that they can
    tell.

    A public version is everybody's for good. What is only shared needs the scope to read restricted records,
    and then is for its owner and stewards, and for those whom its TLP level names. What an order withholds
    here is left to its owner and to stewards.
    """
    if record.suppressed and not may_work_on(actor, record.provider):
        return False
    return _is_for(actor, record)


def _is_for(actor: Actor, record: Facts) -> bool:
    if record.public:
        return True
    if not (record.shared and actor.reads_restricted):
        return False
    return may_work_on(actor, record.provider) or _is_named(actor, record)


def _is_named(actor: Actor, share: Facts | Share) -> bool:
    match share.tlp:
        case Tlp.GREEN:
            return actor.approved or actor.vetted_researcher
        case Tlp.AMBER | Tlp.AMBER_STRICT:
            return not actor.groups.isdisjoint(share.groups)
        case Tlp.RED:
            return actor.person is not None and actor.person in share.people
        case _:
            return False


def may_read_shared(actor: Actor, record: Facts) -> bool:
    """Whether the actor may read the versions that went out below TLP:CLEAR, with or without public ones."""
    return may_read(actor, replace(record, public=False))


def readable(actor: Actor) -> ColumnElement[bool]:
    """`may_read` as a condition on `Record`."""
    return and_(is_for(actor), _not_suppressed(actor))


def _not_suppressed(actor: Actor) -> ColumnElement[bool]:
    if actor.steward:
        return true()
    free = Record.suppressed.is_(None)
    return or_(free, Record.provider_pk == actor.provider) if actor.provider is not None else free


def is_for(actor: Actor) -> ColumnElement[bool]:
    """`readable`, with what an order withholds here: who asks for that by its id is told so."""
    public = Record.current > 0
    if not actor.reads_restricted:
        return public
    if actor.steward:
        return or_(public, Record.shared > 0)
    grounds = _named(actor, Record.tlp, _of_record)
    if actor.provider is not None:
        grounds.append(Record.provider_pk == actor.provider)
    return or_(public, and_(Record.shared > 0, or_(false(), *grounds)))


_Exists = Callable[[str, Callable[[Any], ColumnElement[bool]]], ColumnElement[bool]]


def _named(actor: Actor, tlp: Any, shared_with: _Exists) -> list[ColumnElement[bool]]:
    """`_is_named` as alternatives. `shared_with` says whether a name of a group or a person is there."""
    grounds: list[ColumnElement[bool]] = []
    if actor.approved or actor.vetted_researcher:
        grounds.append(tlp == Tlp.GREEN.value)
    if actor.groups:
        own = sorted(actor.groups)
        in_group = shared_with(GROUP, lambda name: name.in_(own))
        grounds.append(and_(tlp.in_([Tlp.AMBER.value, Tlp.AMBER_STRICT.value]), in_group))
    if actor.person is not None:
        grounds.append(and_(tlp == Tlp.RED.value, shared_with(PERSON, lambda name: name == actor.person)))
    return grounds


def _of_record(audience: str, named: Callable[[Any], ColumnElement[bool]]) -> ColumnElement[bool]:
    return (
        select(Audience.record_pk)
        .where(Audience.record_pk == Record.pk, Audience.audience == audience, named(Audience.name))
        .exists()
    )


# --- what stands beside a record: restricted parts, and files of evidence ---


def may_read_beside(actor: Actor, record: Facts, *shares: Share) -> bool:
    """Whether the actor may read something that stands beside a record under each of `shares`.

    Its owner may, also before anything was published. Everybody else has to be able to read the record first:
    what is beside it would tell that it is there. TLP:CLEAR is for all those then, with the scope.
    """
    if not actor.reads_restricted:
        return False
    if may_work_on(actor, record.provider):
        return True
    return may_read(actor, record) and all(
        share.tlp is Tlp.CLEAR or _is_named(actor, share) for share in shares
    )


def readable_part(actor: Actor, part: Any = RestrictedPart) -> ColumnElement[bool]:
    """`may_read_beside` as a condition on `Record` and a version of a part of it; `part` may be an alias."""

    def shared_with(audience: str, named: Callable[[Any], ColumnElement[bool]]) -> ColumnElement[bool]:
        of_part = (
            PartAudience.record_pk == part.record_pk,
            PartAudience.part == part.part,
            PartAudience.number == part.number,
        )
        names = select(PartAudience.name).where(
            *of_part, PartAudience.audience == audience, named(PartAudience.name)
        )
        return names.exists()

    return _beside(actor, part.tlp, shared_with)


def readable_file(actor: Actor) -> ColumnElement[bool]:
    """`may_read_beside` as a condition on `Record` and `EvidenceFile`."""

    def shared_with(audience: str, named: Callable[[Any], ColumnElement[bool]]) -> ColumnElement[bool]:
        names = select(EvidenceAudience.name).where(
            EvidenceAudience.file_pk == EvidenceFile.pk,
            EvidenceAudience.audience == audience,
            named(EvidenceAudience.name),
        )
        return names.exists()

    return _beside(actor, EvidenceFile.tlp, shared_with)


def _beside(actor: Actor, tlp: Any, shared_with: _Exists) -> ColumnElement[bool]:
    if not actor.reads_restricted:
        return false()
    if actor.steward:
        return true()
    named = or_(tlp == Tlp.CLEAR.value, *_named(actor, tlp, shared_with))
    if actor.provider is None:
        return and_(readable(actor), named)
    return or_(Record.provider_pk == actor.provider, and_(readable(actor), named))


def may_work_on(actor: Actor, provider: int | None) -> bool:
    """Whether drafts of that organisation's records exist, for all that the actor can tell."""
    return actor.steward or (actor.provider is not None and actor.provider == provider)


def named_in(handling: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(group or person, name) of everybody that handling names, people in the one form in which their
    addresses are compared. Whoever is named otherwise than by an address is nobody who could sign in.
    """
    groups = [(GROUP, name) for name in handling.get("groups") or ()]
    return list(dict.fromkeys([*groups, *((PERSON, _person(name)) for name in handling.get("people") or ())]))


def _person(name: str) -> str:
    try:
        return address(name)
    except Invalid:
        return name


def workable(actor: Actor) -> ColumnElement[bool]:
    """`may_work_on` as a condition on `Record`."""
    if actor.steward:
        return true()
    return Record.provider_pk == actor.provider if actor.provider is not None else false()


def invited(actor: Actor) -> ColumnElement[bool]:
    """Whether the actor's organisation is asked to publish a record jointly, or does already."""
    if actor.provider is None:
        return false()
    asked = select(Invitation.record_pk).where(
        Invitation.record_pk == Record.pk, Invitation.provider_pk == actor.provider
    )
    return asked.exists()


def may_see_part(actor: Actor, part: Mapping[str, Any]) -> bool:
    """Whether a restricted part of a draft is shared with the actor, who is invited to publish it."""
    groups, people = part.get("groups") or (), part.get("people") or ()
    share = Share(Tlp(part["tlp"]), frozenset(groups), frozenset(people))
    return share.tlp is Tlp.CLEAR or (actor.reads_restricted and _is_named(actor, share))
