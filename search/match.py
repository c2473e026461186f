"""Whether one record answers a question: exact, pure, and the same whichever engine serves.

Every word has to stand in the record as it is written (no typing errors are forgiven, no word is completed),
every row of words in a row within one text, nothing that was excluded, and every filter has to be passed.
"""

from collections.abc import Sequence

from search import text
from search.document import Projection
from search.request import Range, Request


def matches(request: Request, record: Projection) -> bool:
    """Whether `record` is an exact answer to `request`; its page and order do not matter."""
    return stands(request, record) and passes(request, record) and says(request, record)


def stands(request: Request, record: Projection) -> bool:
    """Whether it is what the record says now, or said at the position that is asked for."""
    if request.position is None:
        return record.live
    return record.since <= request.position < record.until


def passes(request: Request, record: Projection) -> bool:
    """Whether the record passes every filter and lies in every range."""
    if not all(wanted & record.keys(name) for name, wanted in request.keys.items()):
        return False
    if not _overlaps(request.published, (record.published, record.published)):
        return False
    if request.occurred == (None, None):
        return True
    return record.occurred is not None and _overlaps(request.occurred, record.occurred)


def says(request: Request, record: Projection) -> bool:
    """Whether the record holds all that is asked for and nothing that is excluded."""
    question = request.question
    if question.empty:
        return True
    texts = [text.words(value) for value in record.texts()]
    held = {word for words in texts for word in words}

    def holds(row: Sequence[str]) -> bool:
        if len(row) == 1:
            return row[0] in held
        return held.issuperset(row) and any(_in_a_row(words, row) for words in texts)

    return all(holds(part.words) for part in question.wanted) and not any(
        holds(part.words) for part in question.unwanted
    )


def _in_a_row(words: Sequence[str], row: Sequence[str]) -> bool:
    length = len(row)
    wanted = list(row)
    return any(
        words[place] == wanted[0] and list(words[place : place + length]) == wanted
        for place in range(len(words) - length + 1)
    )


def _overlaps(wanted: Range, held: tuple[int, int]) -> bool:
    first, last = wanted
    return (first is None or held[1] >= first) and (last is None or held[0] <= last)
