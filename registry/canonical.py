"""Bytes in and bytes out: strict reading of JSON, canonical writing, and salted commitments.

Reading refuses what two readers could understand differently (duplicate keys, NaN, integers beyond 2^53-1,
bytes that are not UTF-8, unpaired surrogates) and what only an attacker sends (nesting past `MAX_DEPTH`,
control characters). Writing follows RFC 8785 (JSON Canonicalization Scheme).
"""

import hashlib
import json
import re
from typing import Any

import msgspec
import rfc8785

from registry.errors import Finding, Malformed, TooLarge

JSON = dict[str, Any] | list[Any] | str | int | float | bool | None

MAX_DEPTH = 32
MAX_DOCUMENT_BYTES = 1024 * 1024
_MAX_INTEGER = 2**53 - 1
# C0 controls but tab, line feed and carriage return; DEL and C1; the bidirectional overrides that hide text
# in plain sight (Unicode TR36); noncharacters; unpaired surrogates, which no UTF-8 writer accepts.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]"
)


_SORTED = msgspec.json.Encoder(order="sorted")
_CONTAINERS = frozenset((dict, list))
_JSON_TYPES = frozenset((dict, list, str, int, float, bool, type(None)))
# A control character as JSON writes it. A text that merely holds a backslash before such a letter is looked
# at once more, and no more.
_ESCAPED_CONTROL = re.compile(rb"\\[bfu]")
# Where msgspec and RFC 8785 part ways: numbers that ECMAScript writes otherwise (whole floats, exponents,
# integers that it cannot hold), what is not JSON (written as null), and keys whose order in UTF-16 is not
# that of their characters.
# One pattern for each byte that a number may follow: what begins with a literal is looked for many times as
# fast as what begins with a choice.
_WRITTEN_OTHERWISE = tuple(
    re.compile(before + rb"-?[0-9]+(?:\.0(?:[,\]}]|\Z)|(?:\.[0-9]+)?e|[0-9]{15})")
    for before in (rb":", rb",", rb"\[", rb"\A")
)
_BEYOND_FIRST_PLANE_OR_NEAR = re.compile(rb"[\xee-\xf4]")


def escape(token: str) -> str:
    """One step of a JSON pointer, escaped as RFC 6901 says."""
    return token.replace("~", "~0").replace("/", "~1")


def forbidden_characters(text: str) -> list[str]:
    """The characters of `text` that no record may hold, as `U+0000` names, in order and once each."""
    return list(dict.fromkeys(f"U+{ord(char):04X}" for char in _FORBIDDEN.findall(text)))


def without_forbidden_characters(text: str) -> str:
    """`text` less the characters that no record may hold."""
    return _FORBIDDEN.sub("", text)


def one_line(text: str) -> str:
    """`text` on one line: white space is a single space, and what no record may hold is left out."""
    text = " ".join(text.split())
    return text if text.isprintable() else without_forbidden_characters(text)


CODE = re.compile(r"[a-z][a-z0-9-]{0,39}")
"""A reason as a code, for where words have no place: an entry of the log stands there for good."""


def is_line(text: Any, longest: int) -> bool:
    """Whether `text` is one line of 1 to `longest` characters, in any script, that a document may hold."""
    return (
        isinstance(text, str)
        and 1 <= len(text.strip()) <= longest
        and text.splitlines() == [text]
        and not forbidden_characters(text)
    )


def scan(value: Any) -> list[Finding]:
    """What makes a JSON value unfit for canonical storage, wherever it stands in it.

    Nearly every value is fit, so it is first looked at in ways that are fast; only what they doubt is walked.
    """
    try:
        data = _SORTED.encode(value)
    except (TypeError, ValueError, RecursionError):
        return _walk(value, "", 0)
    if _plainly_fit(data) and _shallow(value):
        return []
    return _walk(value, "", 0)


def _plainly_fit(data: bytes) -> bool:
    """Whether JSON bytes hold no forbidden character for certain."""
    if b"\x7f" in data or _ESCAPED_CONTROL.search(data):
        return False
    return data.isascii() or not _FORBIDDEN.search(data.decode())


