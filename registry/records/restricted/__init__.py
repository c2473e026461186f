"""Restricted parts: merge patches over a document that only some may see, with versions of their own."""
