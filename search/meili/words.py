"""How words and values are written so that Meilisearch takes them as they are.

`search.text` has cut and folded words already, the same for every engine. Meilisearch would cut and fold them
once more by rules of its own, which differ by language: it takes the article off Arabic words, parts German
compounds, strips marks. So every character outside of ASCII is written as one of a private area that has no
rules. It is one character for one: typing errors are counted as before.
"""

import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b

from search import text
from search.document import Value, value

MAX_BYTES = 250
"""Meilisearch drops longer words, and gives longer values of filters no place of their own (from 468 bytes).
"""
MAX_VALUE_BYTES = 440

_PRIVATE = 0xF0000
_PLAIN_KEY = re.compile(r"[a-z0-9][a-z0-9:._/@-]{0,79}")
_MARK, _BETWEEN, _TILDE = "^", "|", "~"
_ESCAPED = re.compile(r"~([a-z])|\^([0-9a-f]+);")


class _Private(dict[int, str]):
    def __missing__(self, code: int) -> str:
        # What lies beyond the basic plane has no special rules there, and no room in the private area.
        self[code] = found = chr(_PRIVATE + code) if 0x80 <= code < 0xFFFE else chr(code)
        return found


_TO_PRIVATE = _Private()


def written(word: str) -> str:
    """A word of `search.text`, as it is put in and asked for."""
    if word.isascii():
        return word[:MAX_BYTES]
    return word.translate(_TO_PRIVATE).encode()[:MAX_BYTES].decode(errors="ignore")


def spaced(value: str) -> str:
    """The words of a text, as they are put in."""
    if value.isascii():
        return " ".join(text.words(value))
    return " ".join(map(written, text.words(value)))


def key(key: str) -> str:
    """The key of a value to filter by. Nothing in it means anything to the filter language."""
    return key if _PLAIN_KEY.fullmatch(key) else "=" + blake2b(key.encode(), digest_size=16).hexdigest()


def joined(held: Value) -> str:
    """A value and what it is called, in one text that comes out of a count as it went in.

    Counts put together what differs in case or form only, under any one of the spellings: so those are
    written out.
    """
    spelt = _escaped(held.value)
    if held.label:
        both = f"{spelt}{_BETWEEN}{_escaped(held.label)}{_BETWEEN}"
        if len(both.encode()) <= MAX_VALUE_BYTES:
            return both
    return f"{_escaped(cut(held.value))}{_BETWEEN}"


def cut(spelt: str) -> str:
    """As much of a value as can be counted."""
    while len(_escaped(spelt).encode()) > MAX_VALUE_BYTES:
        spelt = spelt[: len(spelt) * 9 // 10]
    return spelt


def split(joined: str) -> Value:
    """The value and its label, out of one text of a count."""
    spelt, _, label = joined.partition(_BETWEEN)
    return value(_plain(spelt), _plain(label.removesuffix(_BETWEEN)) or None)


@lru_cache(maxsize=16_384)
def _escaped(spelt: str) -> str:
    escaped = "".join(map(_letter, spelt))
    # Spaces around a value are taken off; behind it stands what parts it from its label.
    return f"{_MARK}20;{escaped[1:]}" if escaped.startswith(" ") else escaped


@lru_cache(maxsize=16_384)
def _letter(char: str) -> str:
    if "A" <= char <= "Z":
        return _TILDE + char.lower()
    if char.isascii() and char.isprintable() and char not in "^|~":
        return char
    same = unicodedata.normalize("NFKD", char).lower() == char
    if same and not char.isascii() and not unicodedata.combining(char) and not char.isspace():
        return char
    return f"{_MARK}{ord(char):x};"


def _plain(escaped: str) -> str:
    return _ESCAPED.sub(lambda found: found[1].upper() if found[1] else chr(int(found[2], 16)), escaped)
