"""What is promised, measure by measure, and what a run found of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Comparator(StrEnum):
    LEAST = "at least"
    MOST = "at most"


@dataclass(frozen=True, slots=True)
class Measure:
    """One promise. `group` names those that are measured together. Without a `limit`, nothing is promised and
    the value is only told.
    """

    group: str
    name: str
    unit: str
    comparator: Comparator
    limit: float | None
    meaning: str


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured, and how it came about, in words. `value` is None where it could not be measured
    here: then nothing is said of the promise.
    """

    measure: Measure
    value: float | None
    how: str = ""

    @property
    def holds(self) -> bool | None:
        """None where nothing was promised, or nothing could be measured."""
        if self.value is None or self.measure.limit is None:
            return None
        if self.measure.comparator is Comparator.LEAST:
            return self.value >= self.measure.limit
        return self.value <= self.measure.limit

    def as_json(self) -> dict[str, Any]:
        return {
            "value": None if self.value is None else round(self.value, 3),
            "unit": self.measure.unit,
            "limit": self.measure.limit,
            "holds": self.holds,
        }


_LEAST, _MOST = Comparator.LEAST, Comparator.MOST
_JUDGED = "judged questions over real records"
_BARE, _HANDLER = "of a bare ASGI application's rate", "times an ordinary handler's rate"

MEASURES: tuple[Measure, ...] = (
    Measure("hot", "hot_record", "ratio", _LEAST, 0.8, f"a record that is asked for again, {_BARE}"),
    Measure("hot", "hot_feed", "ratio", _LEAST, 0.8, f"a feed, {_BARE}"),
    Measure("hot", "hot_unchanged", "ratio", _LEAST, 0.8, f"“not modified”, {_BARE}"),
    Measure("hot", "hot_record_handler", "ratio", _LEAST, 3, f"a record, {_HANDLER}"),
    Measure("hot", "hot_feed_handler", "ratio", _LEAST, 3, f"a feed, {_HANDLER}"),
    Measure("hot", "hot_unchanged_handler", "ratio", _LEAST, 3, f"“not modified”, {_HANDLER}"),
    Measure("hot", "hot_checkpoint", "ratio", _LEAST, 0.8, f"the log's checkpoint, {_BARE}"),
    Measure("hot", "hot_tile", "ratio", _LEAST, 0.8, f"a tile of the log, {_BARE}"),
    Measure("hot", "hot_bundle", "ratio", _LEAST, 0.8, f"a bundle of the log's entries, {_BARE}"),
    Measure(
        "search",
        "search_overhead",
        "ms",
        _MOST,
        3,
        "median of a search with four facets, above the engine's own",
    ),
    Measure("quality", "search_ndcg", "nDCG@10", _LEAST, 0.8, _JUDGED),
    Measure("quality", "search_mrr", "MRR", _LEAST, 0.8, f"the first useful record, {_JUDGED}"),
    Measure("quality", "search_known", "ratio", _LEAST, 0.95, "an id or alias brings its record first"),
    Measure("quality", "search_ndcg_meili", "nDCG@10", _LEAST, 0.8, f"{_JUDGED}, by Meilisearch"),
    Measure("quality", "search_mrr_meili", "MRR", _LEAST, 0.8, "the first useful record, by Meilisearch"),
    Measure("quality", "search_known_meili", "ratio", _LEAST, 0.95, "ids and aliases, by Meilisearch"),
    Measure(
        "search",
        "search_growth",
        "ratio",
        _MOST,
        3,
        "median time of a search, all records over a tenth of them",
    ),
    Measure(
        "datasette",
        "datasette_embedded",
        "ratio",
        _LEAST,
        10,
        "median time of Datasette with FTS and a facet, over that of a search",
    ),
    Measure("found", "found_after", "s", _MOST, 1, "from a publication until it is found; the slowest"),
    *(
        Measure("index", f"index_{what}_{part}", unit, _MOST, None, f"{about} of {whole}")
        for what, unit, about in (("size", "MB", "size of the index"), ("rebuild", "s", "time to build it"))
        for part, whole in (
            ("hundredth", "a hundredth of the records"),
            ("tenth", "a tenth of the records"),
            ("all", "all records"),
        )
    ),
    Measure("meili", "meili_overhead", "ms", _MOST, 3, "median of a search, above asking Meilisearch itself"),
    Measure(
        "meili",
        "meili_rate",
        "ratio",
        _LEAST,
        0.6,
        "searches per second at 16 connections, over those of Meilisearch itself",
    ),
    Measure(
        "meili",
        "datasette_meili",
        "ratio",
        _LEAST,
        10,
        "median time of Datasette with FTS and a facet, over that of a search",
    ),
    Measure("meili", "meili_growth", "ratio", _MOST, 3, "median time, all records over a tenth of them"),
    Measure("meili", "meili_rebuild", "s", _MOST, None, "time to build the index of all records"),
    Measure(
        "growth", "growth_record", "ratio", _MOST, 1.3, "time to read a record, large over small registry"
    ),
    Measure(
        "growth", "growth_list", "ratio", _MOST, 1.3, "time to read a page of the list, large over small"
    ),
    Measure("growth", "growth_feed", "ratio", _MOST, 1.3, "time to read a feed of a kind, large over small"),
    Measure("tokens", "token_check", "ms", _MOST, 0.2, "what checking a token adds to a request"),
    Measure("import", "import_rate", "records/s", _LEAST, 500, "checked, written and indexed"),
    Measure("import", "import_linear", "ratio", _LEAST, 0.8, "rate of the last tenth over that of the first"),
    Measure("log", "log_overhead", "ratio", _MOST, 1.15, "time of an import with the log, over that without"),
    Measure("memory", "memory", "MB", _MOST, 300, "memory of the serving process itself"),
    Measure("verify", "verify_rate", "documents/s", _LEAST, 1000, "a whole log verified over HTTP"),
    Measure("verify", "verify_memory", "MB", _MOST, 20, "memory that the large log takes above the small"),
    Measure(
        "embargo",
        "embargo_late",
        "s",
        _MOST,
        1,
        "from the time of 1,000 scheduled drafts until the last is published",
    ),
    Measure("follow", "follow_rate", "documents/s", _LEAST, 1000, "a first sync, everything verified"),
    Measure("follow", "follow_idle", "requests", _MOST, 1, "a poll of a peer with nothing new"),
    Measure(
        "follow",
        "follow_growth",
        "ratio",
        _MOST,
        1.3,
        "time to follow one new entry, behind a long log over short",
    ),
    Measure("start", "start", "s", _MOST, 5, "from `make run` to the first answer, when nothing changed"),
)


def chosen(only: Sequence[str]) -> tuple[Measure, ...]:
    """The measures, or those whose name or group is given, or the beginning of their names (`search`). Raises
    `KeyError` for what is neither.
    """
    found = {one.name for name in only for one in _named(name)}
    return tuple(one for one in MEASURES if not only or one.name in found)


def _named(name: str) -> list[Measure]:
    of_that_name = [one for one in MEASURES if one.name == name]
    found = of_that_name or [one for one in MEASURES if one.group == name or one.name.startswith(f"{name}_")]
    if not found:
        raise KeyError(name)
    return found
