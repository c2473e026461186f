from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor, Scope
from registry.audit.service import note
from registry.canonical import forbidden_characters
from registry.db import now
from registry.errors import Conflict, Finding, Invalid
from registry.extensions import Node
from registry.moderation.anomalies import queries
from registry.moderation.anomalies.models import Anomaly
from registry.moderation.anomalies.rules import Rule, Unusual
from registry.providers import service as providers
from registry.providers.models import Provider

OPEN, ANSWERED = "open", "answered"
DISMISS, HOLD = "dismiss", "hold"
LONGEST_REASON = 500
WATCH = Actor(name="registry")
"""Who holds an organisation where the settings let a rule do it."""

log = structlog.get_logger("candor.activity")


async def raise_anomaly(
    session: AsyncSession, node: Node, provider_pk: int, rule: Rule, found: Unusual
) -> Anomaly | None:
    """Tell stewards, once for each case. Where `hold_on` names the rule, the organisation is held with it."""
    moment = now()
    span = {"hour": moment.strftime("%Y-%m-%dT%H"), "day": moment.strftime("%Y-%m-%d"), "ever": ""}[rule.span]
    case = f"{span} {found.about}".strip()
    same = select(Anomaly.pk).where(
        Anomaly.provider_pk == provider_pk, Anomaly.rule == rule.name, Anomaly.case == case
    )
    if await session.scalar(same) is not None:
        return None
    row = Anomaly(
        provider_pk=provider_pk, rule=rule.name, case=case, detail=dict(found.detail), at=moment, state=OPEN
    )
    session.add(row)
    await session.flush()
    provider = await session.get_one(Provider, provider_pk)
    await note(session, WATCH, "anomaly", "raised", str(row.pk), rule=rule.name, organisation=provider.slug)
    log.warning("unusual activity", rule=rule.name, provider=provider.slug, **found.detail)
    if rule.name in node.settings.hold_on and provider.held_at is None:
        reason = f"Unusual activity ({rule.name}); a steward looks at it."
        await providers.hold(session, provider.slug, origin=node.origin, actor=WATCH, reason=reason)
    return row


async def answer(
    session: AsyncSession, actor: Actor, number: int, said: Any, reason: Any, *, origin: str
) -> tuple[Anomaly, Provider]:
    """A steward's answer: dismiss it, or hold the organisation. Raises `Invalid`, `NotFound`, `Conflict`,
    `Forbidden`.
    """
    actor.require(Scope.REGISTRY_STEWARD)
    findings = []
    if said not in (DISMISS, HOLD):
        findings.append(Finding("bad-answer", "/answer", "An answer is one of the two.", "dismiss or hold."))
    reason = reason.strip() if isinstance(reason, str) else ""
    if (
        not 1 <= len(reason) <= LONGEST_REASON
        or forbidden_characters(reason)
        or len(reason.splitlines()) != 1
    ):
        problem = f"A reason is one line of 1 to {LONGEST_REASON} characters."
        findings.append(Finding("bad-reason", "/reason", problem, "Say what was found out."))
    if findings:
        raise Invalid("The answer cannot be taken as it is.", findings=findings)
    row, provider = await queries.one(session, actor, number)
    if row.state != OPEN:
        raise Conflict(f"Anomaly {number} was answered already, with {row.answer!r}.")
    row.state, row.answer, row.answered_by, row.reason = ANSWERED, said, actor.name, reason
    if said == HOLD and provider.held_at is None:
        await providers.hold(session, provider.slug, origin=origin, actor=actor, reason=reason)
    await note(
        session, actor, "anomaly", said, str(number), provider=None, rule=row.rule, organisation=provider.slug
    )
    await session.flush()
    return row, provider
