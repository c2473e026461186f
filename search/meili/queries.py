"""From a question to the queries of Meilisearch. Pure.

What a record has to hold stands in quotes: that is taken as it is written, without typing errors, and words
in a row have to stand in a row. Only a word that may still be typed, and one that no record holds, stand
without. No text of a question gets into a filter but as the key of a value (`words.key`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from registry.errors import Malformed
from registry.ids import parse_id
from search import text
from search.document import Key
from search.highlight import Misspelt
from search.meili import fields, words
from search.meili.settings import LOCALES
from search.question import Part, Question, understand
from search.relevance import ONE_EDIT, TWO_EDITS, fewer, forms, lightened
from search.request import Request

MOST_PARTS = 10
"""Meilisearch reads so many words or rows of one query, and quietly passes over what follows."""
ORIGIN = "origin"
_MOST_PIECES = 6

Query = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """One question, ready to be asked.

    `misspelt` are words that stand for what is spelt almost like them. `only` are the records among which to
    look, where that was found out before.
    """

    request: Request
    question: Question
    hidden: frozenset[Key]
    exact: bool
    misspelt: tuple[Misspelt, ...] = ()
    only: Sequence[str] | None = None

    @property
    def growing(self) -> Part | None:
        """The part that may still be typed."""
        if self.exact or not self.question.unfinished:
            return None
        return self.question.wanted[-1]

    def typed(self, parts: Sequence[Part] | None = None) -> str:
        """What is asked for, as Meilisearch reads it. Exclusions go first: those are never too many."""
        wanted = self.question.wanted if parts is None else parts
        asked = ["-" + _quoted(part.words) for part in self.question.unwanted]
        last = ""
        for part in wanted[:MOST_PARTS]:
            if part is self.growing:
                if len(part.words) > 1:
                    asked.append(_quoted(part.words[:-1]))
                last = words.written(part.words[-1])
            elif self._stands_open(part):
                asked.append(words.written(part.words[0]))
            else:
                asked.append(_quoted(part.words))
        # Nothing behind the last word says that it may go on; a space, that it is whole.
        return " ".join([*asked, last])

    def _stands_open(self, part: Part) -> bool:
        """Whether a part stands without quotes, for other words that mean it. While a word is misspelt, none
        does: typing errors would be forgiven in all of them.
        """
        if self.exact or part.quoted or len(part.words) > 1:
            return False
        if self.misspelt:
            return any(item.word == part.words[0] for item in self.misspelt)
        return part.words[0].isascii()

    def also(self) -> list[tuple[str, ...]]:
        """What is found in place of what stands without quotes, as rows of words."""
        if self.exact:
            return []
        parts = self.question.wanted
        bent = [(other,) for part in parts if self._stands_open(part) for other in forms(part.words[0])]
        said = " ".join(word for part in parts if not part.quoted for word in part.words)
        names = (name for name in self.request.synonyms if name in said)
        return [*bent, *(tuple(other.split()) for name in names for other in self.request.synonyms[name])]

    def query(self, *, without: str | None = None, **more: Any) -> Query:
        """What all queries of this question have in common; `without` leaves out one filter, as its own
        counts do.
        """
        made: Query = {
            "q": self.typed(),
            "filter": self.filter(without=without),
            "matchingStrategy": "all",
            "locales": LOCALES,
            "limit": 0,
        }
        if not self.misspelt and not self.exact:
            # Where typing errors are not forgiven.
            made["attributesToSearchOn"] = list(fields.WORDS)
        return made | more

    def filter(self, *, without: str | None = None) -> list[str]:
        request = self.request
        clauses = state(request)
        if ORIGIN not in request.filters and without != ORIGIN:
            # Of what several registries made from one source, one is shown, unless an origin is asked for.
            # Where no record is a copy, Meilisearch knows of no such attribute: then `!=` finds nothing.
            shown = f"{fields.SHOWN} = 1" if request.position is None else f"NOT {fields.COPY} = 1"
            clauses.append(shown)
        for name, keys in request.keys.items():
            if name != without:
                clauses.append(among(fields.filter_field(name), map(words.key, keys)))
        first, last = request.published
        clauses += _between(fields.PUBLISHED, fields.PUBLISHED, first, last)
        # What is known only roughly is found wherever its dates may lie.
        first, last = request.occurred
        clauses += _between(fields.LAST, fields.FIRST, first, last)
        if request.audience is not None:
            clauses.append(among(fields.AUDIENCE, map(words.key, request.audience)))
        if self.hidden:
            clauses.append("NOT " + among(fields.RECORD, map(fields.record_id, self.hidden)))
        if self.only is not None:
            clauses.append(among(fields.RECORD, self.only))
        return clauses


def plan(request: Request, hidden: frozenset[Key], exact: bool) -> Plan:
    """A question as it is asked first: each word is taken to be spelt as it is meant."""
    question = request.question
    if not exact:
        name = _as_id(request.q)
        question = lightened(question) if name is None else understand(f"{name} ")
    return Plan(request, question, hidden, exact)


def _as_id(typed: str) -> str | None:
    """An id in the form in which records hold it: O, I and L may have been read for 0 and 1."""
    try:
        return parse_id(typed)
    except Malformed:
        return None


def state(request: Request) -> list[str]:
    """Which intervals answer: those that are live, or were at an earlier position."""
    position = request.position
    if position is None:
        return [f"{fields.LIVE} = 1"]
    return [f"{fields.SINCE} <= {position:d}", f"{fields.UNTIL} > {position:d}"]


def among(attribute: str, keys: Iterable[str]) -> str:
    """A filter on any of these. Keys are hashes, or letters and digits and signs that mean nothing."""
    listed = ", ".join(f'"{key}"' for key in sorted(keys))
    return f"{attribute} IN [{listed}]"


def _between(last: str, first: str, since: int | None, until: int | None) -> list[str]:
    clauses = []
    if since is not None:
        clauses.append(f"{last} >= {since:d}")
    if until is not None:
        clauses.append(f"{first} <= {until:d}")
    return clauses


def _quoted(row: Sequence[str]) -> str:
    return f'"{" ".join(map(words.written, row))}"'


SORTED: Mapping[str, list[str]] = {
    "newest": [f"{fields.PUBLISHED}:desc", f"{fields.TIE}:desc"],
    "oldest": [f"{fields.PUBLISHED}:asc", f"{fields.TIE}:asc"],
    "updated": [f"{fields.UPDATED}:desc", f"{fields.TIE}:desc"],
    "severity": [f"{fields.SEVERITY}:desc", f"{fields.PUBLISHED}:desc", f"{fields.TIE}:desc"],
}


def order(request: Request) -> dict[str, Any]:
    """The order that is asked for. Where nothing tells one record from another, the newest comes first."""
    sort = request.sort
    if sort == "relevance" and not request.question.wanted:
        sort = "newest"
    return {} if sort == "relevance" else {"sort": SORTED[sort]}


def known(plan: Plan) -> str | None:
    """A filter on records whose id or alias was typed as a whole, where that may be and decides the order."""
    typed = plan.request.q.strip()
    if plan.exact or plan.request.sort != "relevance" or not plan.question.wanted or len(typed) > 300:
        return None
    return typed_as_known(typed)


def typed_as_known(typed: str) -> str:
    """A filter on records whose id or alias this is, in any of the ways that ids are read."""
    name = _as_id(typed) or typed
    known = {name, ":".join(name.split(maxsplit=1))}
    # "cve 2021 41203" and "AML CS0040": the signs between the pieces of an id are what people leave out.
    pieces = text.words(typed)
    if len(pieces) <= _MOST_PIECES and any(map(str.isdigit, "".join(pieces))):
        known |= {sign.join(pieces) for sign in ("-", ".")}
    return among(fields.EXACT, {words.key(text.key(one)) for one in known})


def beginning(wanted: Sequence[str]) -> str:
    """All of these words, and one that begins with the last."""
    return " ".join(
        [*(_quoted((word,)) for word in wanted[:-1][: MOST_PARTS - 1]), words.written(wanted[-1])]
    )


def open_words(plan: Plan) -> list[Misspelt]:
    """Words that may be misspelt: then words up to so many edits away are meant. Names with numbers in them
    are meant as they are, and so is what is quoted.
    """
    if plan.exact:
        return []
    found: dict[str, Misspelt] = {}
    for part in plan.question.wanted:
        word = part.words[0]
        if len(part.words) > 1 or part.quoted or text.alone(word):
            continue
        # Whether one that has other forms is held is asked for with them.
        if word.isalpha() and len(word) >= ONE_EDIT:
            edits = 1 if len(word) < TWO_EDITS else 2
            found[word] = Misspelt(word, edits, part is plan.growing)
    return list(found.values())


def is_held(plan: Plan, item: Misspelt) -> Query:
    """Whether any record holds the word, or one that begins with it where it may still be typed."""
    word = words.written(item.word)
    return word_is_held(item.word, state(plan.request), word if item.prefix else f"{word} ")


def word_is_held(word: str, where: Sequence[str] = (), typed: str | None = None) -> Query:
    """Whether any record holds a word."""
    return {
        "q": _quoted((word,)) if typed is None else typed,
        "filter": list(where),
        "matchingStrategy": "all",
        "locales": LOCALES,
        "limit": 0,
        "attributesToSearchOn": list(fields.WORDS),
    }


def may_do_with_less(plan: Plan) -> bool:
    """Whether records will do that hold some of the words, where too few hold all: only where the best come
    first, and never without what is quoted.
    """
    parts = plan.question.wanted
    if plan.exact or plan.only is not None or plan.request.sort != "relevance":
        return False
    return bool(fewer(len(parts))) and not all(part.quoted for part in parts)


def with_misspelt(plan: Plan, misspelt: Sequence[Misspelt]) -> Plan:
    return replace(plan, misspelt=tuple(misspelt))


def rows_to_check(plan: Plan) -> list[tuple[str, bool]]:
    """Rows of words that Meilisearch finds too much for, as text, and whether they may go on: it has no rows
    that end in the beginning of a word, and it takes three words for a row when each two of them are near.
    """
    rows = []
    for part in plan.question.wanted:
        growing = part is plan.growing
        if (len(part.words) > 1 and growing) or (len(part.words) > 2 and plan.exact):
            rows.append((" ".join(map(words.written, part.words)), growing))
    return rows


def holds(texts: Iterable[str], row: str, growing: bool) -> bool:
    """Whether a row stands in one of the texts, as they were put in."""
    wanted = f" {row}" if growing else f" {row} "
    return any(wanted in f" {text} " for text in texts)
