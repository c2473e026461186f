"""What the classifications of the AI Incident Database say in the registry's own terms.

CSETv0 and CSETv1 are by the Center for Security and Emerging Technology, MIT by the AI Risk Repository. Only
what an annotator stated is read: blank, "unclear" and "no" add nothing.

Traps: a US state's letters look like a country's ("Los Angeles, CA"); CSETv0 writes a year as its first of
January; a month may be a name, a space, or `--`.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import pycountry

from registry.exchange.equivalents import own_words
from registry.exchange.item import Row
from registry.exchange.pieces import filled, line

# The library has no types.
_COUNTRIES: Any = pycountry.countries
_SUBDIVISIONS: Any = pycountry.subdivisions
_SEVERITY = {
    "Negligible": "severity:negligible",
    "Minor": "severity:low",
    "Moderate": "severity:moderate",
    "Severe": "severity:high",
    "Critical": "severity:critical",
}
_CLASS_V0 = {"Harm caused": "incident", "Near miss": "near-miss"}
_CLASS_V1 = {
    "AI tangible harm event": "incident",
    "AI tangible harm near-miss": "near-miss",
    "AI tangible harm issue": "hazard",
}
_HARMS_V0 = {
    "Harm to physical health/safety": "harm:physical",
    "Psychological harm": "harm:psychological",
    "Financial harm": "harm:financial",
    "Harm to physical property": "harm:property",
    "Harm to intangible property": "harm:intellectual-property",
    "Harm to social or political systems": "harm:societal",
    "Harm to civil liberties": "harm:rights",
}
_HARMS_V1 = {
    "Rights Violation": "harm:rights",
    "Detrimental Content": "harm:exposure",
    "Protected Characteristic": "harm:discrimination",
}
_STATUS_V0 = {"Harm caused": "realised", "Near miss": "potential"}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SECTORS = {
    "defense": "sector:P",
    "public administration": "sector:P",
    "wholesale and retail trade": "sector:G",
    "transportation and storage": "sector:H",
    "human health and social work activities": "sector:R",
    "arts, entertainment and recreation": "sector:S",
    "accommodation and food service activities": "sector:I",
    "activities of households as employers": "sector:U",
    "manufacturing": "sector:C",
    "education": "sector:Q",
    "real estate activities": "sector:M",
    "other service activities": "sector:T",
    "administrative and support service activities": "sector:O",
}
# Permitted values that hold the comma by which a list of them is joined.
_WITH_COMMAS = (
    "nation of origin, citizenship, immigrant status",
    "familial status (e.g., having or not having children) or pregnancy",
    "agriculture, forestry and fishing",
    "electricity, gas, steam and air conditioning supply",
    "arts, entertainment and recreation",
    "professional, scientific and technical activities",
)
_COMMA = "\x00"
_PHRASES = re.compile("|".join(map(re.escape, _WITH_COMMAS)), re.IGNORECASE)


def values(cell: str) -> list[str]:
    """The values in a cell that joins them by commas, without the blank and undecided ones."""
    if "," not in cell:
        parts = [cell.strip()]
    else:
        guarded = _PHRASES.sub(lambda found: found[0].replace(",", _COMMA), cell)
        parts = [part.replace(_COMMA, ",").strip() for part in guarded.split(",")]
    return [part for part in parts if part and part.strip("- ").casefold() not in _UNDECIDED]


_UNDECIDED = frozenset(
    ("", "no", "none", "unclear", "unknown", "unclear/unknown", "unknown/unclear", "false")
)


def content(v0: Row | None, v1: Row | None, mit: Row | None) -> dict[str, Any]:
    """Fields of an incident's content. CSETv1, the later one, wins where both speak."""
    old, new = v0 or {}, v1 or {}
    countries = _country_v1(new) or _countries_v0(old.get("Location", ""))
    sectors = [*values(new.get("Sector of Deployment", "")), *values(old.get("Sector of Deployment", ""))]
    return filled(
        event_class=_CLASS_V1.get(new.get("AI Harm Level", "")) or _CLASS_V0.get(old.get("Near Miss", "")),
        severity=_SEVERITY.get(old.get("Severity", "")),
        setting="controlled-test" if _only_tested(new) else "in-the-wild",
        nature=_nature(mit or {}),
        harms=[*_harms_v1(new), *_harms_v0(old, new)],
        countries=countries,
        sectors=list(dict.fromkeys(_sector(name) for name in sectors))[:100],
        critical_infrastructure=True if new.get("Impact on Critical Services") == "yes" else None,
    )


