"""What a report is made of. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """How well the record answers one field.

    `lossy`: something is there, and less, or other, than the regime asks for; the note says in what.
    `unknown` and `not-applicable` are said by the record itself, in `absent`.
    """

    PRESENT = "present"
    MISSING = "missing"
    LOSSY = "lossy"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a record says to one field. `places` are the JSON pointers that it stands at, or where it belongs:
    there, `-` stands for a new element, as in RFC 6901.
    """

    value: Any
    places: tuple[str, ...]
    state: State
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One field that a regime asks for, and how a record is read for it."""

    field: str
    title: str
    read: "Callable[[Source], Answer]"
    mandatory: bool = True


class ClockState(StrEnum):
    """`waiting`: what starts the clock is not recorded, or has not happened."""

    WAITING = "waiting"
    RUNNING = "running"
    OVERDUE = "overdue"
    FILED = "filed"


@dataclass(frozen=True, slots=True)
class Clock:
    """One time limit. `days` or `hours` is its length; `starts` and `due` are None while it waits."""

    name: str
    title: str
    state: ClockState
    starts: datetime | None = None
    due: datetime | None = None
    days: int | None = None
    hours: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Regime:
    """What one regime asks for. `clocks` tells the time limits of an incident as they stand at a moment."""

    name: str
    title: str
    reference: str
    questions: Sequence[Question]
    clocks: "Callable[[Source, datetime], list[Clock]]"


@dataclass(frozen=True, slots=True)
class Report:
    """One incident under one regime, as far as its reader may know it."""

    regime: Regime
    record: str
    version: str
    title: str
    answers: Sequence[tuple[Question, Answer]]
    clocks: Sequence[Clock]

    def fields_that_are(self, state: State) -> list[str]:
        return [question.field for question, answer in self.answers if answer.state is state]


@dataclass(frozen=True, slots=True)
class Found:
    """A value of the record and its JSON pointer."""

    pointer: str
    value: Any


@dataclass(frozen=True, slots=True)
class Source:
    """An incident to read from: its document with the restricted parts that the reader may see laid over."""

    document: Mapping[str, Any]

    def find(self, pattern: str) -> list[Found]:
        """What stands at a pointer; `*` in it stands for every element of a list."""
        found = [Found("", self.document)]
        for step in pattern.split("/")[1:]:
            found = [below for each in found for below in _step(each, step)]
        return found

    def one(self, pointer: str) -> Any:
        """The value at a pointer, or None."""
        return next((each.value for each in self.find(pointer)), None)

    def absence(self, pattern: str) -> str | None:
        """Why a field is empty, where the record says so of it or of what holds it."""
        wanted = pattern.split("/")
        for entry in self.document.get("absent", ()):
            said = str(entry.get("pointer", "")).split("/")
            alike = zip(said, wanted, strict=False)
            if len(said) <= len(wanted) and all(a == b or b == "*" for a, b in alike):
                return str(entry.get("reason"))
        return None


def _step(place: Found, step: str) -> list[Found]:
    value = place.value
    if step == "*":
        elements = value if isinstance(value, list) else ()
        return [Found(f"{place.pointer}/{index}", item) for index, item in enumerate(elements)]
    if isinstance(value, Mapping) and step in value:
        return [Found(f"{place.pointer}/{step}", value[step])]
    return []
