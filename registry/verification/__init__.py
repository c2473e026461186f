"""Checking what a registry says, with nothing but bytes and a pinned key: a version of a record, a whole log,
a mirror, a dump.

Nothing here asks a database, and nothing that is read is believed: what a check could not establish, it says.
"""
