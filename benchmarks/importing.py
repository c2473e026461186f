"""Importing: the real run, with check, canonical bytes, database and index, on records that nobody has seen
before.
"""

from benchmarks.stand import Found, Stand


def measure(stand: Stand) -> Found:
    """The rate over all, and whether the last tenth still comes in as the first did."""
    registry = stand.large()
    seconds = registry.seconds
    rates = [registry.records / len(seconds) / one for one in seconds]
    return {
        "import_rate": (
            registry.records / sum(seconds),
            f"{registry.records:,} records in {sum(seconds):,.0f} s",
        ),
        "import_linear": (
            rates[-1] / rates[0],
            " ".join(f"{one:,.0f}" for one in rates) + " records/s by tenths",
        ),
    }
