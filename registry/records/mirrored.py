"""Records of other registries: written here as their origins published them, by those who verified them.

Nobody here edits them, and nothing about their words is a reason to refuse one. They have no owner here
(`Record.provider_pk` is null), no leaf in our log, and a place in our public sequence like everything that
can be read here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.canonical import MAX_DOCUMENT_BYTES, commitment
from registry.changelog.append import Entry, append, lock
from registry.db import now, table_of
from registry.ids import is_id, parse_id
from registry.records.content.foreign import misfit, moment_of
from registry.records.documents import source_of
from registry.records.erasure import ABOUT_THE_TEXT, destroy, hide
from registry.records.gone import UNKNOWN_KIND, tombstone
from registry.records.models import Record, Version
from registry.records.outcomes.service import prove
from registry.records.queries import among
from registry.records.suppression import tell
from registry.records.versions import (
    PUBLISHED,
    REINSTATED,
    REVISED,
    WITHDRAWN,
    Desk,
    Foreign,
    NextVersion,
    write_versions,
)
from registry.records.visibility import Tlp
from registry.records.workflow import Life
from registry.signing.models import VersionSignature
from registry.signing.service import keep_foreign

STORED, HELD, REFUSED = "stored", "held", "refused"
FOLLOWING = Actor(name="following")
_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class MirroredVersion:
    """A version as its origin's log commits to it: `document` are the exact bytes, and `value` what they
    say.
    """

    origin: str
    id: str
    version: int
    document: bytes
    value: Mapping[str, Any]
    salt: bytes
    commit: str
    signatures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one version: `stored`, `held` where it was there, or `refused`, with a code and words
    for an operator.
    """

    state: str
    code: str | None = None
    text: str | None = None


async def store_mirrored(
    session: AsyncSession, desk: Desk, items: Sequence[MirroredVersion]
) -> list[Outcome]:
    """Write versions of other registries' records; answers what became of each, in order.

    Whoever calls has verified them against their origin's log; versions of one record come in the order of
    that log. One that is there already is left as it is, so that a batch may be given twice. One that cannot
    be shown is refused and does not keep its neighbours out. A version may be missing: erased, or set aside.
    """
    await lock(session)
    moment = now()
    refused = [refusal(item, own=desk.origin) for item in items]
    fit = [item for item, reason in zip(items, refused, strict=True) if reason is None]
    shelf = await _Shelf.of(session, fit)
    steps: list[NextVersion] = []
    outcomes: list[Outcome] = []
    for item, reason in zip(items, refused, strict=True):
        if reason is not None:
            outcomes.append(reason)
        elif (clash := shelf.clash(item)) is not None:
            outcomes.append(clash)
        elif shelf.holds(item):
            outcomes.append(Outcome(HELD))
        else:
            steps.append(shelf.take(item, moment))
            outcomes.append(Outcome(STORED))
    await write_versions(session, desk, FOLLOWING, steps)
    stored = [item for item, done in zip(items, outcomes, strict=True) if done.state == STORED]
    await _keep_signatures(session, [item for item in stored if item.signatures])
    return outcomes


async def _keep_signatures(session: AsyncSession, items: Sequence[MirroredVersion]) -> None:
    """Keep what came signed as it came. One by one: few versions are signed, and each is verified."""
    for item in items:
        query = select(Version.number, Version.pk, Version.commit, Version.record_pk).join(
            Record, Record.pk == Version.record_pk
        )
        rows = await session.execute(
            query.where(
                Record.origin == item.origin,
                Record.id == item.id,
                Version.shared.is_(False),
                Version.number.in_((item.version - 1, item.version)),
            )
        )
        held = {number: (pk, commit, record) for number, pk, commit, record in rows}
        _, prev, _ = held.get(item.version - 1, (0, None, 0))
        version, _, record = held[item.version]
        await keep_foreign(session, version, item.document, prev, item.signatures)
        await prove(session, record)


def refusal(item: MirroredVersion, *, own: str) -> Outcome | None:
    """Why a version is not taken in, from itself alone; None where nothing speaks against it."""
    if item.origin == own:
        return Outcome(REFUSED, "own-origin", "Nobody but this registry publishes under its own name.")
    if len(item.document) > MAX_DOCUMENT_BYTES:
        return Outcome(REFUSED, "too-large", f"The document has {len(item.document):,} bytes.")
    if not is_id(item.id) or item.id != item.id.upper().strip():
        return Outcome(REFUSED, "bad-id", "The id is not that of a record.")
    if len(item.salt) != 32 or commitment(item.salt, item.document) != item.commit:
        return Outcome(REFUSED, "other-content", "The log commits to other bytes than these.")
    named = tuple(item.value.get(name) for name in ("origin", "id", "version"))
    if named != (item.origin, item.id, item.version):
        return Outcome(REFUSED, "other-name", "The document names itself otherwise than the log does.")
    if (wrong := misfit(item.document, item.value)) is not None:
        return Outcome(REFUSED, *wrong)
    return None


@dataclass(slots=True)
class _Place:
    """What is held of one record, and what is about to be: the action that made each version."""

    record: Record | None
    kind: str
    actions: dict[int, str]

    def action(self, item: MirroredVersion) -> str:
        before = max((number for number in self.actions if number < item.version), default=0)
        if item.value.get("withdrawal"):
            return WITHDRAWN
        if self.actions.get(before) == WITHDRAWN:
            return REINSTATED
        return PUBLISHED if item.version == 1 else REVISED


