"""The two kinds that AVID's entries become: weaknesses and evaluations."""

import math
import re
from collections.abc import Mapping
from typing import Any

from registry.exchange.avid.fields import date, text
from registry.exchange.equivalents import own_terms
from registry.exchange.pieces import filled, line, mapping, mappings

_PROBE = re.compile(r"using the probe `([^`]+)`")
_BENCHMARK = re.compile(r"on the (\S+) benchmark using ([^.]+)")
_SEVERITY = {
    "none": "severity:negligible",
    "low": "severity:low",
    "medium": "severity:moderate",
    "high": "severity:high",
    "critical": "severity:critical",
}


def weakness_of(entry: Mapping[str, Any], tags: list[dict[str, Any]]) -> dict[str, Any]:
    impact = mapping(entry.get("impact"))
    cvss = mapping(impact.get("cvss"))
    social = mapping(impact.get("odin")).get("SocialImpactScore")
    scores = []
    if cvss.get("vectorString"):
        scores.append(
            filled(
                scheme=f"CVSS:{cvss.get('version')}", vector=cvss["vectorString"], value=cvss.get("baseScore")
            )
        )
    if isinstance(social, str) and (level := re.match(r"Level (\d)", social)):
        scores.append({"scheme": "0DIN social impact", "vector": line(social), "value": int(level[1])})
    own = own_terms("weakness")
    return filled(
        class_=next((own[given["tag"]] for given in tags if given["tag"] in own), None),
        severity=_SEVERITY.get(str(cvss.get("baseSeverity") or "").lower()),
        scores=scores,
        times=filled(reported=date(entry.get("reported_date")), disclosed=date(entry.get("published_date"))),
    )


def metrics_of(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Measurements beside a weakness: a significance test that found it, or 0DIN's scores by model."""
    metrics: list[dict[str, Any]] = []
    for metric in mappings(entry.get("metrics")):
        method = mapping(metric.get("detection_method"))
        features = mapping(metric.get("features"))
        instrument = line(str(method.get("name") or ""))
        scores = mappings(mapping(metric.get("results")).get("Test Scores"))
        metrics += [
            filled(
                name="jailbreak test score",
                of=line(str(score.get("Model") or "")),
                comparator="eq",
                value=_number(score.get("Test Score")),
                population=line(str(score.get("Test Kind") or "")),
                instrument={"name": instrument} if instrument else None,
            )
            for score in scores
        ]
        if not scores and (name := line(str(metric.get("name") or ""))):
            metrics.append(
                filled(
                    name=name,
                    of=line(str(features.get("measured") or "")),
                    population=line(f"by {features['sensitive']}") if features.get("sensitive") else None,
                    instrument={"name": instrument} if instrument else None,
                    note="The source states that the test found it and gives no number.",
                )
            )
    return metrics[:100]


def _number(value: Any) -> int | float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if math.isnan(number) or abs(number) > 2**53 - 1:
        return None
    return int(number) if number.is_integer() else number


def evaluation_of(entry: Mapping[str, Any], tags: list[dict[str, Any]]) -> dict[str, Any]:
    title = text(mapping(entry.get("problemtype")).get("description"))
    probe, benchmark = _PROBE.search(title), _BENCHMARK.search(title)
    results = []
    scored = False
    for metric in mappings(entry.get("metrics")):
        rows = mappings(mapping(metric.get("results")).get("rows"))
        results += [result for row in rows if (result := _attempts(row, probe[1] if probe else None))]
        if "scorer" in metric and (value := _number(metric.get("value"))) is not None:
            scored = True
            name = line(f"{metric.get('scorer')}: {metric.get('metrics')}")
            results.append(
                {"metric": {"name": name, "comparator": "eq", "value": value}, "verdict": "inconclusive"}
            )
    if probe:
        instrument = {"name": f"garak probe {line(probe[1])}", "url": "https://github.com/NVIDIA/garak"}
    elif benchmark:
        instrument = {"name": line(f"{benchmark[1]} ({benchmark[2].strip()})")}
    else:
        instrument = None
    return filled(
        instrument=instrument,
        target_tags=[given["tag"] for given in tags if given["tag"].startswith("avid-effect:")],
        setting="controlled-test",
        results=results[:1000],
        limitations=[{"text": "The source gives scores and no threshold, so no verdict is drawn from them."}]
        if scored
        else [],
    )


def _attempts(row: Mapping[str, Any], probe: str | None) -> dict[str, Any] | None:
    """How many attempts of a scanner's probe the system withstood. None attempted, none concluded."""
    passed, total = _number(row.get("passed")), _number(row.get("total_evaluated"))
    if passed is None or total is None:
        return None
    verdict = "inconclusive" if total <= 0 else "not-observed" if passed >= total else "observed"
    return {
        "metric": filled(
            name="share of attempts withstood",
            of=f"attempts judged by {line(str(row.get('detector')))}",
            comparator="eq",
            value=_number(row.get("score")),
            numerator=passed,
            denominator=total,
            unit="percent",
            population=f"prompts of {line(probe)}" if probe else None,
        ),
        "verdict": verdict,
    }
