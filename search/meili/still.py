"""Several questions, one after the other, to one state of an index."""

from collections.abc import Sequence

from search.engine import Place, require
from search.meili.asking import Asker, Result
from search.meili.queries import Query
from search.request import Request


class Moved(Exception):
    """The index moved between two questions that belong together."""


class Still:
    """Asks as long as the index stands still."""

    def __init__(self, asker: Asker, request: Request) -> None:
        self._asker = asker
        self._request = request
        self.place: Place | None = None

    async def ask(self, asked: Sequence[Query]) -> list[Result]:
        state, found = await self._asker.ask(asked)
        if self.place is None:
            self.place = state.place
            require(self.place, self._request)
        elif self.place != state.place:
            raise Moved
        return found
