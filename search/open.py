"""Which engine a registry searches with."""

from registry.settings import Settings
from search.embedded import EmbeddedEngine
from search.engine import Engine


def open_engine(settings: Settings) -> Engine:
    """The engine that the settings name. Opening is cheap: nothing is read before the first question."""
    return EmbeddedEngine(settings.index_folder)
