"""Follows the changelog, counts who did how much, and tells what is unusual."""

import hashlib
import hmac
import ipaddress
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import BigInteger, String, and_, column, delete, select, table, update
from sqlalchemy.ext.asyncio import AsyncSession

from registry.audit.models import Act
from registry.changelog.append import lock
from registry.changelog.tail import ChangeRow
from registry.db import now
from registry.extensions import Node
from registry.moderation.anomalies import queries, rules, service
from registry.moderation.anomalies.models import ActivityPlace, HourCount, KnownNetwork

NAME = "activity"
BATCH = 500
KEPT = timedelta(days=31)
# Older changes are counted and told nobody: a reader that starts from zero would raise what is long over.
_TOLD_FOR = timedelta(hours=2)
_ACTS_LOOKED_AT = 200
_WRITES = frozenset({"drafted", "published", "revised", "shared", "withdrawn", "reinstated"})
# The operator's own hand; what it imports is no organisation's activity.
_OPERATOR = frozenset({"cli", "candor init", "samples"})
_RECORD = table(
    "record",
    column("pk", BigInteger),
    column("id", String),
    column("origin", String),
    column("provider_pk", BigInteger),
)

log = structlog.get_logger("candor.activity")


class ActivityReader:
    """A `registry.changelog.tail.LogReader`. It keeps its own place, in the transaction that counts, so that
    nothing is counted twice.
    """

    name = NAME
    batch = BATCH

    def __init__(self, node: Node) -> None:
        self.node = node
        # What was read past without anything to count: read again after a restart, not kept.
        self._passed = 0

    async def position(self) -> int:
        """The last `seq` that was counted, or read past."""
        async with self.node.database.read() as session:
            return max(await session.scalar(select(ActivityPlace.seq)) or 0, self._passed)

    async def consume(self, changes: Sequence[ChangeRow], *, upto: int) -> None:
        """Count changes, and look at the organisations that made them."""
        recent = [
            change
            for change in changes
            if change.topic == "record" and change.action in _WRITES and change.at > now() - KEPT
        ]
        async with self.node.database.read() as session:
            owners = await _owners(session, recent)
        if not owners:
            self._passed = upto
            return
        async with self.node.database.write() as session:
            await lock(session)
            place = await session.get(ActivityPlace, 1)
            if place is None:
                place = ActivityPlace(pk=1, seq=0)
                session.add(place)
            fresh = [change for change in recent if change.seq > place.seq]
            await _count(session, fresh, owners)
            place.seq = max(place.seq, upto)
            acting = {owners[change.seq] for change in fresh if change.seq in owners}
            told_from = now() - _TOLD_FOR
            loud = {owners[c.seq] for c in fresh if c.seq in owners and c.at > told_from}
            for provider_pk in sorted(acting):
                new = await _learn_networks(session, provider_pk, self.node.secret)
                if provider_pk not in loud:
                    continue
                activity = await queries.activity(session, provider_pk, now(), new_networks=new)
                for rule in rules.RULES:
                    for case in rule.find(activity):
                        await service.raise_anomaly(session, self.node, provider_pk, rule, case)

    async def release(self) -> None:
        """Somebody else may read on: what was only read past is theirs to judge."""
        self._passed = 0


async def _owners(session: AsyncSession, changes: Sequence[ChangeRow]) -> dict[int, int]:
    """The organisation that each change is counted for, by its `seq`; none for what the operator did."""
    counted = [change for change in changes if change.actor not in _OPERATOR]
    if not counted:
        return {}
    query = select(_RECORD.c.id, _RECORD.c.origin, _RECORD.c.provider_pk).where(
        _RECORD.c.id.in_({change.subject for change in counted})
    )
    of_record = {(origin, id): pk for id, origin, pk in await session.execute(query)}
    return {
        change.seq: pk
        for change in counted
        if (pk := of_record.get((change.origin, change.subject))) is not None
    }


async def _count(session: AsyncSession, changes: Iterable[ChangeRow], owners: dict[int, int]) -> None:
    counted: Counter[tuple[int, datetime, str, str]] = Counter()
    for change in changes:
        if change.seq in owners:
            hour = change.at.replace(minute=0, second=0, microsecond=0)
            counted[owners[change.seq], hour, change.action, change.kind or ""] += 1
    for (provider_pk, hour, action, kind), count in counted.items():
        same = and_(
            HourCount.provider_pk == provider_pk,
            HourCount.hour == hour,
            HourCount.action == action,
            HourCount.kind == kind,
        )
        raised = update(HourCount).where(same).values(count=HourCount.count + count)
        if (await session.execute(raised.returning(HourCount.count))).first() is None:
            session.add(HourCount(provider_pk=provider_pk, hour=hour, action=action, kind=kind, count=count))
            await session.flush()
    if counted:
        await session.execute(delete(HourCount).where(HourCount.hour < now() - KEPT))


def network_mark(secret: bytes, who: str, address: str) -> tuple[str, str] | None:
    """Keyed hashes of who acted and of the /24 or /48 that they acted from; None for no address.

    The network's is made with the name: the marks do not tell that two came from the same one.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    ip = mapped or ip
    network = ipaddress.ip_network((ip, 24 if ip.version == 4 else 48), strict=False)
    return _mac(secret, "who", who), _mac(secret, "network", who, str(network))


def _mac(secret: bytes, *parts: str) -> str:
    text = "\n".join(("activity", *parts)).encode("utf-8", "surrogatepass")
    return hmac.new(secret, text, hashlib.sha256).hexdigest()[:32]


async def _learn_networks(session: AsyncSession, provider_pk: int, secret: bytes) -> tuple[str, ...]:
    """Keep the networks that an organisation's latest acts came from; answers those that are new to somebody
    who was known from another one.
    """
    acts = (
        select(Act.actor, Act.address)
        .where(Act.provider_pk == provider_pk, Act.address.is_not(None))
        .order_by(Act.pk.desc())
        .limit(_ACTS_LOOKED_AT)
    )
    seen = {
        marks
        for actor, address in await session.execute(acts)
        if actor not in _OPERATOR and address and (marks := network_mark(secret, actor, address))
    }
    if not seen:
        return ()
    query = select(KnownNetwork.who, KnownNetwork.network).where(
        KnownNetwork.who.in_({who for who, _ in seen})
    )
    known = {(who, network) for who, network in await session.execute(query)}
    people = {who for who, _ in known}
    fresh = sorted(seen - known)
    session.add_all(
        KnownNetwork(who=who, network=network, provider_pk=provider_pk, at=now()) for who, network in fresh
    )
    await session.flush()
    return tuple(network for who, network in fresh if who in people)
