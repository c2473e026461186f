"""Which engine a registry searches with."""

from registry.errors import Misconfigured
from registry.settings import Settings
from search.embedded import EmbeddedEngine
from search.engine import Engine


def open_engine(settings: Settings) -> Engine:
    """The engine that the settings name. Opening is cheap: nothing is read before the first question.

    Raises `Misconfigured` for an engine that is not here: a registry that was told to search elsewhere
    must not quietly search for itself.
    """
    if settings.search_url is not None:
        raise Misconfigured("This version searches with its embedded engine only: unset CANDOR_SEARCH_URL.")
    return EmbeddedEngine(settings.index_folder)
