"""Which records rare traits join."""

from collections import Counter
from collections.abc import Mapping

from registry.moderation.screening.traits import Trait
from registry.records.campaigns import clusters as rules
from registry.records.campaigns.clusters import MOST_HOLDERS, MOST_MEMBERS, MOST_TRAITS, clusters, joining


def joined(held: Mapping[int, str]) -> list[list[int]]:
    """Records with the letters that they have."""
    traits = {
        record: frozenset(Trait("indicator", letter) for letter in text) for record, text in held.items()
    }
    counts = Counter(trait for some in traits.values() for trait in some)
    return [list(records) for records in clusters(traits, counts)]


def test_shared_traits_join_and_what_nobody_shares_joins_nothing() -> None:
    assert joined({1: "ab", 2: "bc", 3: "c", 4: "d", 5: "e", 6: "e", 7: ""}) == [[1, 2, 3], [5, 6]]
    assert joined({}) == []


def test_what_many_have_joins_nobody() -> None:
    many = dict.fromkeys(range(MOST_HOLDERS + 1), "x")
    assert joined(many) == []
    assert joined({**many, 0: "xa", 1: "xa"}) == [[0, 1]]
    assert joined(dict.fromkeys(range(MOST_HOLDERS), "x")) == [list(range(MOST_HOLDERS))]


def test_a_full_cluster_takes_no_more() -> None:
    # A chain of chances: each has something of the one before.
    chain = {number: chr(number + 0x4E00) + chr(number + 0x4E01) for number in range(3 * MOST_MEMBERS)}
    found = joined(chain)
    assert max(map(len, found)) == MOST_MEMBERS
    assert sum(map(len, found)) <= len(chain)


def test_a_list_of_what_was_seen_anywhere_joins_nothing() -> None:
    def seen(count: int) -> dict[str, object]:
        indicators = [{"type": "domain", "value": f"{number}.evil.example"} for number in range(count)]
        return {
            "content": {"indicators": indicators, "actors": [{"name": "CopyCop"}]},
            "source": {"scheme": "aiid", "id": "1"},
            "aliases": [{"scheme": "case", "id": "7"}],
        }

    kinds = Counter(trait.kind for trait in joining(seen(MOST_TRAITS)))
    assert kinds == {"indicator": MOST_TRAITS, "host": MOST_TRAITS, "alias": 1, "actor": 1}
    assert {trait.kind for trait in joining(seen(MOST_TRAITS + 1))} == {"alias", "actor"}
    assert rules.MOST_TRAITS < 1000
