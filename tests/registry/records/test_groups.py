"""Which records are the same: what holds of every group, whatever pairs come in whatever order."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from registry.records.groups import MOST, Key, Pair, group

HOME, PEER, THIRD = "home/log", "peer/log", "third/log"
KEYS = st.tuples(st.sampled_from((HOME, PEER, THIRD)), st.integers(0, 25).map(lambda n: f"R{n:02}"))
PAIRS = st.lists(
    st.builds(lambda a, b, decided: Pair.of(a, b, decided=decided), KEYS, KEYS, st.booleans()).filter(
        lambda pair: pair.first != pair.second
    ),
    max_size=120,
)


def chain(*keys: Key) -> list[Pair]:
    return [Pair.of(one, other) for one, other in pairwise(keys)]


@given(PAIRS, st.randoms())
def test_groups(pairs: list[Pair], random: object) -> None:
    made = group(pairs, HOME)
    shuffled = sorted(pairs, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert group(shuffled, HOME) == made
    for key, members in made.of.items():
        assert key in members
        assert len(members) <= MOST
        assert all(made.of[other] == members for other in members)
    # Each pair was taken or is reported.
    for pair in pairs:
        apart = made.of[pair.first] != made.of[pair.second]
        assert not apart or pair in made.left_out
    # Strangers join nothing of ours: without their pairs our records are grouped as they are with them.
    ours = [pair for pair in pairs if pair.decided or HOME in (pair.first[0], pair.second[0])]
    alone = group(ours, HOME)
    for key, members in made.of.items():
        held = {each for each in members if each[0] == HOME}
        if key[0] == HOME:
            assert held == {each for each in alone.of.get(key, {key}) if each[0] == HOME}


def test_a_hostile_chain_fuses_nothing() -> None:
    mine, yours = (HOME, "MINE"), (HOME, "YOURS")
    honest = [Pair.of(mine, (PEER, "P")), Pair.of(yours, (THIRD, "T"))]
    hostile = chain((PEER, "P"), (PEER, "X"), (THIRD, "Y"), (THIRD, "T"))
    made = group(honest + hostile, HOME)
    assert yours not in made.of[mine]
    assert len(made.left_out) == 1
    # A steward who looked may say so.
    decided = Pair.of(mine, yours, decided=True)
    assert yours in group([*honest, decided], HOME).of[mine]


def test_a_group_is_never_too_large() -> None:
    long = chain(*((PEER, f"P{n:03}") for n in range(100)))
    made = group([Pair.of((HOME, "MINE"), (PEER, "P000")), *long], HOME)
    assert max(map(len, made.of.values())) == MOST
    assert made.left_out
