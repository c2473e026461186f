"""Which files are taken, and whether a file is what it is said to be. Pure, and slow for large ones."""

import re

import puremagic

from registry.canonical import read_json
from registry.errors import CandorError, UnsupportedType

IMAGES = ("image/gif", "image/jpeg", "image/png", "image/webp")
PDF = "application/pdf"
ZIP = "application/zip"
JSON, NDJSON = "application/json", "application/x-ndjson"
TEXTS = ("text/plain", "text/csv", JSON, NDJSON)
TYPES = (*IMAGES, PDF, *TEXTS)
_ALSO = {"image/jpg": "image/jpeg", "application/ndjson": NDJSON, "application/jsonl": NDJSON}
_ALSO |= {"application/x-zip-compressed": ZIP, "application/csv": "text/csv"}

# Where the signatures of the types above stand. The rest of a file is not given to the library that knows
# them: it would look into archives and documents.
_HEAD = 4096
_ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")


def accepted(media_type: str, *, archives: bool = False) -> str:
    """The media type that a sender names, in the form in which it is kept. Raises `UnsupportedType`."""
    bare = media_type.partition(";")[0].strip().lower()
    bare = _ALSO.get(bare, bare)
    if bare == ZIP and not archives:
        raise UnsupportedType("Archives are not taken here: nobody sees what is in them. Send the files.")
    if bare not in TYPES and bare != ZIP:
        raise UnsupportedType(f"{bare[:80]!r} is not taken as evidence; these are: {', '.join(TYPES)}.")
    return bare


def verify(media_type: str, content: bytes) -> None:
    """Raises `UnsupportedType` unless the content is of the type it is said to be."""
    if not content:
        raise UnsupportedType("The file is empty.")
    shown = _shown_by(content[:_HEAD])
    if media_type in TEXTS:
        _verify_text(media_type, content, shown)
    elif media_type not in shown:
        raise UnsupportedType(f"The file does not begin as {media_type} does. Name its real type.")


def _shown_by(head: bytes) -> set[str]:
    """The types whose signature the first bytes bear, of those that matter here."""
    if head.startswith(_ZIP_SIGNATURES):
        return {ZIP}
    try:
        found = {match.mime_type for match in puremagic.magic_string(head)}
    except (puremagic.PureError, ValueError):
        return set()
    return found & {*IMAGES, PDF}


def _verify_text(media_type: str, content: bytes, shown: set[str]) -> None:
    if shown:
        raise UnsupportedType(f"The file is {min(shown)}, and not {media_type}.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnsupportedType(f"A file of {media_type} is UTF-8 here, and this is not.") from None
    if found := _CONTROL.search(text):
        raise UnsupportedType(f"A text does not hold the control character U+{ord(found[0]):04X}.")
    lines = {JSON: [text], NDJSON: text.split("\n")}.get(media_type, [])
    for number, line in enumerate(lines, start=1):
        if media_type == NDJSON and not line.strip():
            continue
        try:
            read_json(line.encode(), limit=len(content) + 3)
        except CandorError as error:
            where = f" in line {number}" if media_type == NDJSON else ""
            raise UnsupportedType(f"The JSON{where} cannot be read: {error.detail}") from None
