"""Signing in, step by step: who was recognised gets a session, and every act leaves its note.

What a wrong answer leaves behind is written too, so nothing here raises inside a transaction that has to
stay: outcomes are told, and the callers turn them into errors.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry import mail
from registry.actor import Actor
from registry.audit.service import note
from registry.auth import links, people, sessions, totp
from registry.auth.models import Person
from registry.auth.sessions import SignedIn
from registry.canonical import forbidden_characters
from registry.errors import Conflict, Forbidden, NotFound, TooMany
from registry.extensions import Node
from registry.moderation.limits.policies import network_of

TOPIC = totp.TOPIC
_PER_NETWORK = 20
_LONGEST_RETURN = 1000
# Held on to, or the loop would let go of them half done.
_under_way: set[asyncio.Task[None]] = set()

log = structlog.get_logger("candor.auth")


@dataclass(frozen=True, slots=True)
class Begun:
    """A session just begun, or given a new id: what its cookie holds, and whether a second factor is owed."""

    email: str
    half: bool
    cookie: str = field(repr=False)


def return_to(address: str | None) -> str:
    """Where to go after signing in: a path of this registry's own, or its first page.

    Browsers read `\\` as `/` and drop tabs and line breaks, so that what looks like a path may be a host.
    """
    text = address or ""
    own = text.startswith("/") and not text.startswith("//") and len(text) <= _LONGEST_RETURN
    if not own or "\\" in text or not text.isprintable() or " " in text or forbidden_characters(text):
        return "/"
    return text


def visit() -> str:
    """What the cookie of somebody who is not signed in yet holds."""
    return secrets.token_urlsafe(32)


def bound(secret: bytes, what: str, visit: str) -> str:
    """A value that belongs to one visit and one use of it, and that nobody else can make."""
    return hmac.new(secret, f"{what}\n{visit}".encode(), hashlib.sha256).hexdigest()


# --- one-time links ---


async def ask_for_link(node: Node, by: Actor, email: str) -> None:
    """Have a link mailed to somebody who is known here.

    Raises `Invalid` for what is no address and `TooMany` for who asks too often; says nothing, and takes the
    same time, whether the address is known or not: looking it up and mailing is done after the answer.
    """
    wanted = people.address(email)
    if await node.counters.count(f"link/{network_of(by.address)}", 3600) > _PER_NETWORK:
        raise TooMany("Too many links were asked for from here. Try again in an hour.", retry_after=3600)
    _later(_mail_link(node, by, wanted))


def _later(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)


async def settled() -> None:
    """Wait for what was left to do after answers."""
    await asyncio.gather(*_under_way)


async def _mail_link(node: Node, by: Actor, email: str) -> None:
    try:
        async with node.database.write() as session:
            person = await people.find(session, email)
            if person is None or await links.had_enough(session, person):
                return
            link = await links.make(session, person)
            await note(session, by, TOPIC, "link-sent", email)
        await mail.send(node.settings, email, f"Sign in to {node.settings.name}", _letter(node, link))
    except Exception as error:
        log.warning("a sign-in link was not sent", reason=type(error).__name__)


def _letter(node: Node, link: links.NewLink) -> str:
    return (
        f"Somebody, most likely you, asked to sign in to {node.settings.name} with this address.\n\n"
        f"{link.address(node.settings)}\n\n"
        "The link works once, within 15 minutes. If it was not you, do nothing.\n"
    )


async def by_link(session: AsyncSession, by: Actor, token: str) -> Begun | None:
    """Sign in with a link; None when it was used, is over, or never was."""
    used = await links.use(session, token)
    if used.person is None:
        return None
    if not used.opened:
        await note(session, by, TOPIC, "link-refused", used.person.email)
        return None
    return await begin(session, by, used.person, "link")


async def begin(session: AsyncSession, by: Actor, person: Person, method: str) -> Begun:
    """Begin a session for somebody who was recognised, and note it."""
    cookie = await sessions.start(session, person, method=method)
    half = person.totp_confirmed_at is not None
    action = "first-factor" if half else "signed-in"
    await note(session, replace(by, name=person.email), TOPIC, action, person.email, method=method)
    return Begun(person.email, half, cookie)


# --- the second factor ---


async def second_factor(
    session: AsyncSession, by: Actor, held: SignedIn, node: Node, code: str
) -> Begun | None:
    """Complete a half session; None for a wrong code. Raises `TooMany` after several."""
    person = await _locked(session, held)
    if await totp.had_enough(session, person):
        raise TooMany("Too many wrong codes. Wait a quarter of an hour.", retry_after=900)
    if not totp.check(person, node.secret, code):
        await note(session, by, TOPIC, totp.WRONG, person.email)
        return None
    cookie = await sessions.complete(session, held.pk)
    await note(session, replace(by, name=person.email), TOPIC, "signed-in", person.email, method=held.method)
    return Begun(person.email, False, cookie)


async def enrol(session: AsyncSession, held: SignedIn, node: Node) -> totp.Enrolment:
    """Begin to enrol a second factor. Raises `Conflict` when one is in force."""
    require_whole(held)
    return totp.begin(await _locked(session, held), node.secret, node.settings.name)


async def confirm_enrolment(
    session: AsyncSession, by: Actor, held: SignedIn, node: Node, code: str
) -> tuple[Begun, tuple[str, ...]] | None:
    """Put it in force; answers the session under its new id, and recovery codes. None for a wrong code."""
    require_whole(held)
    person = await _locked(session, held)
    codes = totp.confirm(person, node.secret, code)
    if codes is None:
        return None
    cookie = await sessions.complete(session, held.pk)
    await sessions.end_all(session, person.pk, but=held.pk)
    await note(session, by, TOPIC, "second-factor-added", person.email)
    return Begun(person.email, False, cookie), codes


async def remove_second_factor(
    session: AsyncSession, by: Actor, held: SignedIn, node: Node, code: str
) -> Begun | None:
    """Take it out of force, against one more code; None for a wrong one."""
    require_whole(held)
    person = await _locked(session, held)
    if await totp.had_enough(session, person):
        raise TooMany("Too many wrong codes. Wait a quarter of an hour.", retry_after=900)
    if not totp.check(person, node.secret, code):
        await note(session, by, TOPIC, totp.WRONG, person.email)
        return None
    totp.remove(person)
    cookie = await sessions.rotate(session, held.pk, second_factor=False)
    await sessions.end_all(session, person.pk, but=held.pk)
    await note(session, by, TOPIC, "second-factor-removed", person.email)
    return Begun(person.email, False, cookie)


async def reset_second_factor(session: AsyncSession, by: Actor, email: str) -> None:
    """Take somebody's second factor away, and end their sessions, for who lost it. Raises `NotFound`."""
    person = await people.find(session, people.address(email))
    if person is None:
        raise NotFound("There is no such person.")
    totp.remove(person)
    await sessions.end_all(session, person.pk)
    await note(session, by, TOPIC, "second-factor-reset", person.email)


