"""How a peer is shown."""

from datetime import timedelta

from registry.db import now
from registry.federation import views
from registry.federation.models import Peer


def test_how_a_peer_is() -> None:
    moment, day = now(), timedelta(days=1)
    peer = Peer(state="following", added_at=moment - day / 2, heard_at=None, failed=0)
    assert views.standing(peer, moment, day) == "following"
    peer.failed = 3
    assert views.standing(peer, moment, day) == "unreachable"
    peer.heard_at = moment - 2 * day
    assert views.standing(peer, moment, day) == "stale"
    peer.state = "frozen"
    assert views.standing(peer, moment, day) == "frozen"
