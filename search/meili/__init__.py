"""The engine of production: Meilisearch, on a server of its own."""

from search.meili.engine import MeiliEngine

__all__ = ["MeiliEngine"]
