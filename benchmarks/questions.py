"""What people might search for in the synthetic registry: words with and without filters, and four facets."""

from collections.abc import Iterator
from random import Random
from urllib.parse import urlencode

from benchmarks import synthetic

FACETS = ("kind", "severity", "country", "sector")
SEED = 11

Question = list[tuple[str, str]]


def questions(count: int) -> Iterator[Question]:
    """Questions, all different, the same in every run."""
    random = Random(SEED)
    asked: set[str] = set()
    while len(asked) < count:
        words = synthetic.query(random)
        question = [("q", words), *_filters(random), ("facets", ",".join(FACETS))]
        if (text := urlencode(question)) not in asked:
            asked.add(text)
            yield question


def _filters(random: Random) -> Question:
    filters = [
        ("kind", "incident"),
        ("severity", "severity:high"),
        ("country", "FR"),
        ("published_from", "2020"),
    ]
    return random.sample(filters, random.choice((0, 0, 1, 2)))
