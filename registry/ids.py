"""Record ids: `CIR-` and ten characters, the last of which checks the others.

The alphabet is Crockford's base32 with I, L, O and U left out; I, L and O are read as 1, 1 and 0. The check
character follows ISO/IEC 7064 hybrid system MOD 33,32. There is no year in an id: it would tell when a
provider knew.
"""

import hashlib
import hmac
import re
import secrets

from registry.errors import Malformed

PREFIX = "CIR-"
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE = {char: value for value, char in enumerate(ALPHABET)}
_READ_AS = str.maketrans("OIL", "011")
_SHAPE = re.compile(rf"{PREFIX}([{ALPHABET}]{{9}})([{ALPHABET}])")


def check_character(body: str) -> str:
    """The character that follows the nine of `body`. ISO/IEC 7064, hybrid systems, M = 32."""
    product = 32
    for char in body:
        product = (product + _VALUE[char]) % 32 or 32
        product = product * 2 % 33
    return ALPHABET[(33 - product) % 32]


def new_id() -> str:
    """A fresh random id."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(9))
    return PREFIX + body + check_character(body)


def derived_id(secret: bytes, *parts: str) -> str:
    """The id that one registry always gives to one imported item.

    A second run of an interrupted import must name an item as the first did, since records written before the
    interruption already refer to it. Keyed, so that nobody outside can compute from an id which item it
    hides.
    """
    mac = hmac.digest(secret, "\x1f".join(parts).encode(), hashlib.sha256)
    number = int.from_bytes(mac[:8])
    body = "".join(ALPHABET[number >> 5 * place & 31] for place in range(9))
    return PREFIX + body + check_character(body)


def parse_id(text: str) -> str:
    """The id as the registry writes it. Raises `Malformed` when the shape or the check character is wrong."""
    tidy = text.strip().upper()
    if tidy.startswith(PREFIX):
        tidy = PREFIX + tidy[len(PREFIX) :].translate(_READ_AS)
    match = _SHAPE.fullmatch(tidy)
    if match is None:
        raise Malformed(f"{text[:40]!r} is not a record id: {PREFIX} and ten letters or digits, without U.")
    if check_character(match[1]) != match[2]:
        raise Malformed(f"{text[:40]!r} is mistyped: its last character does not fit the nine before it.")
    return tidy


def is_id(text: str) -> bool:
    """Whether `text` is a record id, written in any of the ways that `parse_id` reads."""
    try:
        parse_id(text)
    except Malformed:
        return False
    return True
