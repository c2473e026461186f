import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope, parse_scopes
from registry.audit.service import note
from registry.canonical import is_line
from registry.changelog.append import Entry, append
from registry.db import now
from registry.errors import Conflict, Finding, Invalid
from registry.providers import fields
from registry.providers.models import Application, Client, ClientSecret, Provider
from registry.providers.onboarding import MAY_HOLD_TOKENS, Decision, State, decide
from registry.providers.queries import by_slug

# The OWASP minimum for Argon2id (19 MiB, two passes). Secrets made here have 256 random bits; the hash guards
# against the day when somebody adds a way to choose one.
HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

LONGEST_REASON = 500
_ADDED = ("slug", "name", "sector", "domain")


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
    actor: Actor | None = None,
) -> Provider:
    """Add an organisation. Raises `Invalid` with every finding, `Conflict` when the slug is taken."""
    raw = {"slug": slug, "name": name, "sector": sector, "domain": domain}
    told, findings = fields.read(raw, known=_ADDED)
    if findings:
        raise Invalid("The organisation cannot be added as given.", findings=findings)
    if await session.scalar(select(Provider.pk).where(Provider.slug == slug)):
        raise Conflict(f"There is a provider {slug!r} already.")
    provider = Provider(
        **told,
        domain_verified=False,
        state=State.SANDBOX.value,
        created_at=now(),
    )
    session.add(provider)
    await session.flush()
    await tell(session, provider, "added", origin, by)
    await _note(session, actor or Actor(name=by), provider, "add", None)
    if approve:
        await change_state(session, slug, Decision.APPROVE, origin=origin, by=by, actor=actor)
    return provider


async def change_state(
    session: AsyncSession,
    slug: str,
    decision: Decision,
    *,
    origin: str,
    by: str,
    actor: Actor | None = None,
    reason: str | None = None,
    settle_as: str | None = None,
) -> Provider:
    """Decide on an organisation. Raises `NotFound`, `Conflict`, and `Invalid` for a reason that is none.

    An application that is let in gets the slug that it wished for, or `settle_as`; `Conflict` says when that
    one is taken.
    """
    provider = await by_slug(session, slug, deciding=True)
    _check_reason(reason)
    before = State(provider.state)
    after = decide(before, decision)
    if before is State.APPLIED and after in MAY_HOLD_TOKENS:
        await _settle_slug(session, provider, settle_as)
    provider.state = after.value
    provider.decided_at = now()
    provider.reason = reason
    if after is State.APPROVED and provider.approved_at is None:
        provider.approved_at = provider.decided_at
    await tell(session, provider, after.value, origin, by)
    await _note(session, actor or Actor(name=by), provider, decision.value, reason)
    return provider


async def _settle_slug(session: AsyncSession, provider: Provider, wanted: str | None) -> None:
    application = await session.get(Application, provider.pk)
    if application is None:
        return
    slug = fields.slug(wanted or application.wished)
    if isinstance(slug, Finding):
        raise Invalid("The organisation needs a slug.", findings=[slug])
    if await session.scalar(select(Provider.pk).where(Provider.slug == slug, Provider.pk != provider.pk)):
        raise Conflict(f"The slug {slug!r} is taken. Let the organisation in under another one, with `slug`.")
    provider.applied_as, provider.slug = provider.slug, str(slug)


async def hold(session: AsyncSession, slug: str, *, origin: str, actor: Actor, reason: str) -> Provider:
    """Let an organisation write and publish nothing until it is released."""
    provider = await by_slug(session, slug, deciding=True)
    _check_reason(reason)
    if provider.held_at is not None:
        raise Conflict(f"{provider.slug} is held already.")
    provider.held_at, provider.hold_reason = now(), reason
    await tell(session, provider, "held", origin, actor.name)
    await _note(session, actor, provider, "hold", reason)
    return provider


async def release(session: AsyncSession, slug: str, *, origin: str, actor: Actor, reason: str) -> Provider:
    """End a hold."""
    provider = await by_slug(session, slug, deciding=True)
    _check_reason(reason)
    if provider.held_at is None:
        raise Conflict(f"{provider.slug} is not held.")
    provider.held_at = provider.hold_reason = None
    await tell(session, provider, "released", origin, actor.name)
    await _note(session, actor, provider, "release", reason)
    return provider


def _check_reason(reason: str | None) -> None:
    if reason is not None and not is_line(reason, LONGEST_REASON):
        problem = f"A reason is one line of 1 to {LONGEST_REASON} characters."
        finding = Finding("bad-reason", "/reason", problem, "The organisation reads it.")
        raise Invalid("A decision says why.", findings=[finding])


async def _note(
    session: AsyncSession, actor: Actor, provider: Provider, action: str, reason: str | None
) -> None:
    told = {"reason": reason} if reason is not None else {}
    await note(session, actor, "provider", action, provider.slug, provider=provider.pk, **told)


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
        client_id=f"{provider.slug}.{secrets.token_hex(6)}",
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
    await tell(session, provider, "client-added", origin, by)
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


async def tell(session: AsyncSession, provider: Provider, action: str, origin: str, by: str) -> None:
    """Write a change of an organisation into the changelog."""
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
