"""Bytes in and bytes out: strict reading of JSON, canonical writing, and salted commitments.

Reading refuses what two readers could understand differently (duplicate keys, NaN, integers beyond 2^53-1, bytes that
are not UTF-8, unpaired surrogates) and what only an attacker sends (nesting past `MAX_DEPTH`, control characters).
Writing follows RFC 8785 (JSON Canonicalization Scheme).
"""

import hashlib
import json
import re
from typing import Any

import rfc8785

from registry.errors import Finding, Malformed, TooLarge

JSON = dict[str, Any] | list[Any] | str | int | float | bool | None

MAX_DEPTH = 32
MAX_DOCUMENT_BYTES = 1024 * 1024
_MAX_INTEGER = 2**53 - 1
# C0 controls but tab, line feed and carriage return; DEL and C1; the bidirectional overrides that hide text in plain
# sight (Unicode TR36); noncharacters; unpaired surrogates, which no UTF-8 writer accepts.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]"
)


def escape(token: str) -> str:
    """One step of a JSON pointer, escaped as RFC 6901 says."""
    return token.replace("~", "~0").replace("/", "~1")


def forbidden_characters(text: str) -> list[str]:
    """The characters of `text` that no record may hold, as `U+0000` names in order of appearance, once each."""
    return list(dict.fromkeys(f"U+{ord(char):04X}" for char in _FORBIDDEN.findall(text)))


def scan(value: Any, pointer: str = "", depth: int = 0) -> list[Finding]:
    """What makes a JSON value unfit for canonical storage, wherever it stands in it."""
    if depth > MAX_DEPTH:
        return [Finding("too-deep", pointer, f"Nested deeper than {MAX_DEPTH} levels.", "Flatten the structure.")]
    if isinstance(value, str):
        if bad := forbidden_characters(value):
            return [
                Finding(
                    "control-character",
                    pointer,
                    f"Holds characters that records may not: {', '.join(bad[:5])}.",
                    "Remove them; tabs and line breaks may stay.",
                )
            ]
    elif isinstance(value, bool) or value is None:
        return []
    elif isinstance(value, int):
        if abs(value) > _MAX_INTEGER:
            return [
                Finding(
                    "number-too-large",
                    pointer,
                    "An integer beyond 2^53-1 is read differently by different programs.",
                    "Write it as text.",
                )
            ]
    elif isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return [Finding("not-a-number", pointer, "NaN and Infinity are not JSON numbers.", "Leave the field out.")]
    elif isinstance(value, dict):
        found: list[Finding] = []
        for key, item in value.items():
            here = f"{pointer}/{escape(str(key))}"
            if not isinstance(key, str):
                found.append(Finding("key-not-text", here, "A field name must be text.", "Put it in quotes."))
                continue
            if forbidden_characters(key):
                found.append(Finding("control-character", here, "A field name holds control characters."))
            found += scan(item, here, depth + 1)
        return found
    elif isinstance(value, list):
        return [
            finding for index, item in enumerate(value) for finding in scan(item, f"{pointer}/{index}", depth + 1)
        ]
    else:
        return [Finding("not-json", pointer, f"{type(value).__name__} is not a JSON type.", "Use objects, lists, text, numbers, true, false or null.")]
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
    """The RFC 8785 bytes of a JSON value that `scan` found nothing in."""
    return rfc8785.dumps(value)


def digest(data: bytes) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(data).hexdigest()


def commitment(salt: bytes, document: bytes) -> str:
    """`SHA-256(salt || document)` in hex, with a salt of 32 bytes: what the log shows of a version."""
    if len(salt) != 32:
        raise ValueError("a salt has 32 bytes")
    return hashlib.sha256(salt + document).hexdigest()
