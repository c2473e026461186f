"""Public records that are like one, with what they have in common: search proposes, the database decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from registry.finder import Finder, Reason
from registry.records import queries
from registry.records.queries import Stored

_decode = msgspec.json.Decoder().decode
# Some of what an index brings has left the lists, or has nothing in common that could be named.
_SPARE = 5


@dataclass(frozen=True, slots=True)
class Alike:
    """A record that is like another, and why; what says most comes first."""

    stored: Stored
    document: Mapping[str, Any]
    reasons: Sequence[Reason]


@dataclass(frozen=True, slots=True)
class Alikes:
    """Records that are like one, the most alike first, and the public position that the index stood at."""

    items: Sequence[Alike]
    position: int


async def alike(session: AsyncSession, finder: Finder, document: Mapping[str, Any], *, limit: int) -> Alikes:
    """Listed records that everybody may read and that have something in common with this one. Raises
    `Unavailable` while there is no index.
    """
    found = await finder.similar(document, limit=limit + _SPARE)
    rows = await queries.documents(session, list(found.ids))
    shown: list[Alike] = []
    for key in found.ids:
        if (stored := rows[key]) is None:
            continue
        other = _decode(stored.document)
        # From the very document that is shown: the index may have read an earlier one.
        if reasons := finder.reasons(document, other):
            shown.append(Alike(stored, other, reasons))
    return Alikes(shown[:limit], found.position)
