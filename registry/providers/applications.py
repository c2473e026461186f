"""Joining: an application, the proof of a domain, and what an organisation changes about itself.

An application is nobody's business but its sender's and the stewards'. So it stands under a slug with a
random end until it is let in: who wishes for a slug learns whether a listed organisation has it, and never
whether somebody else wishes for it too.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.audit.service import note
from registry.changelog.append import lock
from registry.db import now
from registry.errors import Conflict, Finding, Invalid, Malformed, TooMany, Unavailable
from registry.ids import ALPHABET
from registry.outgoing import fetch
from registry.providers import fields
from registry.providers.models import Application, Provider
from registry.providers.onboarding import Kind, State
from registry.providers.service import tell

PENDING_OF_ONE = 3
PENDING_OF_ALL = 2000
KEY_LIFETIME = timedelta(days=30)
PROOF_PATH = "/.well-known/candor-domain.txt"
_PROOF_BYTES = 4096
_PROOF_SECONDS = 10.0
_TOLD = ("name", "slug", "kind", "domain", "sector", "usage_policy", "contact", "note")
_CHANGED = ("name", "domain", "sector", "usage_policy", "contact", "four_eyes")


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows that a domain is its organisation's: a file at `url` that holds `line`."""

    url: str
    line: str


async def apply(
    session: AsyncSession, actor: Actor, raw: Any, *, origin: str, secret: bytes
) -> tuple[Provider, Application]:
    """Take an application. Raises `Invalid` with every finding, `TooMany`, `Unavailable`.

    `secret` is the registry's: the sender's address is kept only as a digest under it.
    """
    if not isinstance(raw, dict):
        raise Malformed("An application is a JSON object.")
    kind = raw.get("kind", Kind.ORGANISATION.value)
    required = ("name", "contact") if kind == Kind.RESEARCHER else ("name", "domain", "contact")
    told, findings = fields.read(raw, known=_TOLD, required=required)
    wished = told.pop("slug", None) or fields.slug_from(told.get("name", ""), told.get("domain"))
    if wished in fields.RESERVED or await _listed(session, wished):
        problem = f"The slug {wished!r} is taken or reserved."
        findings.append(Finding("slug-taken", "/slug", problem, "Wish for another one in `slug`."))
    if findings:
        raise Invalid("The application cannot be taken as it is.", findings=findings)
    sender = hmac.new(secret, f"applicant\n{actor.address}".encode(), hashlib.sha256).hexdigest()
    # Counted and added in one go, or several at once would all find room.
    await lock(session)
    await _require_room(session, sender, told)
    moment = now()
    text = told.pop("note", None)
    provider = Provider(
        **{"kind": Kind.ORGANISATION.value, **told},
        slug=f"{wished[:50].strip('-')}-{''.join(secrets.choice(ALPHABET) for _ in range(8)).lower()}",
        state=State.APPLIED.value,
        domain_verified=False,
        created_at=moment,
    )
    session.add(provider)
    await session.flush()
    application = Application(provider_pk=provider.pk, wished=wished, note=text, sender=sender, at=moment)
    session.add(application)
    await tell(session, provider, "applied", origin, actor.name)
    await note(session, actor, "provider", "apply", provider.slug, provider=provider.pk, kind=provider.kind)
    return provider, application


async def _listed(session: AsyncSession, slug: str) -> bool:
    query = select(Provider.pk).where(Provider.slug == slug, Provider.approved_at.is_not(None))
    return await session.scalar(query) is not None


async def _require_room(session: AsyncSession, sender: str, told: Mapping[str, Any]) -> None:
    """Hold down heaps of applications. What others applied for is not counted: it would tell of them."""
    waiting = (
        select(func.count())
        .select_from(Application)
        .join(Provider, Provider.pk == Application.provider_pk)
        .where(Provider.state == State.APPLIED.value)
    )
    same = [Provider.contact == told["contact"]]
    if told.get("domain"):
        same.append(Provider.domain == told["domain"])
    own = await session.scalar(waiting.where(Application.sender == sender, or_(*same)))
    if (own or 0) >= PENDING_OF_ONE:
        problem = f"{PENDING_OF_ONE} applications of yours for this domain or contact wait already."
        raise TooMany(f"{problem} Wait for a decision on one.", retry_after=86_400)
    if ((await session.scalar(waiting)) or 0) >= PENDING_OF_ALL:
        raise Unavailable("No more applications are taken until some are decided on.", retry_after=86_400)


def proof_of(secret: bytes, provider: Provider) -> Proof | None:
    """The proof that a provider's present domain asks for; None without a domain. Another domain, another
    proof.
    """
    if provider.domain is None:
        return None
    told = f"domain\n{provider.pk}\n{provider.domain}"
    code = hmac.new(secret, told.encode(), hashlib.sha256).hexdigest()[:40]
    return Proof(f"https://{provider.domain}{PROOF_PATH}", f"candor-domain-proof: {code}")


async def look_for(proof: Proof | None) -> None:
    """Fetch the file and look for the line. Raises `Conflict` when it is not there, `Unreached`."""
    if proof is None:
        raise Conflict("There is no domain to prove. Name one first.")
    found = await fetch(proof.url, limit=_PROOF_BYTES, timeout=_PROOF_SECONDS, accept="text/plain")
    if found.status != 200:
        raise Conflict(
            f"{proof.url} answers {found.status}. It has to answer 200 with the line of the proof."
        )
    lines = [line.strip() for line in found.body.decode("utf-8", "replace").splitlines()]
    if proof.line not in lines:
        raise Conflict(f"{proof.url} does not hold the line {proof.line!r}.")


async def keep_proof(
    session: AsyncSession, actor: Actor, provider: Provider, proof: Proof, *, origin: str, secret: bytes
) -> None:
    """Note that a domain was proven. Raises `Conflict` when it was changed while it was looked at."""
    if proof_of(secret, provider) != proof:
        raise Conflict("The domain was changed meanwhile. Prove the new one.")
    if provider.domain_verified:
        return
    provider.domain_verified = True
    await tell(session, provider, "proven", origin, actor.name)
    await note(
        session, actor, "provider", "prove", provider.slug, provider=provider.pk, domain=provider.domain
    )


async def change(session: AsyncSession, actor: Actor, provider: Provider, raw: Any, *, origin: str) -> None:
    """Change what an organisation tells of itself. What was published keeps what it said.

    A new domain has to be proven anew. Raises `Invalid` with every finding.
    """
    if not isinstance(raw, dict):
        raise Malformed("A change is a JSON object of the fields that change.")
    told, findings = fields.read(raw, known=_CHANGED)
    if "domain" in raw and raw["domain"] is None and provider.kind == Kind.ORGANISATION:
        problem = "An organisation keeps a domain."
        findings.append(Finding("missing", "/domain", problem, "Name the new one."))
    if findings:
        raise Invalid("The organisation cannot be changed like this.", findings=findings)
    changed = sorted(field for field, value in told.items() if getattr(provider, field) != value)
    if not changed:
        return
    if "domain" in changed:
        provider.domain_verified = False
    for field in changed:
        setattr(provider, field, told[field])
    await tell(session, provider, "changed", origin, actor.name)
    await note(session, actor, "provider", "change", provider.slug, provider=provider.pk, fields=changed)
