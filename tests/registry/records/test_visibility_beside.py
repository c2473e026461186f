"""What stands beside records: the rule over facts and its twins in SQL say the same about parts and files."""

from dataclasses import replace
from itertools import product

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.db import Database, now
from registry.records.evidence.models import EvidenceAudience, EvidenceFile
from registry.records.models import PartAudience, Record, RestrictedPart, Version
from registry.records.shared import newest_shared
from registry.records.visibility import (
    GROUP,
    PERSON,
    Facts,
    Share,
    Tlp,
    may_read,
    may_read_beside,
    readable_file,
    readable_part,
)
from tests.registry.records.test_visibility import GROUPS, PEOPLE, every_kind_of_actor, store

RECORDS = [
    Facts(public, shared, tlp, 1 + number, frozenset(GROUPS[:number]), frozenset(PEOPLE[:number]))
    for public, shared in ((True, False), (False, True), (True, True), (False, False))
    for number, tlp in enumerate((Tlp.AMBER, Tlp.GREEN, Tlp.RED))
]
SHARES = [
    Share(tlp, frozenset(GROUPS[1 : 1 + number]), frozenset(PEOPLE[1 : 1 + number]))
    for tlp, number in product(Tlp, range(2))
]
EACH = [(record, share) for record in range(len(RECORDS)) for share in range(len(SHARES))]


async def keep(session: AsyncSession) -> None:
    await store(session, ((f"CIR-{number:010}", fact) for number, fact in enumerate(RECORDS)))
    moment = now()
    parts, files, of_parts, of_files = [], [], [], []
    for pk, (record, number) in enumerate(EACH, 1):
        share, key = SHARES[number], {"record_pk": record + 1, "part": f"p{number}", "number": 1}
        common = {"tlp": share.tlp.value, "content": b"{}", "at": moment}
        parts.append({**key, **common, "handling": {}, "removed": False, "salt": b"", "commit": "c"})
        files.append(
            {
                "pk": pk,
                "record_pk": record + 1,
                "file": f"f{pk}",
                "name": "f",
                "media_type": "text/plain",
                "size": 2,
                "sha256": "d",
                "revision": 1,
                "added_by": "a",
                **common,
            }
        )
        for audience, names in ((GROUP, share.groups), (PERSON, share.people)):
            of_parts += [{**key, "audience": audience, "name": name} for name in names]
            of_files += [{"file_pk": pk, "audience": audience, "name": name} for name in names]
    for model, rows in (
        (RestrictedPart, parts),
        (PartAudience, of_parts),
        (EvidenceFile, files),
        (EvidenceAudience, of_files),
    ):
        await session.execute(insert(model), rows)


async def test_the_rule_and_its_twins_agree_about_everybody(database: Database) -> None:
    async with database.write() as session:
        await keep(session)
    numbers = set()
    async with database.read() as session:
        for actor in every_kind_of_actor():
            expected = {
                (record + 1, number)
                for record, number in EACH
                if may_read_beside(actor, RECORDS[record], SHARES[number])
            }
            of_parts = (
                select(RestrictedPart.record_pk, RestrictedPart.part)
                .join(Record, Record.pk == RestrictedPart.record_pk)
                .where(readable_part(actor))
            )
            found = {(pk, int(part[1:])) for pk, part in await session.execute(of_parts)}
            assert found == expected, actor
            of_files = (
                select(EvidenceFile.pk)
                .join(Record, Record.pk == EvidenceFile.record_pk)
                .where(readable_file(actor))
            )
            seen = {EACH[pk - 1] for pk in await session.scalars(of_files)}
            assert {(record + 1, number) for record, number in seen} == expected, actor
            numbers.add(len(expected))
            # Nobody but those who work on a record is shown what is beside one that they cannot read.
            assert all(
                may_read(actor, RECORDS[pk - 1])
                or actor.steward
                or actor.provider == RECORDS[pk - 1].provider
                for pk, _ in expected
            )
    assert len(numbers) > 5, "and the actors drawn were of many kinds"


def test_a_version_takes_what_each_share_allows() -> None:
    """Of two shares both have to allow it: the version's own and the newest one's."""
    for actor in every_kind_of_actor():
        for one, two in product(SHARES, SHARES):
            both = may_read_beside(actor, RECORDS[0], one, two)
            assert both == (
                may_read_beside(actor, RECORDS[0], one) and may_read_beside(actor, RECORDS[0], two)
            )
            assert not both or may_read(replace(actor), RECORDS[0]) or actor.provider == RECORDS[0].provider


async def test_what_feeds_and_search_of_a_reader_are_made_of_is_what_they_may_read(
    database: Database,
) -> None:
    """Both read what is shared through one question; its answers are those of the rule, for everybody."""
    async with database.write() as session:
        await store(session, ((f"CIR-{number:010}", fact) for number, fact in enumerate(RECORDS)))
        versions = [
            {
                "record_pk": pk,
                "shared": True,
                "number": 1,
                "action": "published",
                "document": b"{}",
                "salt": b"",
                "commit": "c",
                "at": now(),
            }
            for pk, fact in enumerate(RECORDS, 1)
            if fact.shared
        ]
        await session.execute(insert(Version), versions)
    sizes = set()
    async with database.read() as session:
        for actor in every_kind_of_actor():
            expected = {
                f"CIR-{number:010}"
                for number, fact in enumerate(RECORDS)
                if fact.shared and not fact.public and may_read(actor, fact)
            }
            found = {row.id for row in await newest_shared(session, actor, limit=100)}
            assert found == expected, actor
            sizes.add(len(found))
    assert len(sizes) > 2
