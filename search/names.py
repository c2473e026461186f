"""Names that may be meant by what is typed so far, as every engine suggests them. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from search import text
from search.results import FacetValue, Suggestion

NAMES = ("tag", "system", "provider", "developer", "actor")
"""The filters whose values are suggested."""
_RECORDS_SHARE = 2


@dataclass(frozen=True, slots=True)
class Named:
    """A value of a filter, and the words that it is known by."""

    suggestion: Suggestion
    words: tuple[str, ...]


def named(name: str, values: Iterable[FacetValue]) -> list[Named]:
    """The values of one filter."""
    return [
        Named(
            Suggestion(name, found.value, found.label or found.value, found.count),
            tuple(dict.fromkeys(text.words(f"{found.label or ''} {found.value}"))),
        )
        for found in values
    ]


def begun(names: Iterable[Named], wanted: Sequence[str]) -> list[Suggestion]:
    """Those that hold all words but the last, and one that begins with the last.

    What begins as it was typed comes first, then what most records bear.
    """
    found = [name for name in names if _begins(name.words, wanted)]
    found.sort(key=lambda name: (not _begins(name.words[:1], wanted[:1]), -(name.suggestion.count or 0)))
    return [name.suggestion for name in found]


def chosen(names: Sequence[Suggestion], records: Sequence[Suggestion], limit: int) -> list[Suggestion]:
    """At most `limit`, half of them records where there are enough names."""
    kept = list(names[: max(limit // _RECORDS_SHARE, limit - len(records))])
    return kept + list(records[: limit - len(kept)])


def _begins(words: Sequence[str], wanted: Sequence[str]) -> bool:
    return all(word in words for word in wanted[:-1]) and any(word.startswith(wanted[-1]) for word in words)
