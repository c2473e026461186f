"""What may be meant by what is typed so far: a record's id or title, or a value that records are filtered
by.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from search import text
from search.document import Key
from search.engine import Place
from search.meili import counts, fields, queries
from search.meili.asking import Asker, Record
from search.meili.settings import LOCALES, MOST_VALUES
from search.names import NAMES, Named, begun, chosen, named
from search.question import MAX_WORDS
from search.results import Suggestion, Suggestions

# Names are counted anew at most so often: over all records, that takes longer than a question.
FRESH_SECONDS = 1.0


@dataclass
class Names:
    """The names of one state of the index, until it has moved and a moment has passed."""

    place: Place | None = None
    hidden: frozenset[Key] = frozenset()
    counted_at: float = 0.0
    found: Sequence[Named] = field(default_factory=list)

    def fresh(self, hidden: frozenset[Key]) -> bool:
        return (
            self.place is not None
            and hidden == self.hidden
            and time.monotonic() < self.counted_at + FRESH_SECONDS
        )


class _Title(msgspec.Struct):
    title: str = ""


_read = msgspec.json.Decoder(_Title).decode


async def suggest(asker: Asker, names: Names, typed: str, limit: int, hidden: frozenset[Key]) -> Suggestions:
    """At most `limit`, half of them records where there are enough names."""
    wanted = text.words(typed)[:MAX_WORDS]
    if not wanted:
        return Suggestions([], (await asker.state()).place.position)
    seen = _visible(hidden)
    shown = {"limit": limit, "attributesToRetrieve": [fields.KEY, fields.DOCUMENT]}
    asked: list[dict[str, Any]] = [
        {"filter": [*seen, queries.typed_as_known(typed)], **shown},
        {
            "q": queries.beginning(wanted),
            "filter": seen,
            "attributesToSearchOn": ["title"],
            "matchingStrategy": "all",
            "locales": LOCALES,
            **shown,
        },
    ]
    if not names.fresh(hidden):
        asked.append({"filter": seen, "facets": [*map(fields.facet_field, NAMES)], "limit": 0})
    state, (known, titled, *counted) = await asker.ask(asked)
    for result in counted:
        found = [
            one for name in NAMES for one in named(name, counts.values(result, name, (), most=MOST_VALUES))
        ]
        names.place, names.hidden, names.found = state.place, hidden, found
        names.counted_at = time.monotonic()
    records = {hit.key: _suggested(hit) for hit in (*known.hits, *titled.hits)}
    return Suggestions(
        chosen(begun(names.found, wanted), list(records.values())[:limit], limit), state.place.position
    )


def _visible(hidden: frozenset[Key]) -> list[str]:
    clauses = [f"{fields.LIVE} = 1"]
    if hidden:
        clauses.append("NOT " + queries.among(fields.RECORD, map(fields.record_id, hidden)))
    return clauses


def _suggested(hit: Record) -> Suggestion:
    origin, id = hit.origin_and_id()
    return Suggestion("record", id, _read(hit.document).title or id, origin=origin)