def require_whole(held: SignedIn) -> None:
    """Raises `Forbidden` as long as a second factor is owed."""
    if held.half:
        raise Forbidden("Give the code of your second factor first.")


async def _locked(session: AsyncSession, held: SignedIn) -> Person:
    # A code is good once, also for two who send it at the same moment.
    person = await session.scalar(
        select(Person)
        .where(Person.pk == held.person_pk)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if person is None:
        raise Conflict("The account is gone.")
    return person


# --- while signed in ---


async def switch(session: AsyncSession, by: Actor, held: SignedIn, slug: str | None) -> str:
    """Act for another organisation, or for none; answers the new cookie. Raises `Forbidden`."""
    require_whole(held)
    chosen = next((one.provider for one in held.organisations if one.provider.slug == slug), None)
    if slug is not None and chosen is None:
        mine = ", ".join(one.provider.slug for one in held.organisations) or "none"
        raise Forbidden(f"You are no member of {slug[:64]!r}, or it may not act now. Yours: {mine}.")
    pk = chosen.pk if chosen else None
    cookie = await sessions.rotate(session, held.pk, provider_pk=pk)
    await note(session, by, TOPIC, "switched", held.email, provider=pk)
    return cookie


async def sign_out(session: AsyncSession, by: Actor, held: SignedIn, *, everywhere: bool = False) -> int:
    """End this session, or all of the person's; answers how many."""
    if everywhere:
        require_whole(held)
        count = await sessions.end_all(session, held.person_pk)
    else:
        await sessions.end(session, held.pk)
        count = 1
    action = "signed-out-everywhere" if everywhere else "signed-out"
    await note(session, by, TOPIC, action, held.email, sessions=count)
    return count
