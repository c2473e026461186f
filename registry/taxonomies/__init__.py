"""Vocabularies as versioned data: Candor's own, and outside ones read from files that the operator has."""
