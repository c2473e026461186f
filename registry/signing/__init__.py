"""Signatures of organisations: their keys, and what they sign with them, whoever keeps it."""
