"""Ways to read an answer off a record, to be put together into what a regime asks for. Pure."""

from collections.abc import Callable
from typing import Any

from registry.reports.model import Answer, Source, State

Read = Callable[[Source], Answer]
Doubt = Callable[[Source], str | None]
"""What a value falls short of, in one sentence; None where it does not."""


def at(pointer: str, *, only: Callable[[Any], bool] | None = None) -> Read:
    """The value at a pointer; with `*` in it, the list of all values. `only` leaves out what does not fit."""

    def read(source: Source) -> Answer:
        found = [each for each in source.find(pointer) if only is None or only(each.value)]
        if not found:
            return nothing(source, pointer)
        values = [each.value for each in found]
        value: Any
        if "*" in pointer:
            value = [item for each in values for item in (each if isinstance(each, list) else [each])]
        else:
            value = values[0]
        return Answer(value, tuple(each.pointer for each in found), State.PRESENT)

    return read


def each(pointer: str, *members: str, needs: str | None = None) -> Read:
    """Of every element of a list, these members, for the elements that have any of them, or the one that is
    needed.
    """

    def read(source: Source) -> Answer:
        values, places = [], []
        for element in source.find(f"{pointer}/*"):
            has = [name for name in members if isinstance(element.value, dict) and name in element.value]
            if has and (needs is None or needs in has):
                values.append({name: element.value[name] for name in has})
                places += [f"{element.pointer}/{name}" for name in has]
        if values:
            return Answer(values, tuple(places), State.PRESENT)
        wanted = (needs,) if needs else members
        return nothing(source, *(f"{pointer}/*/{name}" for name in wanted))

    return read


def first(*reads: Read) -> Read:
    """The first answer that says something; the last word on why there is none is the first one's."""

    def read(source: Source) -> Answer:
        answers = [each(source) for each in reads]
        return next((each for each in answers if each.state in (State.PRESENT, State.LOSSY)), answers[0])

    return read


def together(**reads: Read) -> Read:
    """Several answers as one object. It is lossy where a part of it is missing."""

    def read(source: Source) -> Answer:
        answers = {name.replace("_", " "): each(source) for name, each in reads.items()}
        places = _places(answers)
        states = {each.state for each in answers.values()}
        if len(states) == 1 and states <= {State.MISSING, State.UNKNOWN, State.NOT_APPLICABLE}:
            return Answer(next(iter(answers.values())).value, places, states.pop(), _notes(answers))
        value = {name: each.value for name, each in answers.items() if each.value is not None}
        told = states <= {State.PRESENT, State.UNKNOWN, State.NOT_APPLICABLE}
        return Answer(value, places, State.PRESENT if told else State.LOSSY, _notes(answers))

    return read


def whatever(**reads: Read) -> Read:
    """Several answers as one object, of which any will do: the others are left out."""

    def read(source: Source) -> Answer:
        answers = {name.replace("_", " "): each(source) for name, each in reads.items()}
        told = {name: each for name, each in answers.items() if each.state in (State.PRESENT, State.LOSSY)}
        if not told:
            empty = next(iter(answers.values()))
            return Answer(empty.value, _places(answers), empty.state, empty.note)
        lossy = all(each.state is State.LOSSY for each in told.values())
        value = {name: each.value for name, each in told.items()}
        return Answer(value, _places(told), State.LOSSY if lossy else State.PRESENT, _notes(told))

    return read


def _places(answers: dict[str, Answer]) -> tuple[str, ...]:
    return tuple(place for each in answers.values() for place in each.places)


def _notes(answers: dict[str, Answer]) -> str | None:
    notes = [f"{name.capitalize()}: {each.note}" for name, each in answers.items() if each.note]
    return " ".join(notes) or None


def doubted(read: Read, doubt: Doubt) -> Read:
    """An answer that is lossy where `doubt` finds that it falls short."""

    def doubting(source: Source) -> Answer:
        answer = read(source)
        if answer.state not in (State.PRESENT, State.LOSSY) or (why := doubt(source)) is None:
            return answer
        return Answer(
            answer.value, answer.places, State.LOSSY, f"{answer.note} {why}" if answer.note else why
        )

    return doubting


def instead(read: Read, why: str) -> Read:
    """An answer that is not quite what is asked for, wherever there is one."""
    return doubted(read, lambda _: why)


def nothing(source: Source, *patterns: str) -> Answer:
    """No answer, with what the record says about why."""
    places = tuple(pattern.replace("*", "-") for pattern in patterns)
    reason = next(filter(None, map(source.absence, patterns)), None)
    match reason:
        case "unknown":
            return Answer("unknown", places, State.UNKNOWN, "Recorded as unknown.")
        case "not-assessed":
            return Answer("unknown", places, State.UNKNOWN, "Recorded as not assessed.")
        case "not-applicable":
            return Answer(None, places, State.NOT_APPLICABLE, "Recorded as not applicable.")
        case "withheld":
            return Answer(None, places, State.MISSING, "The record withholds it.")
    return Answer(None, places, State.MISSING, "Not in the record, or not in what you may read of it.")
