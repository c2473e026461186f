"""What hangs from one question: its page, its answer for programs, its feeds, exports and citation."""

from dataclasses import dataclass
from urllib.parse import parse_qsl

from registry.citations.formats import FORMATS as CITATIONS
from registry.errors import CandorError
from registry.feeds.formats import FORMATS as FEEDS
from registry.feeds.links import Links
from registry.feeds.selection import Selection, Topic, question, read_address
from search.export.formats import FORMATS, LISTS


@dataclass(frozen=True, slots=True)
class Addresses:
    """By canonical question. `base` is the registry's address, or only the path of it, without a final
    slash.
    """

    base: str
    canonical: str

    def _at(self, path: str, *more: str) -> str:
        query = "&".join(filter(None, (*more, self.canonical)))
        return f"{self.base}{path}{'?' if query else ''}{query}"

    @property
    def page(self) -> str:
        return self._at("/records")

    @property
    def answer(self) -> str:
        return self._at("/api/v1/search")

    @property
    def exports(self) -> dict[str, str]:
        """By what people call the format. CSV has its lists apart."""
        found = {
            format.title: self._at("/api/v1/search/export", f"format={format.name}") for format in FORMATS
        }
        return {**found, "CSV of lists": self._at("/api/v1/search/export", "format=csv", f"part={LISTS}")}

    @property
    def citations(self) -> dict[str, str]:
        """By what people call the format."""
        return {
            format.title: self._at("/api/v1/search/citation", f"format={format.name}") for format in CITATIONS
        }

    @property
    def feeds(self) -> dict[str, str]:
        """By suffix; none of a question that no feed can hold: one as of an earlier position has no news."""
        asked = parse_qsl(self.canonical)
        if any(name == "as_of" for name, _ in asked):
            return {}
        selection = Selection(Topic.SEARCH, parameters=question(asked))
        try:
            read_address(f"{selection.path}.{FEEDS[0].suffix}", selection.query)
        except CandorError:
            return {}
        links = Links(self.base, "")
        return {each.suffix: links.feed(selection.path, each.suffix, selection.query) for each in FEEDS}
