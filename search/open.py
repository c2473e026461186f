"""Which engine a registry searches with."""

from registry.settings import Settings
from search.embedded import EmbeddedEngine
from search.engine import Engine

RECORDS, RESTRICTED = "records", "restricted"


def open_engine(settings: Settings, *, index: str = RECORDS) -> Engine:
    """The engine that the settings name. Opening is cheap: nothing is read before the first question.

    `index` is that of public records, or the one apart that holds what is shared with some. Raises
    `Misconfigured` for an address that is none: a registry that was told to search elsewhere must not quietly
    search for itself.
    """
    if settings.search_url is not None:
        # Its client takes a moment to import, which the embedded engine need not wait for.
        from search.meili import MeiliEngine

        return MeiliEngine(settings, index)
    folder = settings.index_folder
    return EmbeddedEngine(folder if index == RECORDS else folder.with_name(f"{folder.name}-{index}"))
