"""What only the database knows of a response: whether what it is about is there, and whose that is."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import ANONYMOUS, Actor
from registry.canonical import escape
from registry.errors import Finding
from registry.ids import is_id
from registry.records.models import Invitation, Record, Version
from registry.records.visibility import readable

NOT_OF_ONESELF = ("endorses", "confirms", "adopts")
"""Stances that nobody can take on a record of their own. To answer what others said is open to everybody."""
_ABOUT, _STANCE = "/content/about", "/content/stance"


async def response_findings(
    session: AsyncSession,
    actor: Actor,
    provider: int,
    home: str,
    submission: Mapping[str, Any],
    *,
    public: bool,
) -> list[Finding]:
    """What is wrong with a response by an organisation, in what it is about.

    What the actor cannot read, and what a public response would give away, gets the finding of a record that
    does not exist. A record of another registry that is not mirrored here is believed.
    """
    about = (submission.get("content") or {}).get("about") or {}
    id, origin = about.get("id"), about.get("origin") or home
    if submission.get("kind") != "response" or not isinstance(id, str) or not is_id(id):
        return []
    reader = ANONYMOUS if public else actor
    of_target = select(Record).where(Record.id == id, Record.origin == origin)
    target = await session.scalar(of_target.where(or_(readable(reader), Record.provider_pk == provider)))
    if target is None:
        return [_unknown(id)] if origin == home else []
    return [*await _of_oneself(session, provider, target, submission), *await _part(session, target, about)]


def _unknown(id: str) -> Finding:
    return Finding(
        "unknown-record", f"{_ABOUT}/id", f"There is no record {id} here to respond to.", "Look up its id."
    )


async def _of_oneself(
    session: AsyncSession, provider: int, target: Record, submission: Mapping[str, Any]
) -> list[Finding]:
    stance = (submission.get("content") or {}).get("stance")
    if stance not in NOT_OF_ONESELF:
        return []
    jointly = select(Invitation.record_pk).where(
        Invitation.record_pk == target.pk, Invitation.provider_pk == provider, Invitation.member
    )
    if target.provider_pk != provider and await session.scalar(jointly) is None:
        return []
    problem = f"{target.id} is your own organisation's, and nobody {stance} what they published themselves."
    return [Finding("own-record", _STANCE, problem, "Others may; you may supplement it, or revise it.")]


async def _part(session: AsyncSession, target: Record, about: Mapping[str, Any]) -> list[Finding]:
    part = about.get("part")
    if not isinstance(part, str) or not target.current:
        return []
    document = await session.scalar(
        select(Version.document).where(
            Version.record_pk == target.pk, Version.shared.is_(False), Version.number == target.current
        )
    )
    text = msgspec.json.decode(document) if document else {}
    if has_part(text, part):
        return []
    problem = f"The newest version of {target.id} has nothing at {part[:80]!r}."
    there = list(_elements(text, ""))[:8]
    hint = f"It has: {', '.join(there)}." if there else "Leave out `part` to mean the whole."
    return [Finding("unknown-part", f"{_ABOUT}/part", problem, hint)]


def has_part(document: Any, pointer: str) -> bool:
    """Whether a pointer leads to something in a document. Elements of lists are named by their `id`, which
    stays the same from version to version; where they have none, by their place.
    """
    for token in pointer.split("/")[1:]:
        step = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list) and (found := _element(document, step)) is not None:
            document = found
        else:
            return False
    return True


def _element(elements: list[Any], step: str) -> Any:
    named = [one for one in elements if isinstance(one, dict) and "id" in one]
    if named:
        return next((one for one in named if one["id"] == step), None)
    plain = step.isascii() and step.isdigit() and len(step) < 6
    return elements[int(step)] if plain and int(step) < len(elements) else None


def _elements(value: Any, path: str) -> Iterator[str]:
    """The pointers to the elements of lists, wherever they stand."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _elements(item, f"{path}/{escape(key)}")
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict) and isinstance(item.get("id"), str):
                yield f"{path}/{escape(item['id'])}"
