"""Names of files, as they are sent and as they are sent back. Pure.

RFC 6266 with RFC 8187: `filename*` holds a name in any script, `filename` what is left of it in ASCII.
"""

import contextlib
import re
import unicodedata
from email.message import Message
from urllib.parse import quote, unquote

from registry.canonical import without_forbidden_characters

LONGEST = 200
NAMELESS = "file"
# What an HTTP token may hold besides letters and digits (RFC 8187, section 3.2.1), percent-encoding apart.
_ATTRIBUTE = "!#$&+-.^_`|~"
_EXTENDED = re.compile(r"filename\*\s*=\s*(utf-8|iso-8859-1)'[^']*'([^;\s]+)", re.I)
# No name of ours is read as a path, a drive, a wildcard or a redirection, wherever it is saved.
_UNSAFE = re.compile(r'[<>:"|?*\r\n\t]')


def safe_name(text: str) -> str:
    """The name of a file without anything that a file system, a header or a reader could trip over.

    Letters of every script stay. Folders before the name go, and so do control characters and the overrides
    of writing direction that make `gpj.exe` look like `exe.jpg`.
    """
    name = unicodedata.normalize("NFC", text.replace("\\", "/").rpartition("/")[2])
    name = _UNSAFE.sub(" ", without_forbidden_characters(name))
    # Format characters that show nothing, but for the joiners that some scripts are written with.
    name = "".join(char for char in name if unicodedata.category(char) != "Cf" or char in "\u200c\u200d")
    name = " ".join(name.split()).strip(". ")
    if len(name) > LONGEST:
        stem, dot, suffix = name.rpartition(".")
        keeps = dot and 0 < len(suffix) <= 10
        name = f"{stem[: LONGEST - len(suffix) - 1]}.{suffix}" if keeps else name[:LONGEST]
    return name.strip(". ") or NAMELESS


def name_in(disposition: str) -> str | None:
    """The name in a `Content-Disposition`, `filename*` before `filename`; None where there is none."""
    # The library prefers `filename`, and RFC 6266 `filename*`.
    if extended := _EXTENDED.search(disposition):
        with contextlib.suppress(LookupError, UnicodeDecodeError):
            return unquote(extended[2], encoding=extended[1], errors="strict")
    message = Message()
    # Servers hand over bytes as Latin-1; senders that know no better write UTF-8 into the header.
    with contextlib.suppress(UnicodeEncodeError, UnicodeDecodeError):
        disposition = disposition.encode("latin-1").decode("utf-8")
    message["Content-Disposition"] = disposition.replace("\r", " ").replace("\n", " ")
    try:
        found = message.get_filename()
    except (LookupError, ValueError, UnicodeError):
        return None
    return found or None


def attachment(name: str) -> str:
    """The `Content-Disposition` under which a file is sent: saved, never shown in the page."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    ascii_name = re.sub(r'["\\%;]', "_", ascii_name).strip(". ")
    if not ascii_name or ascii_name.startswith(".") or not ascii_name.rpartition(".")[0]:
        suffix = ascii_name.rpartition(".")[2]
        ascii_name = f"{NAMELESS}.{suffix}" if suffix.isalnum() else NAMELESS
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe=_ATTRIBUTE)}"