def _shallow(value: Any) -> bool:
    """Whether a value is JSON throughout, its numbers exact, and nested no deeper than `MAX_DEPTH`."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH + 1):
        types = set(map(type, level))
        if not types <= _JSON_TYPES:
            return False
        if int in types and any(type(item) is int and abs(item) > _MAX_INTEGER for item in level):
            return False
        if float in types and any(type(item) is float and not abs(item) <= _MAX_INTEGER for item in level):
            return False
        if not types & _CONTAINERS:
            return True
        below: list[Any] = []
        for item in level:
            if type(item) is dict:
                below += item.values()
            elif type(item) is list:
                below += item
        level = below
    return not level


def _walk(value: Any, pointer: str, depth: int) -> list[Finding]:
    if depth > MAX_DEPTH:
        problem = f"Nested deeper than {MAX_DEPTH} levels."
        return [Finding("too-deep", pointer, problem, "Flatten the structure.")]
    if isinstance(value, str):
        if bad := forbidden_characters(value):
            problem = f"Holds characters that records may not: {', '.join(bad[:5])}."
            hint = "Remove them; tabs and line breaks may stay."
            return [Finding("control-character", pointer, problem, hint)]
    elif isinstance(value, bool) or value is None:
        return []
    elif isinstance(value, int | float):
        if value != value or value in (float("inf"), float("-inf")):
            problem = "NaN and Infinity are not JSON numbers."
            return [Finding("not-a-number", pointer, problem, "Leave the field out.")]
        if abs(value) > _MAX_INTEGER:
            problem = "A number beyond 2^53-1 is read differently by different programs."
            return [Finding("number-too-large", pointer, problem, "Write it as text.")]
    elif isinstance(value, dict):
        found: list[Finding] = []
        for key, item in value.items():
            here = f"{pointer}/{escape(str(key))}"
            if not isinstance(key, str):
                found.append(Finding("key-not-text", here, "A field name must be text.", "Put it in quotes."))
                continue
            if forbidden_characters(key):
                found.append(Finding("control-character", here, "A field name holds control characters."))
            found += _walk(item, here, depth + 1)
        return found
    elif isinstance(value, list):
        return [
            finding
            for index, item in enumerate(value)
            for finding in _walk(item, f"{pointer}/{index}", depth + 1)
        ]
    else:
        problem = f"{type(value).__name__} is not a JSON type."
        hint = "Use objects, lists, text, numbers, true, false or null."
        return [Finding("not-json", pointer, problem, hint)]
    return []


class _Repeated(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        raise _Repeated(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def read_json(data: bytes, *, limit: int = MAX_DOCUMENT_BYTES) -> Any:
    """Read one JSON text strictly.

    Raises `TooLarge` over `limit` bytes and `Malformed` for everything else, saying what and where.
    """
    if len(data) > limit:
        raise TooLarge(f"{len(data):,} bytes are more than the {limit:,} that are read here.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(
            f"Not UTF-8: byte {error.start} is 0x{data[error.start]:02X}. Send UTF-8 without exception."
        ) from error
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except _Repeated as error:
        raise Malformed(f"The field {str(error)!r} stands twice in one object. Keep one of them.") from error
    except json.JSONDecodeError as error:
        raise Malformed(f"Not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from error
    except RecursionError as error:
        raise Malformed(f"Nested deeper than {MAX_DEPTH} levels.") from error
    except ValueError as error:
        raise Malformed(f"Not JSON: {error}.") from error
    if findings := scan(value):
        raise Malformed("The JSON holds what cannot be stored.", findings=findings)
    return value


def canonical(value: Any) -> bytes:
    """The RFC 8785 bytes of a JSON value that `scan` found nothing in.

    msgspec writes the same bytes as the reference implementation, and many times as fast, wherever nothing
    says otherwise; tests hold the two against each other.
    """
    data = _SORTED.encode(value)
    if _certainly_canonical(data):
        return data
    # Most of the rest hold but a whole number that came as a float, which is written as an integer.
    data = _SORTED.encode(_whole_as_integers(value))
    return data if _certainly_canonical(data) else rfc8785.dumps(value)


def is_canonical(data: bytes, value: Any) -> bool:
    """Whether these are the RFC 8785 bytes of the JSON value that was read from them.

    Raises `ValueError` for a value that has none.
    """
    # JSON has no NaN, which msgspec would write as null: what was read holds null where it was written so.
    if _SORTED.encode(value) == data and _plainly_written(data):
        return True
    return canonical(value) == data


def _certainly_canonical(data: bytes) -> bool:
    return b"null" not in data and _plainly_written(data)


def _plainly_written(data: bytes) -> bool:
    return not (
        any(number.search(data) for number in _WRITTEN_OTHERWISE)
        or (not data.isascii() and _BEYOND_FIRST_PLANE_OR_NEAR.search(data))
    )


def _whole_as_integers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole_as_integers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole_as_integers(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) <= _MAX_INTEGER:
        return int(value)
    return value


def digest(data: bytes) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(data).hexdigest()


def commitment(salt: bytes, document: bytes) -> str:
    """`SHA-256(salt || document)` in hex, with a salt of 32 bytes: what the log shows of a version."""
    if len(salt) != 32:
        raise ValueError("a salt has 32 bytes")
    return hashlib.sha256(salt + document).hexdigest()
