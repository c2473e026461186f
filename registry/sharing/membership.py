"""An organisation's way into a sharing group and out of it. Pure."""

from enum import StrEnum

from registry.errors import Conflict


class Place(StrEnum):
    NONE = "none"
    INVITED = "invited"
    MEMBER = "member"


class Move(StrEnum):
    INVITE = "invite"
    ACCEPT = "accept"
    DECLINE = "decline"
    LEAVE = "leave"
    REMOVE = "remove"


_LEADS_TO = {
    (Place.NONE, Move.INVITE): Place.INVITED,
    (Place.INVITED, Move.ACCEPT): Place.MEMBER,
    (Place.INVITED, Move.DECLINE): Place.NONE,
    (Place.INVITED, Move.REMOVE): Place.NONE,
    (Place.MEMBER, Move.LEAVE): Place.NONE,
    (Place.MEMBER, Move.REMOVE): Place.NONE,
}
_WORDS = {
    Place.NONE: "neither a member nor invited",
    Place.INVITED: "invited",
    Place.MEMBER: "a member",
}

OWNERS = frozenset({Move.INVITE, Move.REMOVE})
"""The moves that the group's owner makes; the others are the organisation's own."""


def move(place: Place, wanted: Move) -> Place:
    """The place that a move leads to. Raises `Conflict`, naming the moves that are open."""
    try:
        return _LEADS_TO[place, wanted]
    except KeyError:
        open_ones = ", ".join(one.value for at, one in _LEADS_TO if at is place)
        raise Conflict(
            f"The organisation is {_WORDS[place]}, and so cannot {wanted.value}; open: {open_ones}."
        ) from None