def times(date: str, v1: Row | None) -> dict[str, Any]:
    """When it began. The database gives a day; CSETv1 tells where that is an estimate."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", date):
        return {"date_unspecified": True}
    row = v1 or {}
    year = row.get("Date of Incident Year", "").strip()
    if row.get("Estimated Date") != "True" or year != date[:4]:
        return {"started": date}
    month = _month(row.get("Date of Incident Month", ""))
    return {"started": f"{year}-{month:02}~" if month else f"{year}~"}


def _month(text: str) -> int | None:
    tidy = text.strip().casefold()
    if tidy.isdecimal() and 1 <= int(tidy) <= 12:
        return int(tidy)
    return _MONTHS.index(tidy[:3]) + 1 if tidy[:3] in _MONTHS else None


def _only_tested(row: Mapping[str, str]) -> bool:
    controlled = ("Producer Test in Controlled Conditions", "User Test in Controlled Conditions")
    return row.get("Deployed") == "no" and any(row.get(column) == "yes" for column in controlled)


def _nature(row: Mapping[str, str]) -> list[str]:
    """Misuse, attack, failure or unintended harm, as far as MIT's domain and intent decide it."""
    domain, subdomain = row.get("Risk Domain", "")[:1], row.get("Risk Subdomain", "")[:3]
    if subdomain == "2.2":
        return ["attack"]
    if domain == "4":
        return ["misuse"]
    if row.get("Intent") == "Unintentional":
        return ["failure"] if domain == "7" else ["unintended-harm"]
    return ["misuse"] if row.get("Intent") == "Intentional" and row.get("Entity") == "Human" else []


def _harms_v0(old: Mapping[str, str], new: Mapping[str, str]) -> list[dict[str, Any]]:
    status = _STATUS_V0.get(old.get("Near Miss", ""))
    claim = {"status": "alleged", "by": "CSETv0"}
    harms = []
    for name in values(old.get("Harm Type", "")):
        tag = _HARMS_V0.get(name)
        text = None if tag else line(name.removeprefix("Other:"))
        if (
            (tag or text)
            and text != "Other"
            and not (tag == "harm:rights" and new.get("Rights Violation") == "yes")
        ):
            harms.append(filled(tag=tag, text=text, status=status, assertion=claim))
    return harms


def _harms_v1(row: Mapping[str, str]) -> list[dict[str, Any]]:
    claim = {"status": "alleged", "by": "CSETv1"}
    harms = []
    for column, tag in (("Lives Lost", "harm:physical/death"), ("Injuries", "harm:physical/injury")):
        count = row.get(column, "").strip()
        if count.isdecimal() and 0 < int(count) <= 10**9:
            quantity = {"min": int(count), "max": int(count), "unit": "people"}
            estimated = (
                "The number is an estimate." if row.get("Estimated Harm Quantities") == "True" else None
            )
            harms.append(
                filled(tag=tag, text=estimated, status="realised", quantity=quantity, assertion=claim)
            )
    harms += [
        filled(tag=tag, assertion=claim) for column, tag in _HARMS_V1.items() if row.get(column) == "yes"
    ]
    return harms


def _sector(name: str) -> str:
    tidy = name.casefold()
    return _SECTORS.get(tidy) or own_words("sector").get(tidy) or line(name, 300)


def _country_v1(row: Mapping[str, str]) -> list[str]:
    text = row.get("Location Country (two letters)", "").strip()
    if re.fullmatch(r"[A-Z]{2}", text):
        return [text] if _COUNTRIES.get(alpha_2=text) else []
    return _named_country(text)


def _countries_v0(location: str) -> list[str]:
    """The country that a place names: after its last comma, or the whole; `UK/USA` names two."""
    last = location.rpartition(",")[2].strip()
    if "," in location and (found := _state(last)):
        return [found]
    return list(dict.fromkeys(code for part in last.split("/") for code in _named_country(part.strip())))


@lru_cache(maxsize=512)
def _named_country(name: str) -> list[str]:
    if name in ("USA", "US", "United States", "United States of America"):
        return ["US"]
    if name in ("UK", "England", "Scotland", "Wales"):
        return ["GB"]
    # Two and three letters would match codes of other places.
    if len(name) < 4:
        return []
    found = _COUNTRIES.get(name=name) or _COUNTRIES.get(common_name=name)
    return [str(found.alpha_2)] if found else []


@lru_cache(maxsize=512)
def _state(name: str) -> str | None:
    """The country of a state or province by its name, or by its two letters in the United States."""
    if name in ("D.C.", "Washington, D.C.") or (len(name) == 2 and _SUBDIVISIONS.get(code=f"US-{name}")):
        return "US"
    for country in ("US", "CA", "AU"):
        divisions: Sequence[Any] = _SUBDIVISIONS.get(country_code=country) or ()
        if any(division.name == name for division in divisions):
            return country
    return None
