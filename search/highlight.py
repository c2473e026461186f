"""What to point out in a record: its title, and the passage that holds most of what was looked for. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec
from rapidfuzz.distance import OSA

from registry.errors import Finding, Severity
from search import text
from search.question import Question
from search.results import Highlights, Segment

PASSAGE = 280
_LEAD = 60
# Only so much of a long text is looked through, and only so many places of it weighed.
_LOOK = 20_000
_PLACES = 60


@dataclass(frozen=True, slots=True)
class Misspelt:
    """A word that no record holds, for which words up to `distance` edits away were taken."""

    word: str
    distance: int
    prefix: bool = False

    def note(self) -> Finding:
        """What whoever asked is told of it."""
        return Finding(
            "unknown-word",
            "/q",
            f"No record holds {self.word!r}; words that are spelt almost like it were looked for.",
            "Put it in quotes to find it as it is written.",
            severity=Severity.WARNING,
        )

    def means(self, other: str) -> bool:
        limit = self.distance
        if not self.prefix:
            return bool(OSA.distance(self.word, other, score_cutoff=limit) <= limit)
        lengths = range(len(self.word) - limit, len(self.word) + limit + 1)
        starts = {other[:length] for length in lengths if length > 0}
        return any(OSA.distance(self.word, start, score_cutoff=limit) <= limit for start in starts)


class _Texts(msgspec.Struct):
    title: str = ""
    summary: str = ""
    narrative: str = ""
    content: msgspec.Raw = msgspec.Raw(b"{}")


_read = msgspec.json.Decoder(_Texts).decode


class Marker:
    """Marks what one question looks for, and the rows of words that stand for some of it. Built once for a
    page of hits.
    """

    def __init__(
        self,
        question: Question,
        misspelt: Sequence[Misspelt] = (),
        also: Iterable[Sequence[str]] = (),
    ) -> None:
        self.misspelt = misspelt
        wrong = {item.word for item in misspelt}
        rows: dict[str, None] = {}
        for part in question.wanted:
            growing = question.unfinished and part is question.wanted[-1]
            if part.words[0] not in wrong or len(part.words) > 1:
                rows.setdefault(_row(part.words) + ("[^ ]*" if growing else ""))
        rows.update(dict.fromkeys(map(_row, also)))
        self._wanted = len(question.wanted)
        self._rows = tuple(rows)
        self._pattern = _pattern(self._rows)

    def highlights(self, document: bytes) -> Highlights:
        """What to point out in a document, as it is stored."""
        if not self._wanted:
            return {}
        texts = _read(document)
        pattern = self._pattern
        if self.misspelt:
            pattern = _pattern((*self._rows, *self._meant((texts.title, texts.summary, texts.narrative))))
        if pattern is None:
            return {}
        found: dict[str, Sequence[Segment]] = {}
        seen: set[str] = set()
        if segments := _whole(texts.title, pattern, seen):
            found["title"] = segments
        for name, value in (("summary", texts.summary), ("narrative", texts.narrative)):
            if len(seen) < self._wanted and (segments := _passage(value, pattern, seen)):
                found[name] = segments
        if not found:
            for value in _strings(msgspec.json.decode(texts.content)):
                if segments := _passage(value, pattern, seen):
                    found["content"] = segments
                    break
        return found

    def _meant(self, texts: Iterable[str]) -> list[str]:
        held = {word for value in texts for word in text.words(value[:_LOOK])}
        return [_row((word,)) for word in held if any(item.means(word) for item in self.misspelt)]


def _row(words: Sequence[str]) -> str:
    joined = re.escape(words[0])
    for before, word in pairwise(words):
        touching = text.alone(before) or text.alone(word)
        joined += (" *" if touching else " +") + re.escape(word)
    return joined


def _pattern(rows: Sequence[str]) -> re.Pattern[str] | None:
    # Longest first: of "net" and "network" the longer is meant where both fit. What stands before a match is
    # checked afterwards: a look-behind in front would keep `re` from leaping to the first letters.
    return re.compile("|".join(sorted(rows, key=len, reverse=True))) if rows else None


def _places(value: str, pattern: re.Pattern[str]) -> Iterator[tuple[int, int, str]]:
    """(start, end, what) of every whole word or row found."""
    flat = text.level(value)
    for match in pattern.finditer(flat):
        start, end = match.span()
        before, after = flat[start - 1 : start], flat[end : end + 1]
        opens = before in ("", " ") or text.alone(before) or text.alone(flat[start])
        closes = after in ("", " ") or text.alone(after) or text.alone(flat[end - 1])
        if opens and closes and end > start:
            yield start, end, match[0]


def _whole(value: str, pattern: re.Pattern[str], seen: set[str]) -> list[Segment]:
    return _segments(value, 0, len(value), list(_places(value, pattern)), seen)


def _passage(value: str, pattern: re.Pattern[str], seen: set[str]) -> list[Segment]:
    """The stretch of `PASSAGE` characters with the most different finds, with what is found in it."""
    value = value[:_LOOK]
    places: list[tuple[int, int, str]] = []
    for place in _places(value, pattern):
        places.append(place)
        if len(places) >= _PLACES:
            break
    if not places:
        return []
    best, most = 0, 0
    for index, (start, _, _) in enumerate(places):
        different = len({what for first, end, what in places[index:] if end <= start + PASSAGE - _LEAD})
        if different > most:
            best, most = index, different
    start = _boundary(value, places[best][0] - _LEAD)
    end = len(value) if len(value) - start <= PASSAGE else _boundary(value, start + PASSAGE)
    return _segments(value, start, max(end, places[best][1]), places, seen)


def _boundary(value: str, place: int) -> int:
    """The start of a word near `place`, so that no passage begins or ends within one."""
    if place <= 0:
        return 0
    space = value.find(" ", place, place + 20)
    return space + 1 if space >= 0 else place


def _segments(
    value: str, start: int, end: int, places: Iterable[tuple[int, int, str]], seen: set[str]
) -> list[Segment]:
    segments: list[Segment] = []
    cursor, marked = start, False
    lead = "…" if start else ""
    for first, last, what in places:
        if first < cursor or last > end:
            continue
        if first > cursor or lead:
            segments.append(Segment(lead + _tidy(value[cursor:first])))
            lead = ""
        segments.append(Segment(value[first:last], True))
        seen.add(what)
        cursor, marked = last, True
    rest = _tidy(value[cursor:end]) + ("…" if end < len(value) else "")
    if rest:
        segments.append(Segment(rest))
    return segments if marked else []


def _tidy(value: str) -> str:
    return re.sub(r"\s+", " ", value)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
