"""Who may read what was published: one rule, said twice, once over facts and once in SQL.

`may_read` decides about a record at hand, `readable` cuts a query down to what it would allow. A property
test holds the two equal; every read of a record passes through one of them. Traffic Light Protocol 2.0 as
records.md applies it.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, false, or_, select, true

from registry.actor import Actor
from registry.records.models import Audience, Record


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
    provider: int
    groups: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    suppressed: bool = False


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
    if actor.steward or actor.provider == record.provider:
        return True
    match record.tlp:
        case Tlp.GREEN:
            return actor.approved or actor.vetted_researcher
        case Tlp.AMBER | Tlp.AMBER_STRICT:
            return not actor.groups.isdisjoint(record.groups)
        case Tlp.RED:
            return actor.person is not None and actor.person in record.people
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
    grounds: list[ColumnElement[bool]] = [false()]
    if actor.provider is not None:
        grounds.append(Record.provider_pk == actor.provider)
    if actor.approved or actor.vetted_researcher:
        grounds.append(Record.tlp == Tlp.GREEN.value)
    if actor.groups:
        grounds.append(
            and_(
                Record.tlp.in_([Tlp.AMBER.value, Tlp.AMBER_STRICT.value]),
                _shared_with(GROUP, Audience.name.in_(sorted(actor.groups))),
            )
        )
    if actor.person is not None:
        grounds.append(and_(Record.tlp == Tlp.RED.value, _shared_with(PERSON, Audience.name == actor.person)))
    return or_(public, and_(Record.shared > 0, or_(*grounds)))


def _shared_with(audience: str, names: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        select(Audience.record_pk)
        .where(Audience.record_pk == Record.pk, Audience.audience == audience, names)
        .exists()
    )


def may_work_on(actor: Actor, provider: int) -> bool:
    """Whether drafts of that organisation's records exist, for all that the actor can tell."""
    return actor.steward or (actor.provider is not None and actor.provider == provider)
