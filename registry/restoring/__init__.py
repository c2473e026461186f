"""Bringing a restored database to where the registry was: what was taken back, and what its log has lost."""
