"""What a notice may say, and the states that it goes through. Pure."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from registry.canonical import forbidden_characters, is_line
from registry.errors import Conflict, Finding, Malformed
from registry.ids import PREFIX, parse_id
from registry.providers import fields

LONGEST_TEXT = 10_000
LONGEST_ABOUT = 500
FIELDS = ("kind", "about", "text", "contact", "language")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,4}")
_RECORD_PATH = re.compile(r"/(?:api/v1/)?records/([^/?#]+)")


class Kind(StrEnum):
    CORRECTION = "correction"
    PRIVACY = "privacy"
    DEFAMATION = "defamation"
    LEAK = "leak"
    COPYRIGHT = "copyright"


class State(StrEnum):
    RECEIVED = "received"
    ANSWERED = "answered"
    CLOSED = "closed"


class Action(StrEnum):
    ANSWER = "answer"
    RELAY = "relay"
    SUPPRESS = "suppress"
    UNSUPPRESS = "unsuppress"
    ERASE = "erase"
    CLOSE = "close"


def advance(state: State, action: Action) -> State:
    """Where an action leads. Raises `Conflict`: a closed one stays so, but for an order that is lifted."""
    if state is State.CLOSED and action is not Action.UNSUPPRESS:
        raise Conflict("The notice is closed. Its sender may send another.")
    if state is State.CLOSED or action is Action.CLOSE:
        return State.CLOSED
    return State.ANSWERED


def read(raw: Mapping[str, Any], *, host: str) -> tuple[dict[str, Any], list[Finding]]:
    """A notice in its normal form, with `record_id` where it names a record of this registry (`host`), and
    everything that is wrong with it at once.
    """
    findings = [
        Finding(
            "unknown-field", f"/{name[:64]}", "There is no such field.", f"There are: {', '.join(FIELDS)}."
        )
        for name in raw
        if name not in FIELDS
    ]
    kind, about, text = raw.get("kind"), raw.get("about"), raw.get("text")
    if kind not in tuple(Kind):
        kinds = ", ".join(Kind)
        findings.append(Finding("bad-kind", "/kind", "Say what sort of notice it is.", f"One of: {kinds}."))
    record_id, wrong = _about(about, host)
    if wrong is not None:
        findings.append(wrong)
    text = text.replace("\r\n", "\n").strip() if isinstance(text, str) else ""
    if not 1 <= len(text) <= LONGEST_TEXT or forbidden_characters(text):
        problem = f"The text has 1 to {LONGEST_TEXT:,} characters, and no control characters."
        findings.append(Finding("bad-text", "/text", problem, "Say what is wrong, and how you know."))
    contact = raw.get("contact") or None
    if contact is not None and isinstance(contact := fields.contact(contact), Finding):
        findings.append(contact)
    language = raw.get("language") or "en"
    if not isinstance(language, str) or len(language) > 35 or not _LANGUAGE.fullmatch(language):
        problem = "A language is given as its code."
        findings.append(Finding("bad-language", "/language", problem, "Such as en or pt-BR."))
    told = {
        "kind": kind,
        "about": str(about).strip(),
        "record_id": record_id,
        "text": text,
        "contact": contact,
        "language": language,
    }
    return told, findings


def _about(about: Any, host: str) -> tuple[str | None, Finding | None]:
    """The record that a notice names, if any. Only its spelling is looked at, not what there is."""
    hint = f"A record's id, such as {PREFIX}7GQ2M4KX9X, or the address of a page."
    if not is_line(about, LONGEST_ABOUT):
        return None, Finding("bad-about", "/about", "Say what it is about.", hint)
    text = about.strip()
    try:
        parts = urlsplit(text)
        if parts.scheme in ("http", "https") and parts.hostname:
            named = _RECORD_PATH.match(parts.path) if parts.netloc.lower() == host.lower() else None
            return (parse_id(named[1]) if named else None), None
        return parse_id(text), None
    except Malformed as error:
        return None, Finding("bad-about", "/about", error.detail, hint)
    except ValueError:
        return None, Finding("bad-about", "/about", "The address cannot be read.", hint)
