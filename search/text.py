"""Words: how text is cut and folded, the same for the index, for `match` and for highlights.

A word is a run of letters, digits and their marks, without case and accents (`Señal` is `senal`, `ﬁ` is `fi`,
`Ⅳ` is `iv`). Scripts that are written without spaces between words (Chinese, Japanese, Thai, ...) and Korean,
which joins particles to them, are cut into single characters; what was asked for in a row has then to be
found in a row. Everything else, so every character that could mean something to a query language, separates
words and is nothing more.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Literal

# The index drops longer terms; a SHA-512 in hex has 128 bytes.
MAX_WORD_BYTES = 255

# Blocks whose characters stand for themselves: Thai to Tibetan, Myanmar, Hangul, Khmer, kana, bopomofo,
# ideographs.
_SINGLE = (
    (0x0E00, 0x0FFF),
    (0x1000, 0x109F),
    (0x1100, 0x11FF),
    (0x1780, 0x17FF),
    (0x2E80, 0x2FDF),
    (0x3005, 0x3007),
    (0x3031, 0x3035),
    (0x3040, 0x318F),
    (0x31A0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xA960, 0xA97F),
    (0xAC00, 0xD7FF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFFDC),
    (0x1B000, 0x1B16F),
    (0x20000, 0x3FFFD),
)
_JOINERS = "\u00ad\u200c\u200d\u2060\ufeff"
# Combining classes that are part of a letter: none, the voicing marks of kana, the virama.
_LETTER_MARKS = (0, 8, 9)


def _stands_alone(code: int) -> bool:
    return any(first <= code <= last for first, last in _SINGLE)


def _in_word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] == "M"


def _folded(char: str) -> str:
    """The letters that one character stands for in a word; spaces where it stands for none; empty where it
    vanishes.
    """
    if char in _JOINERS:
        return ""
    # Kana keep their voicing marks; other accents are taken off.
    form: Literal["NFKC", "NFKD"] = "NFKC" if _stands_alone(ord(char)) else "NFKD"
    letters = []
    for part in unicodedata.normalize(form, char.casefold()).casefold():
        if unicodedata.combining(part) not in _LETTER_MARKS:
            continue
        letter = part if _in_word(part) else " "
        letters.append(f" {letter} " if _stands_alone(ord(part)) else letter)
    return "".join(letters)


_ASCII_OR_NOT = re.compile(r"([^\x00-\x7f]+)")


class _Table(dict[int, str]):
    """A table for `str.translate` that is filled as characters turn up; there are 1.1 million, and few are
    met.
    """

    def __missing__(self, code: int) -> str:
        self[code] = found = _folded(chr(code))
        return found


class _LevelTable(dict[int, str]):
    """As `_Table`, but one character for one, so that offsets hold."""

    def __missing__(self, code: int) -> str:
        folded = _folded(chr(code)).strip() or ("\0" if _in_word(chr(code)) else " ")
        self[code] = found = folded[0]
        return found


_WORDS = _Table()
_LEVEL = _LevelTable()


def spaced(text: str) -> str:
    """The words of `text` with spaces between them: what is handed to the index."""
    if text.isascii():
        return text.translate(_WORDS)
    # `translate` is forty times faster on text that is all ASCII; most texts are, but for a dash or a quote.
    return "".join(piece.translate(_WORDS) for piece in _ASCII_OR_NOT.split(text))


def words(text: str) -> list[str]:
    """The words of `text`, in order."""
    return [word for word in spaced(text).split() if len(word) < 64 or len(word.encode()) <= MAX_WORD_BYTES]


def level(text: str) -> str:
    """`text` folded character for character: as long as it was, so that a place in one is the same place in
    the other.

    What folds to several letters shows the first of them: a mark in a highlight may be missed there, never
    misplaced.
    """
    return text.translate(_LEVEL)


def alone(word: str) -> bool:
    """Whether a word of `words` is a single character of a script written without spaces."""
    return _stands_alone(ord(word[0]))


def runs(found: list[str]) -> Iterator[list[str]]:
    """`words`, grouped into stretches that are all single characters or all not."""
    stretch: list[str] = []
    for word in found:
        if stretch and alone(word) != alone(stretch[-1]):
            yield stretch
            stretch = []
        stretch.append(word)
    if stretch:
        yield stretch


def key(value: str) -> str:
    """What two values of one filter have in common when they mean the same: no case, no accents, single
    spaces.
    """
    if value.isascii():
        return " ".join(value.lower().split())
    parts = unicodedata.normalize("NFKD", value.casefold()).casefold()
    bare = "".join(part for part in parts if unicodedata.combining(part) in _LETTER_MARKS)
    return " ".join(unicodedata.normalize("NFC", bare).split())
