"""The order of what a reader may see: told from the records themselves, and nothing else. Pure.

An engine weighs words by how rare they are among all records of its index. Here that would let the order of
what somebody sees tell of what they do not.
"""

from collections.abc import Sequence

from search import text
from search.document import Projection
from search.question import Question
from search.relevance import WEIGHTS

_TOGETHER = 2.0


def score(question: Question, record: Projection) -> float:
    """How well a record that answers a question does so; more is better."""
    texts: dict[str, Sequence[str]] = {
        "title": (record.title,),
        "names": record.names,
        "summary": (record.summary,),
        "labels": record.labels,
    }
    held = {name: [text.words(value) for value in values] for name, values in texts.items()}
    body = [text.words(value) for value in record.texts()]
    total = 0.0
    for part in question.wanted:
        total += _saturated(sum(row_count(words, part.words) for words in body))
        for name, weight in WEIGHTS.items():
            total += weight * _saturated(sum(row_count(words, part.words) for words in held[name]))
    asked = [word for part in question.wanted for word in part.words]
    if len(asked) > 1 and any(row_count(words, asked) for words in held["title"]):
        total += _TOGETHER * WEIGHTS["title"]
    return total


def row_count(words: Sequence[str], row: Sequence[str]) -> int:
    """How often words stand in a row."""
    if len(row) == 1:
        return words.count(row[0])
    wanted = list(row)
    starts = range(len(words) - len(wanted) + 1)
    return sum(
        words[place] == wanted[0] and list(words[place : place + len(wanted)]) == wanted for place in starts
    )


def _saturated(times: int) -> float:
    """The second mention says less than the first."""
    return times / (times + 1)
