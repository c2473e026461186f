"""Storing taxonomies. Stored versions never change; a changed text becomes a version of its own."""

from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.changelog import append as changelog
from registry.db import Database, now
from registry.errors import Invalid, has_errors
from registry.taxonomies.check import faults
from registry.taxonomies.models import TaxonomyVersion
from registry.taxonomies.own import load_own
from registry.taxonomies.vocabulary import Taxonomy

INSTALLER = Actor(name="candor init")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one taxonomy: under which version it is stored, and whether it was new."""

    namespace: str
    version: str
    terms: int
    result: Literal["created", "revised", "unchanged"]


async def store(session: AsyncSession, taxonomy: Taxonomy, *, actor: Actor, origin: str = "") -> Outcome:
    """Store one version and make it the one in use. Storing what is in use already changes nothing.

    A text that differs from a stored one of the same version is kept beside it, as `VERSION+` and the first
    eight characters of its digest: publishers correct their files without a new version, and a classification
    made under the earlier text has to keep it. Going back to an earlier text is a new row, too.

    Raises `Invalid` with every fault, having stored nothing.
    """
    found = faults(taxonomy)
    if has_errors(found):
        raise Invalid(f"The taxonomy {taxonomy.namespace[:100]!r} cannot be stored.", findings=found)
    await changelog.lock(session)  # else two runs could both find that there is nothing yet
    table = TaxonomyVersion
    of_namespace = select(table.version, table.digest).where(table.namespace == taxonomy.namespace)
    earlier = (await session.execute(of_namespace.order_by(table.id.desc()))).all()
    digest = taxonomy.digest
    if earlier and earlier[0].digest == digest:
        return Outcome(taxonomy.namespace, earlier[0].version, len(taxonomy.terms), "unchanged")
    version = _free(taxonomy.version, digest, {row.version for row in earlier})
    stored = replace(taxonomy, version=version)
    moment = now()
    session.add(
        TaxonomyVersion(
            namespace=stored.namespace,
            version=version,
            digest=digest,
            data=stored.as_json(),
            loaded_at=moment,
        )
    )
    await session.flush()
    result: Literal["created", "revised"] = "revised" if earlier else "created"
    await changelog.append(
        session,
        [
            changelog.Entry(
                topic="taxonomy",
                action=result,
                subject=stored.namespace,
                origin=origin,
                actor=actor.name,
                at=moment,
                scopes=("taxonomies", f"taxonomy:{stored.namespace}"),
                detail={"version": version, "digest": digest, "terms": len(stored.terms)},
            )
        ],
    )
    return Outcome(stored.namespace, version, len(stored.terms), result)


def _free(version: str, digest: str, taken: set[str]) -> str:
    """`version`, or the first derived one that no stored text bears yet."""
    if version not in taken:
        return version
    derived = f"{version}+{digest[:8]}"
    number = 2
    candidate = derived
    while candidate in taken:
        candidate = f"{derived}.{number}"
        number += 1
    return candidate


async def install_own(database: Database, *, origin: str = "") -> list[Outcome]:
    """Store Candor's own vocabularies, all or none. Repeating it changes nothing."""
    async with database.write() as session:
        return [await store(session, taxonomy, actor=INSTALLER, origin=origin) for taxonomy in load_own()]
