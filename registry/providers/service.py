import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope, parse_scopes
from registry.audit.service import note
from registry.canonical import forbidden_characters
from registry.changelog.append import Entry, append
from registry.db import now
from registry.errors import Conflict, Finding, Invalid
from registry.providers.models import Client, ClientSecret, Provider
from registry.providers.onboarding import Decision, State, decide
from registry.providers.queries import by_slug

# The OWASP minimum for Argon2id (19 MiB, two passes). Secrets made here have 256 random bits; the hash guards
# against the day when somebody adds a way to choose one.
HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DOMAIN = re.compile(r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client just made. `client_secret` is shown here and nowhere again."""

    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...]


async def add(
    session: AsyncSession,
    slug: str,
    name: str,
    *,
    origin: str,
    domain: str | None = None,
    sector: str | None = None,
    approve: bool = False,
    by: str,
) -> Provider:
    """Add an organisation. Raises `Invalid` with every finding, `Conflict` when the slug is taken."""
    findings = []
    if not _SLUG.fullmatch(slug):
        findings.append(
            Finding(
                "bad-slug",
                "/slug",
                f"{slug[:64]!r} is not a slug.",
                "Use a-z, 0-9 and inner hyphens, up to 63.",
            )
        )
    if not _is_line(name, 200):
        problem = "A name is one line of 1 to 200 characters."
        findings.append(Finding("bad-name", "/name", problem, "Shorten it."))
    if sector is not None and not _is_line(sector, 128):
        problem = "A sector is one line of 1 to 128 characters."
        findings.append(Finding("bad-sector", "/sector", problem, "Such as sector:J."))
    if domain is not None and not _DOMAIN.fullmatch(domain.lower()):
        findings.append(
            Finding("bad-domain", "/domain", f"{domain[:80]!r} is not a domain.", "Such as example.org.")
        )
    if findings:
        raise Invalid("The organisation cannot be added as given.", findings=findings)
    if await session.scalar(select(Provider.pk).where(Provider.slug == slug)):
        raise Conflict(f"There is a provider {slug!r} already.")
    provider = Provider(
        slug=slug,
        name=name.strip(),
        domain=domain.lower() if domain else None,
        sector=sector,
        domain_verified=False,
        state=State.SANDBOX.value,
        created_at=now(),
    )
    session.add(provider)
    await session.flush()
    await _log(session, provider, "added", origin, by)
    if approve:
        await change_state(session, slug, Decision.APPROVE, origin=origin, by=by)
    return provider


def _is_line(text: str, longest: int) -> bool:
    """Whether a text can stand in documents as one line."""
    return (
        1 <= len(text.strip()) <= longest and text.splitlines() == [text] and not forbidden_characters(text)
    )


async def change_state(
    session: AsyncSession, slug: str, decision: Decision, *, origin: str, by: str
) -> Provider:
    """Decide on an organisation. Raises `NotFound` or `Conflict`."""
    provider = await by_slug(session, slug, public=False)
    provider.state = decide(State(provider.state), decision).value
    await _log(session, provider, provider.state, origin, by)
    return provider


async def add_client(
    session: AsyncSession,
    slug: str,
    scopes: str | Iterable[str],
    *,
    origin: str,
    by: str,
    name: str | None = None,
    expires_at: datetime | None = None,
    actor: Actor | None = None,
) -> NewClient:
    """Make a client for an organisation and hand out its secret, once."""
    wanted = parse_scopes(scopes)
    if not wanted:
        raise Invalid(
            "A client needs at least one scope.",
            findings=[
                Finding("no-scope", "/scopes", "No scope given.", f"Such as {Scope.RECORDS_WRITE.value}.")
            ],
        )
    provider = await by_slug(session, slug)
    client = Client(
        provider_pk=provider.pk,
        client_id=f"{slug}.{secrets.token_hex(6)}",
        name=name,
        scopes=sorted(wanted),
        created_at=now(),
        expires_at=expires_at,
    )
    session.add(client)
    await session.flush()
    row, secret = make_secret(client, expires_at)
    session.add(row)
    await note(
        session,
        actor or Actor(name=by),
        "client",
        "added",
        client.client_id,
        provider=provider.pk,
        scopes=sorted(wanted),
    )
    await _log(session, provider, "client-added", origin, by)
    return NewClient(client.client_id, secret, tuple(sorted(wanted)))


def make_secret(client: Client, expires_at: datetime | None = None) -> tuple[ClientSecret, str]:
    """A secret for a client: its row and its text. The text begins with the id, so that a check costs one
    hash, however many there are.
    """
    id = secrets.token_hex(6)
    text = f"{id}.{secrets.token_urlsafe(32)}"
    row = ClientSecret(
        id=id,
        client_pk=client.pk,
        secret_hash=HASHER.hash(text),
        created_at=now(),
        expires_at=expires_at,
    )
    return row, text


async def _log(session: AsyncSession, provider: Provider, action: str, origin: str, by: str) -> None:
    await append(
        session,
        [
            Entry(
                topic="provider",
                action=action,
                subject=provider.slug,
                origin=origin,
                actor=by,
                at=now(),
                scopes=("providers", f"provider:{provider.slug}"),
            )
        ],
    )
