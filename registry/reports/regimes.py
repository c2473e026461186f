"""The regimes that incidents are rendered for: one explicit list."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from registry.errors import NotFound
from registry.reports import eu_73, eu_gpai, oecd, us_ca_sb53, us_ny_raise
from registry.reports.model import Regime, Report, Source

REGIMES = (oecd.REGIME, eu_73.REGIME, eu_gpai.REGIME, us_ca_sb53.REGIME, us_ny_raise.REGIME)


def regime_named(name: str) -> Regime:
    """Raises `NotFound`, naming those there are."""
    for regime in REGIMES:
        if regime.name == name.lower():
            return regime
    there = ", ".join(regime.name for regime in REGIMES)
    raise NotFound(f"There is no regime {name[:40]!r}; there are: {there}.")


def report(regime: Regime, document: Mapping[str, Any], *, version: str, now: datetime) -> Report:
    """One incident under one regime. `document` has what the reader may see of its restricted parts laid
    over it; `version` is what it is called, such as `2`, `p1` or `draft`.
    """
    source = Source(document)
    answers = [(question, question.read(source)) for question in regime.questions]
    return Report(
        regime, document["id"], version, document.get("title", ""), answers, regime.clocks(source, now)
    )
