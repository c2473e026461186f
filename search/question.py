"""What somebody typed, understood: words, "phrases" and -exclusions. Pure; every text is a question, none is
an error.

All words are looked for. Quotes keep words together, a minus before a word or a phrase leaves out what holds
it. No other character means anything: it separates words, as it does in the text that is searched.
"""

import re
from dataclasses import dataclass

from search import text

MAX_CHARACTERS = 10_000
MAX_WORDS = 48
# A longer stretch of ideographs or kana is more than one word: then its characters are asked for one by one.
MAX_ROW = 4
MIN_PREFIX = 2

_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»", '"'))
_PIECE = re.compile(r'(?P<minus>(?<!\S)[-−])?(?:"(?P<phrase>[^"]*)"|(?P<plain>[^\s"]+))')


@dataclass(frozen=True, slots=True)
class Part:
    """Words that have to stand in a row. `quoted` ones are meant as they are written."""

    words: tuple[str, ...]
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """The parts that a record has to hold and those that it must not.

    `unfinished` tells that the last word of the last part may still be growing, as people type. `shortened`
    tells that words past `MAX_WORDS` were left out.
    """

    wanted: tuple[Part, ...] = ()
    unwanted: tuple[Part, ...] = ()
    unfinished: bool = False
    shortened: bool = False

    @property
    def empty(self) -> bool:
        return not self.wanted and not self.unwanted


def understand(typed: str) -> Question:
    """Read what somebody typed. Never fails; what holds no words asks for nothing."""
    wanted: dict[Part, None] = {}
    unwanted: dict[Part, None] = {}
    count, shortened, last = 0, False, None
    for piece in _PIECE.finditer(typed[:MAX_CHARACTERS].translate(_QUOTES)):
        excluded = piece["minus"] is not None
        quoted = piece["phrase"] is not None
        for row in _rows(text.words(piece["phrase"] if quoted else piece["plain"]), quoted or excluded):
            if count + len(row) > MAX_WORDS:
                shortened = True
                row = row[: MAX_WORDS - count]
            if not row:
                break
            count += len(row)
            part = Part(tuple(row), quoted)
            (unwanted if excluded else wanted).setdefault(part)
            last = None if quoted or excluded else part
    growing = last is not None and typed[-1:].isalnum() and last == next(reversed(wanted))
    unfinished = growing and not shortened and _may_grow(last)
    return Question(tuple(wanted), tuple(unwanted), unfinished, shortened)


def _may_grow(part: Part | None) -> bool:
    """A single letter begins nearly everything (within a row it does not), and an ideograph does not grow."""
    if part is None or text.alone(part.words[-1]):
        return False
    return len(part.words) > 1 or len(part.words[0]) >= MIN_PREFIX


def _rows(found: list[str], together: bool) -> list[list[str]]:
    """What has to stand in a row: a piece as a whole, unless it is a sentence in a script without spaces."""
    if together or sum(text.alone(word) for word in found) <= MAX_ROW:
        return [found] if found else []
    rows: list[list[str]] = []
    for stretch in text.runs(found):
        rows += [[word] for word in stretch] if text.alone(stretch[0]) else [stretch]
    return rows
