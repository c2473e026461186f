"""Into a group and out of it, as pure moves."""

from itertools import product

import pytest

from registry.errors import Conflict
from registry.sharing.membership import Move, Place, move

OPEN = {
    (Place.NONE, Move.INVITE): Place.INVITED,
    (Place.INVITED, Move.ACCEPT): Place.MEMBER,
    (Place.INVITED, Move.DECLINE): Place.NONE,
    (Place.INVITED, Move.REMOVE): Place.NONE,
    (Place.MEMBER, Move.LEAVE): Place.NONE,
    (Place.MEMBER, Move.REMOVE): Place.NONE,
}


@pytest.mark.parametrize(("place", "wanted"), list(product(Place, Move)))
def test_every_move_from_every_place(place: Place, wanted: Move) -> None:
    if (place, wanted) in OPEN:
        assert move(place, wanted) is OPEN[place, wanted]
        return
    with pytest.raises(Conflict) as caught:
        move(place, wanted)
    assert all(one.value in caught.value.detail for at, one in OPEN if at is place)


def test_nobody_becomes_a_member_unasked() -> None:
    """The way in leads through an invitation that was accepted, whatever the moves."""
    assert {wanted for (_, wanted), to in OPEN.items() if to is Place.MEMBER} == {Move.ACCEPT}
