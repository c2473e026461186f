"""What the documentation says of rules and policies is what there is."""

import re
from pathlib import Path

from registry.moderation.anomalies.rules import RULES as WATCHED
from registry.moderation.limits.policies import POLICIES
from registry.moderation.screening import RULES
from registry.moderation.screening.duplicates import ABOUT
from registry.settings import Settings

ROOT = Path(__file__).resolve().parents[3]


def table(page: str, section: str) -> dict[str, str]:
    """The first table of a section, first column to second."""
    text = (ROOT / "docs" / page).read_text("utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `?([a-z-]+)`? \| (.*) \|$", text, re.M)
    return dict(rows[1:])


def test_screening() -> None:
    assert table("providers.md", "Screening") == {**{rule.name: rule.about for rule in RULES}, **ABOUT}


def test_unusual_activity() -> None:
    assert table("operator.md", "Unusual activity") == {rule.name: rule.about for rule in WATCHED}


def test_limits() -> None:
    told = [name.replace("-", "_") for name in table("operator.md", "Limits")]
    assert sorted(told) == sorted(POLICIES)
    assert {f"limit_{policy}" for policy in POLICIES} <= set(Settings.model_fields)


def test_bodies_are_read_in_one_place() -> None:
    """Limits of size and depth hold for every route, since no handler reads a body by itself. A batch is
    read line by line, under limits of its own.
    """
    reading = re.compile(r"request\.(?:stream|body|form|json)\(|\bdata: *(?:FromBody|Annotated\[.*Body)")
    rooms = (ROOT / "registry", ROOT / "search", ROOT / "frontend")
    found = {
        str(file.relative_to(ROOT))
        for room in rooms
        for file in room.rglob("*.py")
        if reading.search(file.read_text("utf-8"))
    }
    assert found == {"registry/http.py", "registry/records/api_writes.py"}
