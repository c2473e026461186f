"""Keys of organisations, registered and ended, and the signatures that are made with them.

Each function is part of a write transaction that the caller opened.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.audit.service import note
from registry.auth.assertions import read_key
from registry.canonical import digest
from registry.clock import instant
from registry.db import now, table_of
from registry.errors import CandorError, Conflict, Finding, Invalid, NotFound
from registry.providers.models import Provider
from registry.providers.service import tell
from registry.signing import queries
from registry.signing.jws import (
    SignatureError,
    check_proof,
    public_part,
    read_detached,
    thumbprint,
    verify_bytes,
    verify_signature,
)
from registry.signing.models import DraftSignature, ProviderKey, VersionSignature

MOST_LIVE = 10
"""Live keys of one organisation: one for each who signs, and those of a rotation."""
MOST_EVER = 200
MOST_FOREIGN = 16
"""Signatures of one version that are taken from another registry."""
KEYS_CHANGED = "keys"


# --- keys


async def add_key(
    session: AsyncSession, actor: Actor, provider: Provider, value: Any, proof: Any, *, origin: str
) -> ProviderKey:
    """Register a public Ed25519 key with a proof that whoever sends it holds it (`registry.signing.jws`).

    Raises `Invalid`; `Conflict` for a key that is or was registered, and where there are too many.
    """
    _, alg, jwk = read_key(value, None)
    if alg != "EdDSA":
        problem = "Records are signed with Ed25519 keys."
        finding = Finding("bad-key", "/key", problem, 'Such as {"kty": "OKP", "crv": "Ed25519", "x": "..."}.')
        raise Invalid("The key is not taken.", findings=[finding])
    moment = now()
    try:
        check_proof(proof, jwk, origin=origin, slug=provider.slug, at=moment.timestamp())
    except SignatureError as error:
        raise Invalid("The key is not taken.", findings=[_finding(error, "/proof")]) from None
    held = await queries.keys_of(session, provider)
    jwk, kid = public_part(jwk), thumbprint(jwk)
    if any(one.kid == kid for one in held):
        raise Conflict("This key is registered, or was. One that ended is not taken again: make a new one.")
    if len([one for one in held if one.retired_at is None]) >= MOST_LIVE:
        raise Conflict(f"{MOST_LIVE} live keys are the most. End one that is not used.")
    if len(held) >= MOST_EVER:
        raise Conflict(f"{MOST_EVER} keys are the most that are kept for one organisation.")
    row = ProviderKey(provider_pk=provider.pk, kid=kid, jwk=jwk, created_at=moment)
    session.add(row)
    await session.flush()
    await note(session, actor, "provider", "key-added", provider.slug, provider=provider.pk, kid=kid)
    await tell(session, provider, KEYS_CHANGED, origin, actor.name)
    return row


async def end_key(session: AsyncSession, actor: Actor, provider: Provider, kid: str, *, origin: str) -> None:
    """End a key. What it signed stays signed; nothing more is taken from it. Raises `NotFound`."""
    row = await queries.key_of(session, provider.pk, kid)
    if row is None or row.retired_at is not None:
        raise NotFound(f"There is no live key {kid[:128]!r}.")
    row.retired_at = now()
    await session.flush()
    await note(session, actor, "provider", "key-ended", provider.slug, provider=provider.pk, kid=kid)
    await tell(session, provider, KEYS_CHANGED, origin, actor.name)


# --- drafts


async def sign_draft(
    session: AsyncSession, record_pk: int, provider: Provider, payload: bytes, text: Any
) -> None:
    """Keep an organisation's signature of a draft's bytes, in place of the one it may have given before.

    Raises `Invalid`, saying what is wrong with it.
    """
    try:
        key = await _verified(session, record_pk, provider, payload, text)
    except SignatureError as error:
        raise Invalid("The signature is not taken.", findings=[_finding(error, "/signature")]) from None
    await session.execute(
        delete(DraftSignature).where(
            DraftSignature.record_pk == record_pk, DraftSignature.provider_pk == provider.pk
        )
    )
    row = {
        "record_pk": record_pk,
        "provider_pk": provider.pk,
        "key_pk": key.pk,
        "digest": digest(payload),
        "jws": text,
        "at": now(),
    }
    await session.execute(insert(table_of(DraftSignature)), [row])


async def _verified(
    session: AsyncSession, record_pk: int, provider: Provider, payload: bytes, text: Any
) -> ProviderKey:
    """The key that made a signature, with everything about it looked at."""
    signature = read_detached(text)
    if msgspec.json.decode(payload).get("attribution", "named") != "named":
        raise SignatureError(
            "signature-names",
            "A signature tells who wrote a record, and this one does not name its provider.",
            'Publish it without a signature, or with "attribution": "named".',
        )
    key = await queries.key_of(session, provider.pk, signature.kid)
    where = f"`GET /api/v1/providers/{provider.slug}/jwks.json` lists the keys."
    if key is None:
        problem = f"{provider.slug} has registered no key {signature.kid[:64]!r}."
        raise SignatureError("signature-key", problem, where)
    if key.retired_at is not None:
        problem = f"The key {key.kid} ended at {instant(key.retired_at)}."
        raise SignatureError("signature-key-ended", problem, f"Sign with a live key. {where}")
    try:
        verify_bytes(payload, signature, key.jwk)
    except SignatureError as error:
        raise SignatureError(
            error.code,
            f"The signature is not of the key {key.kid} over the draft's bytes, "
            f"whose SHA-256 is {digest(payload)}.",
            "Sign exactly the bytes that `GET .../draft` answers.",
        ) from None
    return key


async def drop_signatures(session: AsyncSession, record_pks: Sequence[int]) -> None:
    """Forget the signatures of drafts: their bytes are others now, or gone."""
    await session.execute(
        delete(DraftSignature).where(DraftSignature.record_pk.in_(record_pks)),
        execution_options={"synchronize_session": False},
    )


async def signed_drafts(session: AsyncSession, record_pks: Sequence[int]) -> list[int]:
    """Those of these records whose drafts bear a signature."""
    query = select(DraftSignature.record_pk).where(DraftSignature.record_pk.in_(record_pks)).distinct()
    return list(await session.scalars(query))


async def publish_signatures(session: AsyncSession, versions: Mapping[int, int]) -> None:
    """Let the signatures of drafts be those of the versions that they became: by the record's key, the
    version's.
    """
    query = (
        select(DraftSignature, ProviderKey, Provider)
        .join(ProviderKey, ProviderKey.pk == DraftSignature.key_pk)
        .join(Provider, Provider.pk == DraftSignature.provider_pk)
        .where(DraftSignature.record_pk.in_(versions))
        .order_by(DraftSignature.at, Provider.slug)
    )
    rows = [
        {
            "version_pk": versions[signature.record_pk],
            "provider": provider.slug,
            "domain": provider.domain if provider.domain_verified else None,
            "kid": key.kid,
            "jwk": key.jwk,
            "jws": signature.jws,
            "at": signature.at,
        }
        for signature, key, provider in await session.execute(query)
    ]
    if rows:
        await session.execute(insert(table_of(VersionSignature)), rows)


# --- other registries' records


async def keep_foreign(
    session: AsyncSession, version_pk: int, document: bytes, prev: str | None, signatures: Sequence[Any]
) -> int:
    """Keep the signatures that came with a version of another registry; answers how many.

    `document` are its bytes, `prev` the commitment of the version before it, None for the first. One counts
    as verified where it is of a key that an organisation registered here under the proven domain that the
    document names; any other is kept as it came. What is no signature is left out, and so is all where the
    document names nobody.
    """
    body = msgspec.json.decode(document)
    if body.get("attribution", "named") != "named" or not isinstance(body.get("provider"), dict):
        return 0
    named = _named(body)
    rows = []
    for text in dict.fromkeys(one for one in signatures[:MOST_FOREIGN] if isinstance(one, str)):
        try:
            signature = read_detached(text)
        except SignatureError:
            continue
        slug, domain, jwk = await _known_signer(session, named, document, prev, text, signature.kid)
        rows.append(
            {
                "version_pk": version_pk,
                "provider": slug,
                "domain": domain,
                "kid": signature.kid,
                "jwk": jwk,
                "jws": text,
                "at": now(),
            }
        )
    if rows:
        await session.execute(insert(table_of(VersionSignature)), rows)
    return len(rows)


async def _known_signer(
    session: AsyncSession,
    named: Sequence[tuple[str | None, str]],
    document: bytes,
    prev: str | None,
    text: str,
    kid: str,
) -> tuple[str | None, str | None, dict[str, Any] | None]:
    """Which of the organisations that a document names signed it: slug, domain and key; None three times
    where nobody here can tell.
    """
    for slug, domain in named:
        key = await queries.key_under(session, domain, kid)
        if key is None:
            continue
        try:
            verify_signature(document, prev, text, key.jwk)
        except (SignatureError, CandorError):
            continue
        return slug, domain, key.jwk
    return None, None, None


def _named(document: Any) -> list[tuple[str | None, str]]:
    """(slug, domain) of the organisations that a document of another registry names with a domain."""
    if not isinstance(document, dict):
        return []
    beside = document.get("co_providers")
    shown = [document.get("provider"), *(beside if isinstance(beside, list) else ())]
    named = []
    for one in shown[:MOST_FOREIGN]:
        if isinstance(one, dict) and isinstance(domain := one.get("domain"), str) and len(domain) <= 253:
            slug = one.get("slug")
            named.append((slug[:64] if isinstance(slug, str) else None, domain.lower()))
    return named


def _finding(error: SignatureError, pointer: str) -> Finding:
    return Finding(error.code, pointer, error.message, error.hint or None)
