"""The verifiable log: every public version is committed to in an append-only Merkle tree that anybody can
check.

The layout is tlog-tiles (C2SP, https://c2sp.org/tlog-tiles): static files, readable by verifiers that others
wrote.
"""
