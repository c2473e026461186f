"""CSL-JSON, the input of the Citation Style Language's processors (csl-data.json 1.0.2)."""

from typing import Any

import msgspec

from registry.citations.cited import Cited, parts
from registry.records.content.partial import PartialDate

SCHEMA = "https://resource.citationstyles.org/schema/v1.0/input/json/csl-data.json"


def item(cited: Cited) -> dict[str, Any]:
    """One item of the array. Organisations are `literal` names, which no style turns around."""
    found: dict[str, Any] = {
        "id": cited.key,
        "type": "report",
        "author": [{"literal": name} for name in cited.authors],
        "title": cited.title,
        "genre": cited.what,
        "number": cited.number,
        "version": cited.version,
        "publisher": cited.publisher,
        "URL": cited.address,
        "issued": _date(cited.issued),
        "original-date": _date(cited.original),
        "language": cited.language,
        "keyword": ", ".join(cited.keywords),
        "abstract": cited.abstract,
        "note": cited.note,
    }
    return {name: value for name, value in found.items() if value}


def encoded(cited: Cited) -> str:
    return msgspec.json.encode(item(cited)).decode()


def write(cited: Cited) -> str:
    """A whole file with one item."""
    return f"[{encoded(cited)}]\n"


def _date(date: PartialDate | None) -> dict[str, Any] | None:
    if date is None:
        return None
    return {"date-parts": [parts(date)], **({"circa": True} if date.uncertain else {})}
