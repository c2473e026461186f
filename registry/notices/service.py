"""Writes of notices: what comes in, and what stewards do about it."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.canonical import digest, forbidden_characters, is_line
from registry.changelog.append import lock
from registry.db import now
from registry.errors import Conflict, Finding, Invalid, Malformed
from registry.ids import ALPHABET
from registry.notices import queries
from registry.notices.models import Notice, NoticeAnswer
from registry.notices.rules import LONGEST_TEXT, Action, State, advance, read
from registry.records.drafts import create_draft
from registry.records.erasure import erase
from registry.records.models import Record
from registry.records.publishing import publish
from registry.records.suppression import suppress, unsuppress
from registry.records.versions import Desk

_SUMMARY = 300


async def receive(session: AsyncSession, actor: Actor, raw: Any, *, host: str) -> tuple[Notice, str]:
    """Take a notice; answers it with its receipt, which is kept only as a hash. Raises `Invalid`."""
    if not isinstance(raw, dict):
        raise Malformed("A notice is a JSON object.")
    told, findings = read(raw, host=host)
    if findings:
        raise Invalid("The notice cannot be taken as it is.", findings=findings)
    receipt = secrets.token_urlsafe(24)
    notice = Notice(
        **told,
        number="N-" + "".join(secrets.choice(ALPHABET) for _ in range(8)),
        receipt_hash=digest(receipt.encode()),
        state=State.RECEIVED.value,
        at=now(),
    )
    session.add(notice)
    await session.flush()
    await note(session, actor, "notice", "receive", notice.number, kind=notice.kind)
    return notice, receipt


async def act(
    session: AsyncSession, desk: Desk, actor: Actor, receipt: str, action: Action, raw: Mapping[str, Any]
) -> Notice:
    """Do something about a notice, as a steward. Raises `NotFound`, `Conflict`, `Invalid`."""
    actor.require(Scope.REGISTRY_STEWARD)
    await lock(session)
    notice = await queries.by_receipt(session, actor, receipt)
    after = advance(State(notice.state), action)
    record = await queries.record_of(session, notice)
    response_id = None
    text = _text(raw, required=action in (Action.ANSWER, Action.RELAY))
    if action is Action.RELAY:
        response_id = await _relay(session, desk, actor, notice, record, raw, text)
    elif action in _ABOUT_RECORDS:
        if record is None:
            raise Conflict("The notice names no record of this registry.")
        code, reason = raw.get("code", ""), raw.get("reason", "")
        if action is Action.SUPPRESS:
            await suppress(session, actor, record.id, code, reason, origin=record.origin)
        elif action is Action.UNSUPPRESS:
            await unsuppress(session, actor, record.id, reason, origin=record.origin)
        else:
            await erase(session, actor, record.id, code, reason, origin=record.origin)
    moment = now()
    session.add(
        NoticeAnswer(
            notice_pk=notice.pk,
            at=moment,
            by=actor.name,
            action=action.value,
            text=text or _WORDS[action],
            response_id=response_id,
        )
    )
    notice.state = after.value
    notice.first_answer_at = notice.first_answer_at or moment
    if after is State.CLOSED:
        notice.closed_at = notice.closed_at or moment
    await session.flush()
    await note(
        session,
        actor,
        "notice",
        action.value,
        notice.number,
        provider=record.provider_pk if record is not None else None,
        **({"response": response_id} if response_id else {}),
    )
    return notice


_ABOUT_RECORDS = frozenset({Action.SUPPRESS, Action.UNSUPPRESS, Action.ERASE})
_WORDS = {
    Action.ANSWER: "",
    Action.RELAY: "",
    Action.SUPPRESS: "The record is withheld on this registry.",
    Action.UNSUPPRESS: "The record is shown again.",
    Action.ERASE: "The record was erased.",
    Action.CLOSE: "The notice was closed.",
}


async def _relay(
    session: AsyncSession,
    desk: Desk,
    actor: Actor,
    notice: Notice,
    record: Record | None,
    raw: Mapping[str, Any],
    text: str,
) -> str | None:
    """Publish the reply of somebody affected, under the organisation that the steward edits for.

    Without one, or where nothing public is answered, the reply stands with the notice alone.
    """
    name, role, organisation = (raw.get(field) for field in ("name", "role", "organisation"))
    if not is_line(name, 200) or any(
        value is not None and not is_line(value, 200) for value in (role, organisation)
    ):
        problem = "A reply says whose it is: `name`, and `role` and `organisation` where they matter."
        finding = Finding("bad-name", "/name", problem, "One line each, up to 200 characters.")
        raise Invalid("The reply cannot be relayed as it is.", findings=[finding])
    if actor.provider is None or record is None or record.current == 0:
        return None
    editor = replace(actor, scopes=actor.scopes | {Scope.RECORDS_WRITE, Scope.RECORDS_PUBLISH})
    told = {"name": name, "role": role, "organisation": organisation, "statement": text}
    about = {"id": record.id, **({"origin": record.origin} if record.origin != desk.origin else {})}
    state = await create_draft(
        session,
        desk,
        editor,
        {
            "kind": "response",
            "title": f"A reply by {name}"[:200],
            "summary": text if len(text) <= _SUMMARY else f"{text[: _SUMMARY - 1]}…",
            "basis": "on-behalf",
            "language": notice.language,
            "stated_by": [{key: value for key, value in told.items() if value is not None}],
            "content": {"about": about, "stance": raw.get("stance", "disputes"), "text": text},
        },
    )
    await publish(session, desk, editor, state.id, if_match=f'"{state.etag}"')
    return state.id


def _text(raw: Mapping[str, Any], *, required: bool) -> str:
    text = raw.get("text", "")
    fits = isinstance(text, str) and len(text) <= LONGEST_TEXT and not forbidden_characters(text)
    if fits and (text.strip() or not required):
        return str(text).strip()
    problem = f"An answer is text of 1 to {LONGEST_TEXT:,} characters."
    finding = Finding("bad-text", "/text", problem, "The sender of the notice reads it.")
    raise Invalid("The answer cannot be given as it is.", findings=[finding])
