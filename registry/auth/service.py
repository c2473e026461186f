"""What the OAuth endpoints read and write around Authlib's synchronous server."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.audit.service import note
from registry.auth import tokens
from registry.auth.actors import usable
from registry.auth.models import Assertion, Token
from registry.auth.oauth import Answer, Asked, described, refusal
from registry.canonical import digest
from registry.db import now
from registry.providers.clients import Machine, machine
from registry.providers.models import Client, ClientKey, ClientSecret

_ENDED = "The client was revoked a moment ago."
_USED = "The assertion was used before."


def with_header(asked: Asked, authorization: str) -> Asked:
    return replace(asked, headers={"Authorization": authorization})


async def prepare(session: AsyncSession, asked: Asked, client_id: str) -> tuple[Machine | None, Asked]:
    """The client that a request names, what it used already, and the token that is asked about."""
    found = await machine(session, client_id) if client_id else None
    used: frozenset[str] = frozenset()
    if found is not None and "client_assertion" in asked.form:
        query = select(Assertion.jti_hash).where(
            Assertion.client_pk == found.client.pk, Assertion.expires_at > now()
        )
        used = frozenset(await session.scalars(query))
    token = await _token(session, asked.form.get("token", ""))
    return found, replace(asked, used=used, token=token)


async def _token(session: AsyncSession, text: str) -> tuple[Token, str | None] | None:
    if not text or len(text) > tokens.MAX_TOKEN:
        return None
    row = (
        await session.execute(
            select(Token, Client)
            .outerjoin(Client, Client.pk == Token.client_pk)
            .where(Token.token_hash == digest(text.encode("utf-8", "surrogatepass")))
        )
    ).first()
    return (row[0], row[1].client_id if row[1] else None) if row else None


async def introspected(session: AsyncSession, text: str) -> dict[str, Any]:
    """What a steward is told of a token."""
    found = await _token(session, text)
    if found is None or await tokens.holder(session, text, purposes=tokens.Purpose) is None:
        return {"active": False}
    return described(*found)


async def settle(session: AsyncSession, by: Actor, asker: Machine, answer: Answer) -> Answer:
    """Write what an answer needs: that an assertion was used, when a secret was, the token given or ended.

    The client is looked at once more. It may have been revoked while its secret was checked.
    """
    present = await machine(session, asker.client.client_id)
    shown = answer.shown
    if present is None or shown is None or not usable(present.provider):
        return refusal(_ENDED)
    moment = now()
    if (signed := shown.assertion) is not None:
        key = next((one for one in present.keys if one.kid == signed.kid), None)
        if key is None:
            return refusal(_ENDED)
        await session.execute(delete(Assertion).where(Assertion.expires_at < moment))
        ends = datetime.fromtimestamp(signed.expires, UTC)
        try:
            # Two that bring the same at the same moment: the second finds the first's row.
            async with session.begin_nested():
                session.add(Assertion(client_pk=asker.client.pk, jti_hash=signed.jti_hash, expires_at=ends))
        except IntegrityError:
            return refusal(_USED)
        await session.execute(update(ClientKey).where(ClientKey.pk == key.pk).values(last_used_at=moment))
    else:
        if shown.secret not in [one.pk for one in present.secrets]:
            return refusal(_ENDED)
        await session.execute(
            update(ClientSecret).where(ClientSecret.pk == shown.secret).values(last_used_at=moment)
        )
    present.client.last_used_at = moment
    if answer.granted is not None:
        await tokens.keep(session, present.client, answer.granted)
    if answer.revoked is not None:
        token = answer.revoked
        await session.execute(
            update(Token)
            .where(Token.token_hash == token.token_hash, Token.revoked_at.is_(None))
            .values(revoked_at=moment)
        )
        who = replace(by, name=present.client.client_id, provider_slug=present.provider.slug)
        await note(session, who, "token", "revoked", token.id, provider=token.provider_pk)
    return answer
