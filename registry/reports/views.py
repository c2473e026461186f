"""Reports as JSON and as Markdown to work on."""

from collections.abc import Iterator
from typing import Any

from registry.clock import instant
from registry.reports.model import Answer, Clock, Question, Report, State

AID = "A drafting aid, made of one record. Check it against the law and complete it before you file it."


def as_json(report: Report) -> dict[str, Any]:
    return {
        "regime": report.regime.name,
        "title": report.regime.title,
        "reference": report.regime.reference,
        "record": report.record,
        "version": report.version,
        "fields": [_field(question, answer) for question, answer in report.answers],
        "missing": report.fields_that_are(State.MISSING),
        "lossy": report.fields_that_are(State.LOSSY),
        "clocks": [_clock(clock) for clock in report.clocks],
        "notice": AID,
    }


def _field(question: Question, answer: Answer) -> dict[str, Any]:
    return {
        "field": question.field,
        "title": question.title,
        "mandatory": question.mandatory,
        "value": answer.value,
        "from": list(answer.places),
        "state": answer.state.value,
        "note": answer.note,
    }


def _clock(clock: Clock) -> dict[str, Any]:
    length = {"hours": clock.hours} if clock.hours is not None else {"days": clock.days}
    return {
        "name": clock.name,
        "title": clock.title,
        **length,
        "starts": instant(clock.starts) if clock.starts else None,
        "due": instant(clock.due) if clock.due else None,
        "state": clock.state.value,
        "note": clock.note,
    }


def as_markdown(report: Report) -> str:
    """As Markdown. What the record says is quoted, so that none of it reads as the report's own."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# {report.regime.title}"
    yield ""
    yield f"Record {report.record}, version {report.version}. {report.regime.reference}."
    yield ""
    yield f"*{AID}*"
    for title, state in (("Missing", State.MISSING), ("Not quite what is asked for", State.LOSSY)):
        named = [question for question, answer in report.answers if answer.state is state]
        if named:
            yield from ("", f"**{title}:** {'; '.join(each.title for each in named)}.")
    if report.clocks:
        yield from ("", "## Time limits", "")
        for clock in report.clocks:
            yield _clock_line(clock)
    yield from ("", "## Fields")
    for question, answer in report.answers:
        yield from ("", f"### {question.title}{' (mandatory)' if question.mandatory else ''}", "")
        if answer.state is not State.PRESENT:
            yield from (f"*{answer.state.value}.* {answer.note or ''}".rstrip(), "")
        if answer.value is not None:
            for line in "\n".join(_told(answer.value)).splitlines():
                yield f"> {line}".rstrip()
            yield ""
        yield f"From: {', '.join(f'`{place}`' for place in answer.places)}"


def _clock_line(clock: Clock) -> str:
    length = f"{clock.hours} hours" if clock.hours is not None else f"{clock.days} days"
    due = f"due {instant(clock.due)}" if clock.due else "no date yet"
    return f"- {clock.title} ({length}): {due}, {clock.state.value}. {clock.note or ''}".rstrip()


def _told(value: Any, indent: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, dict | list):
                yield f"{indent}- {key}:"
                yield from _told(item, indent + "  ")
            else:
                yield f"{indent}- {key}: {_word(item)}"
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                words = (f"{key}: {_word(part)}" for key, part in item.items())
                yield f"{indent}- {'; '.join(words)}"
            else:
                yield f"{indent}- {_word(item)}"
    else:
        yield f"{indent}{_word(value)}"


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_word(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_word(item) for item in value)
    return str(value)
