"""What rules read: a document's texts with their JSON pointers, joined so that one pass of a pattern reads
all.

A document may hold tens of thousands of short texts. Asking each pattern about each text would take seconds;
joined, a pattern is asked once. Between two texts stands what no text holds and no pattern bridges: a line
feed, which stops `.`, and a NUL, which stops white space.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from registry.canonical import escape

LONGEST_TEXT = 200_000
"""Characters of one text that are read: the most that a narrative may have."""
_BETWEEN = "\n\x00\n"
_URL = re.compile(r"\b(?:https?|hxxps?|ftp)\[?:(?://|\]//)[^\s<>\"\x00]{1,2000}", re.I)
# What stands in these was made by machines and names something: ids, digests, codes.
_CODES = frozenset(
    {
        *(
            "schema",
            "id",
            "ids",
            "prev",
            "part",
            "pointer",
            "origin",
            "commit",
            "sha256",
            "license",
            "vector",
        ),
        *("version", "taxonomy_version", "tag", "tags"),
    }
)
_ADDRESSES = frozenset({"url", "archive_url", "reference", "source"})
_NUMBERISH = re.compile(r"[0-9A-Z][0-9A-Zx .+/-]{6,}")
_FEWEST_DIGITS = 7
_NOT_PUBLIC = frozenset({"restricted", "handling"})


class Text(NamedTuple):
    """One text of the document. `path` names the fields on the way to it, without positions in lists."""

    pointer: str
    path: tuple[str, ...]
    value: str
    start: int

    @property
    def field(self) -> str:
        return self.path[-1] if self.path else ""

    @property
    def code(self) -> bool:
        """Whether the field holds an id, a digest or a code, and no words."""
        return self.field in _CODES

    @property
    def address(self) -> bool:
        """Whether the field holds a web address by its nature."""
        return self.field in _ADDRESSES and "://" in self.value[:12]

    @property
    def public(self) -> bool:
        return not self.path or self.path[0] not in _NOT_PUBLIC


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule found. `matched` identifies it, and is never shown."""

    pointer: str
    matched: str
    message: str
    suggestion: str


class Page:
    """A document as rules read it."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.texts: list[Text] = []
        self.cut: list[Text] = []
        position = 0
        for pointer, path, value in _walk(document):
            if len(value) > LONGEST_TEXT:
                value = value[:LONGEST_TEXT]
                self.cut.append(Text(pointer, path, "", position))
            self.texts.append(Text(pointer, path, value, position))
            position += len(value) + len(_BETWEEN)
        self.blob = _BETWEEN.join(text.value for text in self.texts)
        self.fields = {text.field for text in self.texts}
        self._starts = [text.start for text in self.texts]

    def at(self, position: int) -> Text:
        """The text that holds the character at a position of the blob."""
        return self.texts[bisect_right(self._starts, position) - 1]

    def matches(
        self, pattern: re.Pattern[str], *, lower: bool = False
    ) -> Iterator[tuple[Text, re.Match[str]]]:
        for match in pattern.finditer(self.lower if lower else self.blob):
            yield self.at(match.start()), match

    def in_numbers(self, pattern: re.Pattern[str]) -> Iterator[tuple[Text, int, str]]:
        """Matches within `numbers` that are no part of something longer: text, position, what matched."""
        for start, piece in self.numbers:
            for match in pattern.finditer(piece):
                position = start + match.start()
                if self.stands_alone(position):
                    yield self.at(position), position, match[0]

    @cached_property
    def _urls(self) -> list[tuple[int, int]]:
        return [match.span() for match in _URL.finditer(self.blob)]

    @cached_property
    def lower(self) -> str:
        """The blob in lower case, character for character: only U+0130 would become two. Patterns in lower
        case run on it, twice as fast as ones that ignore case.
        """
        return self.blob.replace("\u0130", "i").lower()

    @cached_property
    def numbers(self) -> list[tuple[int, str]]:
        """Pieces with at least seven digits, with their positions: all that a number could hide in."""
        return [
            (match.start(), match[0])
            for match in _NUMBERISH.finditer(self.blob)
            if sum(map(str.isdigit, match[0])) >= _FEWEST_DIGITS
        ]

    def holds(self, words: Iterable[str]) -> bool:
        """Whether any of these (in lower case) stands anywhere: spares most patterns their turn."""
        lower = self.lower
        return any(word in lower for word in words)

    def stands_alone(self, position: int) -> bool:
        """Whether nothing that belongs to a longer number or word stands before a position. Asked here, since
        a pattern that begins with a look behind is tried at every character.
        """
        before = self.blob[position - 1 : position]
        return not (before.isalnum() or before in ("_", ".", "+", "-")) or position == 0

    def in_url(self, position: int) -> bool:
        """Whether a position of the blob lies inside a web address."""
        index = bisect_right(self._urls, (position, len(self.blob))) - 1
        return index >= 0 and position < self._urls[index][1]

    def before(self, position: int, length: int) -> str:
        """Up to `length` characters before a position, from the same text."""
        return self.blob[max(self.at(position).start, position - length) : position]

    def after(self, position: int, length: int) -> str:
        text = self.at(max(0, position - 1))
        return self.blob[position : min(text.start + len(text.value), position + length)]


def _walk(document: Any) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Every text with its pointer, in the document's order. A stack of its own: nesting has no limit here."""
    ahead: list[tuple[str, tuple[str, ...], Any]] = [("", (), document)]
    while ahead:
        pointer, path, value = ahead.pop()
        if isinstance(value, str):
            if value:
                yield pointer, path, value
        elif isinstance(value, Mapping):
            ahead += [
                (f"{pointer}/{escape(str(key))}", (*path, str(key)), item)
                for key, item in reversed(list(value.items()))
            ]
        elif isinstance(value, list | tuple):
            ahead += [(f"{pointer}/{index}", path, value[index]) for index in reversed(range(len(value)))]


def masked(text: str, *, keep: int = 4) -> str:
    """So much of a secret that its owner knows which one it is."""
    if len(text) < 3 * keep:
        return f"({len(text)} characters)"
    return f"{text[:keep]}… ({len(text)} characters)"


def words(*lines: str) -> tuple[str, ...]:
    """Words written in lines, with spaces between."""
    return tuple(word for line in lines for word in line.split())


def either(*choices: str) -> str:
    """A pattern of choices, one of which has to match."""
    return "|".join(choices)
