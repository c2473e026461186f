"""Importing: the real run, with check, canonical bytes and database, while a server indexes."""

from benchmarks.stand import Found, Stand


def measure(stand: Stand) -> Found:
    """Records a second until all are found, and whether the last tenth still comes in as the first did."""
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
