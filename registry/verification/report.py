"""What was checked, and what came of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MOST_TOLD = 50
"""Failures of one kind that are told one by one; the rest are counted."""


def quoted(text: object) -> str:
    """What a stranger wrote, short and within quotes."""
    return ascii(str(text)[:100])


def fit(text: str) -> str:
    """Text for a terminal, which would obey a stranger's control characters."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `ok` is None for what could not be checked: neither good nor bad."""

    name: str
    ok: bool | None
    text: str

    def as_json(self) -> dict[str, Any]:
        return {"check": self.name, "ok": self.ok, "text": self.text}


@dataclass(slots=True)
class Report:
    """All that was checked of one thing. `pinned` is whether a key was given beforehand: without one, whoever
    altered the bytes could have altered the key. `complete` is whether a log was read to its end.
    """

    what: str
    pinned: bool
    facts: dict[str, Any] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    complete: bool = False
    _counted: dict[str, int] = field(default_factory=dict)

    def passed(self, name: str, text: str) -> None:
        self.checks.append(Check(name, True, fit(text)))

    def failed(self, name: str, text: str) -> None:
        """Told one by one up to `MOST_TOLD`, then counted."""
        count = self._counted[name] = self._counted.get(name, 0) + 1
        if count <= MOST_TOLD:
            self.checks.append(Check(name, False, fit(text)))

    def unknown(self, name: str, text: str) -> None:
        self.checks.append(Check(name, None, fit(text)))

    def sum_up(self, name: str, text: str) -> None:
        """Say that all was well under this name, unless something was not."""
        failed = self._counted.get(name, 0)
        if not failed:
            self.passed(name, text)
        elif failed > MOST_TOLD:
            self.checks.append(Check(name, False, f"and {failed - MOST_TOLD:,} more of this kind"))

    @property
    def sound(self) -> bool:
        """Whether nothing failed, whoever may have signed it."""
        return all(check.ok is not False for check in self.checks)

    @property
    def failures(self) -> Iterator[Check]:
        return (check for check in self.checks if check.ok is False)

    def as_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "verified": self.sound and self.pinned,
            "sound": self.sound,
            "pinned": self.pinned,
            **self.facts,
            "checks": [check.as_json() for check in self.checks],
        }
