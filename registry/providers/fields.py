"""What an organisation tells of itself, checked field by field. Pure."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from registry.canonical import forbidden_characters, is_line
from registry.errors import Finding
from registry.providers.onboarding import Kind

LONGEST_SLUG = 63
LONGEST_NOTE = 2000
# Words that stand in addresses, or that would speak for the registry itself.
RESERVED = frozenset(
    [
        "about",
        "account",
        "admin",
        "anonymous",
        "api",
        "apply",
        "candor",
        "console",
        "feeds",
        "help",
        "imports",
        "log",
        "login",
        "me",
        "new",
        "official",
        "operator",
        "owner",
        "provider",
        "providers",
        "queue",
        "registry",
        "root",
        "security",
        "self",
        "steward",
        "stewards",
        "support",
        "system",
        "undefined",
        "null",
        "unknown",
        "www",
    ]
)
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DOMAIN = re.compile(r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_LOCAL = re.compile(r"""[^\s@<>"(),:;\\\[\]]{1,64}""")

_Checked = str | bool | None | Finding


def slug(value: Any) -> _Checked:
    if isinstance(value, str) and _SLUG.fullmatch(value):
        return value
    return Finding(
        "bad-slug", "/slug", f"{_told(value)} is not a slug.", "Use a-z, 0-9 and inner hyphens, up to 63."
    )


def name(value: Any) -> _Checked:
    if is_line(value, 200):
        return str(value).strip()
    return Finding("bad-name", "/name", "A name is one line of 1 to 200 characters.", "Shorten it.")


def sector(value: Any) -> _Checked:
    if value is None or is_line(value, 128):
        return value if value is None else str(value).strip()
    problem = "A sector is one line of 1 to 128 characters."
    return Finding("bad-sector", "/sector", problem, "Such as sector:J.")


def domain(value: Any) -> _Checked:
    """Lower-case and in ASCII, as the domain name system has it."""
    if value is None:
        return None
    if isinstance(value, str) and (read := _domain(value)):
        return read
    return Finding("bad-domain", "/domain", f"{_told(value)} is not a domain.", "Such as example.org.")


def usage_policy(value: Any) -> _Checked:
    if value is None or (is_line(value, 500) and _is_link(str(value).strip())):
        return value if value is None else str(value).strip()
    problem = "A usage policy is given as the https address where everybody can read it."
    return Finding("bad-usage-policy", "/usage_policy", problem, "Such as https://example.org/usage-policy.")


def contact(value: Any) -> _Checked:
    if isinstance(value, str) and len(value.strip()) <= 254:
        local, at, host = value.strip().rpartition("@")
        if at and _LOCAL.fullmatch(local) and not forbidden_characters(local) and (read := _domain(host)):
            return f"{local}@{read}"
    problem = "A contact is an e-mail address."
    return Finding("bad-contact", "/contact", problem, "Such as disclosure@example.org.")


def kind(value: Any) -> _Checked:
    if value in tuple(Kind):
        return str(value)
    kinds = " or ".join(Kind)
    return Finding("bad-kind", "/kind", f"{_told(value)} is not a kind of provider.", f"Say {kinds}.")


def note(value: Any) -> _Checked:
    if value is None:
        return None
    if isinstance(value, str) and len(value) <= LONGEST_NOTE and not forbidden_characters(value):
        return value.strip() or None
    problem = f"A note is text of up to {LONGEST_NOTE:,} characters."
    return Finding("bad-note", "/note", problem, "Say the rest where `usage_policy` leads to.")


def four_eyes(value: Any) -> _Checked:
    if isinstance(value, bool):
        return value
    return Finding("bad-four-eyes", "/four_eyes", "The four-eyes rule is on or off.", "Say true or false.")


CHECKS: Mapping[str, Callable[[Any], _Checked]] = {
    "slug": slug,
    "name": name,
    "sector": sector,
    "domain": domain,
    "usage_policy": usage_policy,
    "contact": contact,
    "kind": kind,
    "note": note,
    "four_eyes": four_eyes,
}


def read(
    raw: Mapping[str, Any], *, known: Iterable[str], required: Iterable[str] = ()
) -> tuple[dict[str, Any], list[Finding]]:
    """The fields of `raw` in their normal form, and everything that is wrong with them at once."""
    told: dict[str, Any] = {}
    known = tuple(known)
    findings = [
        Finding("missing", f"/{field}", f"`{field}` is missing.", "Say it.")
        for field in required
        if raw.get(field) is None
    ]
    for field, value in raw.items():
        if field not in known:
            hint = f"There are: {', '.join(known)}."
            findings.append(Finding("unknown-field", f"/{field[:64]}", "There is no such field.", hint))
        elif value is not None or field not in required:
            checked = CHECKS[field](value)
            if isinstance(checked, Finding):
                findings.append(checked)
            else:
                told[field] = checked
    return told, findings


def slug_from(name: str, domain: str | None) -> str:
    """A slug for a name in any script: its Latin letters, else the domain's first label."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    made = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")
    return made or (domain or "member").split(".")[0][:40].strip("-")


def _domain(text: str) -> str | None:
    try:
        ascii_text = text.strip().lower().encode("idna").decode("ascii")
    except UnicodeError:
        return None
    return ascii_text if _DOMAIN.fullmatch(ascii_text) else None


def _is_link(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def _told(value: Any) -> str:
    return repr(value[:80]) if isinstance(value, str) else "This"
