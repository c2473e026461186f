"""That an unsafe request with a cookie was meant by whoever holds it.

Twice: where it comes from (`Sec-Fetch-Site`, `Origin`), and that it holds the session's token, as the header
`X-CSRF-Token` or as the form field `csrf_token`. Bearer tokens are not sent by browsers on their own.
"""

import hmac
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from registry.errors import Forbidden
from registry.settings import Settings

HEADER, FIELD = "x-csrf-token", "csrf_token"
_SAME = ("same-origin", "none")


def require_same_site(settings: Settings, headers: Mapping[str, str]) -> None:
    """Raises `Forbidden` for a request that a browser says another site had it send."""
    fetched = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    foreign = fetched is not None and fetched not in _SAME
    if origin is not None and not foreign:
        # The host that the browser asked, or the one that the operator named: behind a proxy they differ.
        ours = {_site(settings.url)[1], headers.get("host", "").lower()}
        scheme, host = _site(origin)
        foreign = host not in ours or (settings.url.startswith("https://") and scheme != "https")
    if foreign:
        raise Forbidden("This was sent from another site. Send it from a page of this registry.")


def _site(address: str) -> tuple[str, str]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.lower()


def require_token(expected: str, sent: str | None) -> None:
    """Raises `Forbidden` unless the session's token was sent."""
    if not sent or not hmac.compare_digest(expected.encode(), sent.encode("utf-8", "replace")):
        raise Forbidden(
            f"The request lacks its session's token: send {HEADER.title()}, or load the page again."
        )


def field_of(body: bytes) -> str | None:
    """The token in a form; None when it is not there, or there more than once."""
    try:
        found = parse_qs(body.decode("utf-8"), max_num_fields=1000).get(FIELD, [])
    except (UnicodeDecodeError, ValueError):
        return None
    return found[0] if len(found) == 1 else None
