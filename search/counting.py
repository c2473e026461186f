"""Counts of values and months, put together as people see them: the same for every engine. Pure."""

from collections.abc import Iterable, Sequence

from search import text
from search.document import Value
from search.results import FacetValue

MOST_VALUES = 200
"""A facet shows the values with most records, and always those that are filtered by."""


def merged(
    counted: Iterable[tuple[Value, int]], selected: Sequence[str], most: int = MOST_VALUES
) -> list[FacetValue]:
    """Counted spellings as values, most records first. `counted` has the most used first: spellings with one
    key are one, called by that.
    """
    found: dict[str, FacetValue] = {}
    for spelt, held in counted:
        before = found.get(spelt.key)
        if before is None:
            found[spelt.key] = FacetValue(spelt.value, held, spelt.label)
        else:
            found[spelt.key] = FacetValue(before.value, before.count + held, before.label or spelt.label)
    values = sorted(found.values(), key=lambda value: (-value.count, value.value))
    chosen = {text.key(value): value for value in selected}
    shown = values[:most] + [value for value in values[most:] if text.key(value.value) in chosen]
    missing = chosen.keys() - {text.key(value.value) for value in shown}
    return shown + [FacetValue(chosen[key], 0) for key in sorted(missing)]


def month(months: float) -> str:
    """A month that is counted from the year 0, as it is written: `2023-04`."""
    year, number = divmod(int(months), 12)
    return f"{year:04}-{number + 1:02}"
