"""Times as documents and answers write them."""

from datetime import UTC, datetime


def instant(at: datetime) -> str:
    """RFC 3339 in UTC to the millisecond, as documents state times."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
