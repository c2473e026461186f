"""What shows that a version stands in the log: its leaf, and the path from it to a signed root."""

import base64
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.errors import NotFound, Unavailable
from registry.records import queries
from registry.records.models import Record, Version
from registry.records.signatures import commit_before
from registry.signing.queries import Signed, signatures_of
from registry.signing.views import signature
from registry.transparency.entries import entry_of
from registry.transparency.merkle import inclusion_ranges
from registry.transparency.storage import Storage
from registry.transparency.trees import OWN, LogFiles, mirror_prefix


@dataclass(frozen=True, slots=True)
class Proof:
    """A version's place in its log. `path` leads from the leaf to the root of the checkpoint (RFC 6962)."""

    origin: str
    index: int
    leaf: bytes
    path: tuple[bytes, ...]
    checkpoint: bytes
    salt: bytes
    signatures: tuple[Signed, ...] = ()
    prev: str | None = None

    def as_json(self) -> dict[str, Any]:
        """`leaf` and `checkpoint` as text, `path` in base64, `salt` in hex. `signatures` are those of the
        organisations that published the version, where there are any; `prev` in each stands in the bytes that
        they signed.
        """
        return {
            "origin": self.origin,
            "index": self.index,
            "leaf": self.leaf.decode(),
            "path": [base64.b64encode(each).decode() for each in self.path],
            "checkpoint": self.checkpoint.decode(),
            "salt": self.salt.hex(),
            **(
                {"signatures": [signature(one, self.prev) for one in self.signatures]}
                if self.signatures
                else {}
            ),
        }


async def prove(
    session: AsyncSession,
    storage: Storage,
    actor: Actor,
    id: str,
    label: str,
    origin: str | None,
    *,
    own: str,
) -> Proof:
    """The proof of a public version that the actor may read; `own` is this registry's origin.

    Raises what `queries.version` does, `NotFound` for a version that was shared below TLP:CLEAR, which no log
    speaks of, and `Unavailable` while a fresh one is under no checkpoint yet.
    """
    stored = await queries.version(session, actor, id, label, origin)
    if stored.shared:
        raise NotFound("A version that is shared below TLP:CLEAR stands in no log.")
    found = await entry_of(session, stored.origin, stored.id, stored.number)
    if found is None or found[1].idx >= found[0].published or found[0].checkpoint is None:
        raise Unavailable("This version is not under a signed checkpoint yet.", retry_after=1)
    log, entry = found
    query = (
        select(Version.pk, Version.record_pk, Version.salt)
        .join(Record, Record.pk == Version.record_pk)
        .where(
            Record.origin == stored.origin,
            Record.id == stored.id,
            Version.shared.is_(False),
            Version.number == stored.number,
        )
    )
    pk, record_pk, salt = (await session.execute(query)).one()
    signatures = (await signatures_of(session, [pk])).get(pk, [])
    prev = await commit_before(session, record_pk, stored.number) if signatures else None
    files = LogFiles(storage, OWN if stored.origin == own else mirror_prefix(stored.origin))
    path = await files.prove(inclusion_ranges(entry.idx, log.published), log.published)
    return Proof(
        stored.origin,
        entry.idx,
        entry.entry,
        tuple(path),
        log.checkpoint or b"",
        salt,
        tuple(signatures),
        prev,
    )
