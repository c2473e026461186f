"""`If-Match`: nobody writes over what they did not read."""

from registry.errors import PreconditionFailed, PreconditionRequired

_CODINGS = frozenset({"br", "zstd", "gzip"})


def match(if_match: str | None, present: str) -> None:
    """RFC 9110, section 13.1.1; a suffix that names a content coding is left out of the comparison."""
    if not if_match:
        raise PreconditionRequired(
            "Send `If-Match` with the ETag that you read, so that nobody's work is lost."
        )
    for tag in if_match.split(","):
        stem = tag.strip().removeprefix("W/").strip('"')
        bare, dash, coding = stem.rpartition("-")
        if present and (stem in (present, "*") or (dash and coding in _CODINGS and bare == present)):
            return
    raise PreconditionFailed(
        "Somebody changed it since. Read it again, then decide.", present=present or None
    )
