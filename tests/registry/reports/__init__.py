"""Reporting duties."""