class _Shelf:
    """What is held of the records of a batch."""

    def __init__(self, places: dict[tuple[str, str], _Place]) -> None:
        self._places = places

    @classmethod
    async def of(cls, session: AsyncSession, items: Iterable[MirroredVersion]) -> "_Shelf":
        keys = list(dict.fromkeys((item.origin, item.id) for item in items))
        places: dict[tuple[str, str], _Place] = {}
        by_key: dict[int, _Place] = {}
        for start in range(0, len(keys), _AT_ONCE):
            for record in await session.scalars(select(Record).where(among(keys[start : start + _AT_ONCE]))):
                place = _Place(record, record.kind, {})
                places[record.origin, record.id] = by_key[record.pk] = place
        held = list(by_key)
        for start in range(0, len(held), _AT_ONCE):
            rows = await session.execute(
                select(Version.record_pk, Version.number, Version.action).where(
                    Version.record_pk.in_(held[start : start + _AT_ONCE]), Version.shared.is_(False)
                )
            )
            for pk, number, action in rows:
                by_key[pk].actions[number] = action
        return cls(places)

    def clash(self, item: MirroredVersion) -> Outcome | None:
        place = self._places.get((item.origin, item.id))
        if place is None or place.kind in (UNKNOWN_KIND, item.value["kind"]):
            return None
        return Outcome(REFUSED, "other-kind", f"The record is of kind {place.kind!r}, and that stays so.")

    def holds(self, item: MirroredVersion) -> bool:
        place = self._places.get((item.origin, item.id))
        return place is not None and item.version in place.actions

    def take(self, item: MirroredVersion, moment: datetime) -> NextVersion:
        """The step that writes a version, which counts as held from now on."""
        kind = item.value["kind"]
        place = self._places.setdefault((item.origin, item.id), _Place(None, kind, {}))
        action = place.action(item)
        fills = any(number > item.version for number in place.actions)
        place.actions[item.version] = action
        made = moment_of(item.value) or moment
        return NextVersion(
            place.record,
            item.id,
            kind,
            action,
            item.version,
            dict(item.value),
            columns=_columns(item, place.record, action, moment),
            by=item.origin,
            foreign=Foreign(
                item.origin, item.document, item.salt, item.commit, min(made, moment), moment, fills
            ),
        )


def _columns(item: MirroredVersion, record: Record | None, action: str, moment: datetime) -> dict[str, Any]:
    scheme, source = source_of(item.value)
    columns: dict[str, Any] = {
        "life": Life.WITHDRAWN.value if action == WITHDRAWN else Life.PUBLISHED.value,
        "source_scheme": scheme,
        "source_id": source,
    }
    if record is not None:
        # A record may be published anew after its versions were erased: its origin decides.
        return {**columns, "kind": item.value["kind"], "erased": None, "erased_at": None}
    return {
        **columns,
        "origin": item.origin,
        "id": item.id,
        "kind": item.value["kind"],
        "provider_pk": None,
        "tlp": Tlp.CLEAR.value,
        "created_at": moment,
    }


async def erase_mirrored(session: AsyncSession, origin: str, id: str, version: int | None, code: str) -> bool:
    """Destroy what a version of another registry's record says, or all of them, as its origin's log tells.

    `code` is the ground that the log gives. The record is gone for readers (410) once its newest version is.
    Of one that never came here, it is kept that it is gone. False where nothing was held. Whoever calls
    commits, and then has the database let go of what it still holds (`Database.forget_deleted`).
    """
    await lock(session)
    query = select(Record).where(Record.origin == origin, Record.id == id, Record.provider_pk.is_(None))
    record = await session.scalar(query)
    if record is None:
        if is_id(id) and parse_id(id) == id:
            session.add(tombstone(origin, id, code, now()))
            await session.flush()
        return False
    versions = table_of(Version)
    held = versions.update().where(versions.c.record_pk == record.pk, versions.c.document != b"")
    if version is not None:
        held = held.where(versions.c.number == version)
    gone = set(await session.scalars(held.values(document=b"", salt=b"").returning(versions.c.number)))
    if not gone:
        return False
    of_gone = select(Version.pk).where(Version.record_pk == record.pk, Version.number.in_(gone))
    await session.execute(delete(VersionSignature).where(VersionSignature.version_pk.in_(of_gone)))
    if record.current in gone:
        await tell(session, FOLLOWING, record, "erased", code=code)
        if version is None:
            await destroy(session, record)
        else:
            for table in ABOUT_THE_TEXT:
                await session.execute(delete(table).where(table.record_pk == record.pk))
            hide(record)
        record.erased, record.erased_at = code, now()
    else:
        await append(session, [_told_of_one(record)])
    await session.flush()
    return True


def _told_of_one(record: Record) -> Entry:
    """An older version is gone, the record is not: no news to readers, but no kept answer may hold it."""
    scopes = ("all", f"record:{record.id}")
    return Entry("record", "erased-version", record.id, record.origin, FOLLOWING.name, now(), scopes=scopes)
