"""The cookies: one for a session, one for who is on the way to one."""

from typing import Literal

from litestar.datastructures import Cookie

from registry.settings import Settings

Kind = Literal["candor", "candor-visit"]
SESSION: Kind = "candor"
VISIT: Kind = "candor-visit"


def name(settings: Settings, kind: Kind) -> str:
    """`__Host-` lets no other host, no sub-domain and no plain http set it. Loopback has no https."""
    return f"__Host-{kind}" if _secure(settings) else kind


def _secure(settings: Settings) -> bool:
    return settings.url.startswith("https://")


def read(settings: Settings, header: str, kind: Kind) -> str:
    """The value in a `Cookie` header; empty when there is none, or when it is there twice."""
    wanted = f"{name(settings, kind)}="
    found = [part.strip() for part in header.split(";") if part.strip().startswith(wanted)]
    return found[0].removeprefix(wanted) if len(found) == 1 else ""


def made(settings: Settings, kind: Kind, value: str, *, seconds: int) -> Cookie:
    """The cookie to set. Lax, so that it comes along when somebody returns from their OpenID provider."""
    return Cookie(
        key=name(settings, kind),
        value=value,
        max_age=seconds,
        path="/",
        secure=_secure(settings),
        httponly=True,
        samesite="lax",
    )


def ended(settings: Settings, kind: Kind) -> Cookie:
    return made(settings, kind, "", seconds=0)
