"""The rows that are kept are those that documents give, whatever was done to their records, and answers count
what documents say.
"""

import random
from typing import Any

import httpx
import msgspec
from sqlalchemy import select

from registry.db import Database
from registry.extensions import Node
from registry.records.mirrored import erase_mirrored
from registry.records.models import Record, Version
from registry.records.outcomes.claims import DESCRIBED, claims_of, publishers_of
from registry.records.outcomes.counting import UNNAMED, Report, rank
from registry.records.outcomes.models import Outcome, OutcomeSubject, RecordPublisher
from registry.records.outcomes.service import TABLES, rows_of
from tests.conftest import Join
from tests.registry.mirroring import PEER, mirror, their_id, version_of
from tests.registry.records import acting
from tests.registry.records.outcomes.test_evidence import STEWARD, evaluation, incident, mitigation

_TAGS = ("misuse:fraud", "misuse:fraud/phishing", "misuse:spam", "weakness:jailbreak")
_SAFEGUARDS = ("safeguard:filter", "safeguard:filter/output", "safeguard:access/rate-limit")
_ACTS = ("publish", "publish", "revise", "withdraw", "suppress", "erase", "share", "mirror")


def drawn(draw: random.Random, ids: list[str]) -> dict[str, Any]:
    """A submission of any kind that reports, or of one that does not."""
    outcome = draw.choice(("worked", "bypassed", "absent"))
    said = {
        "tag": draw.choice(_SAFEGUARDS),
        "outcome": outcome,
        "against": draw.sample(_TAGS, draw.randrange(3)),
    }
    effect = {"outcome": draw.choice(("effective", "harmful")), "metrics": [{"name": "recall", "value": 1}]}
    attribution = draw.choice(("named", "named", "anonymous"))
    made = [
        incident(said, tags=(draw.choice(_TAGS),)),
        mitigation(applies_to=draw.sample(_TAGS, 2), effectiveness=[effect] * draw.randrange(3)),
        acting.lesson(),
    ]
    if ids:
        made.append(evaluation(draw.choice(ids), effect["outcome"]))
    return draw.choice(made) | {"attribution": attribution}


async def kept_and_made(database: Database) -> tuple[list[Any], list[Any]]:
    """The rows of the three tables, as they are and as the newest public versions give them."""
    async with database.read() as session:
        kept = [
            tuple(getattr(row, column.name) for column in table.__table__.columns)
            for table in TABLES
            for row in await session.scalars(select(table))
        ]
        query = (
            select(Record.pk, Record.provider_pk, Version.document)
            .join(Version, (Version.record_pk == Record.pk) & (Version.number == Record.current))
            .where(Version.shared.is_(False))
        )
        made = []
        for pk, provider, document in await session.execute(query):
            signed = () if provider is None else None
            for table, rows in zip(TABLES, rows_of(pk, msgspec.json.decode(document), signed), strict=True):
                made += [tuple(row[column.name] for column in table.__table__.columns) for row in rows]
    return sorted(kept, key=repr), sorted(made, key=repr)


async def recounted(database: Database, tag: str) -> list[tuple[Any, ...]]:
    """What documents alone say was reported against a tag, as `told` has it of an answer."""
    async with database.read() as session:
        query = (
            select(Record.pk, Record.first_seq, Version.document)
            .join(Version, (Version.record_pk == Record.pk) & (Version.number == Record.current))
            .where(Version.shared.is_(False), Record.listed)
        )
        found = [(pk, seq, msgspec.json.decode(body)) for pk, seq, body in await session.execute(query)]
    mitigations = {
        claim.target: (claim, _by(document))
        for _, _, document in found
        for claim in claims_of(document)
        if claim.outcome == DESCRIBED
    }
    reports = []
    for pk, seq, document in found:
        for claim in claims_of(document):
            described, owners = mitigations.get(claim.target, (None, frozenset()))
            known = described is not None or document["kind"] == "incident"
            of = described if claim.inherits and described else claim
            if claim.outcome == DESCRIBED or not known or tag not in of.subjects:
                continue
            term = claim.safeguard or (described.safeguard if described else None)
            made = (claim.outcome, claim.measured, _by(document), term, claim.target, owners)
            reports.append(Report(pk, claim.number, document["kind"], *made, seq=seq))
    return [(one.name.partition(" ")[0], one.total.reports, one.total.organisations) for one in rank(reports)]


def _by(document: dict[str, Any]) -> frozenset[str]:
    named = (f"{document['origin']} {one.slug}" for one in publishers_of(document) if one.slug)
    return frozenset(named) or frozenset({UNNAMED})


async def test_rows_follow_their_documents(
    client: httpx.AsyncClient, join: Join, node: Node, database: Database
) -> None:
    draw = random.Random(8)
    labs = [await join("one-lab"), await join("two-lab")]
    steward = await join("editors", scopes=STEWARD)
    owners: dict[str, Any] = {}
    public: list[str] = []
    for step in range(36):
        act = draw.choice(
            ("publish", "publish", "revise", "withdraw", "suppress", "erase", "share", "mirror")
        )
        id = draw.choice(public) if public else ""
        if act == "publish" or not public:
            lab = draw.choice(labs)
            id = await acting.bring_out(client, lab, drawn(draw, public))
            owners[id] = lab
            public.append(id)
        elif act == "share":
            handling = {"handling": {"tlp": "GREEN"}}
            await acting.bring_out(client, draw.choice(labs), drawn(draw, public) | handling)
        elif act == "mirror":
            name, number = f"r{draw.randrange(3)}", step + 1
            said = incident({"tag": "safeguard:filter", "outcome": "worked"})
            fields = {key: said[key] for key in ("kind", "content", "tags")}
            await mirror(node, version_of(name, number, updated="2026-01-01T12:00:00.000Z", **fields))
        elif act == "revise":
            changes = {"tags": [draw.choice(_TAGS)], "attribution": draw.choice(("named", "anonymous"))}
            assert (await acting.revise(client, owners[id], id, **changes)).status_code == 200
        elif act == "withdraw":
            await acting.withdraw(client, owners[id], id)
            if draw.random() < 0.5:
                await acting.reinstate(client, owners[id], id)
            else:
                public.remove(id)
        else:
            newest = await client.get(f"/api/v1/records/{id}")
            body = {"code": "safety", "reason": "Somebody said so."}
            done = await acting.act(client, steward, id, act, newest.headers["etag"], body)
            assert done.status_code == 200, done.text
            public.remove(id)
    async with database.write() as session:
        await erase_mirrored(session, PEER, their_id("r0"), None, "personal-data")
    kept, made = await kept_and_made(database)
    assert kept == made
    assert len(kept) > 20
    for tag in _TAGS:
        answer = (await client.get("/api/v1/evidence", params={"against": tag, "crosswalks": "off"})).json()
        told = [
            (
                item["mitigation"]["id"] if item["type"] == "mitigation" else item["safeguard"]["tag"],
                item["reports"],
                item["organisations"],
            )
            for item in answer["items"]
        ]
        assert told == await recounted(database, tag), tag
    async with database.read() as session:
        erased = select(Record.pk).where(Record.erased.is_not(None))
        assert await session.scalar(erased.limit(1)) is not None
        for table in (Outcome, OutcomeSubject, RecordPublisher):
            assert (
                await session.scalar(select(table.record_pk).where(table.record_pk.in_(erased)).limit(1))
                is None
            )
