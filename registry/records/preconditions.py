"""`If-Match`: nobody's work is lost, and who comes late is told what changed meanwhile."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.clock import instant
from registry.errors import PreconditionFailed, PreconditionRequired
from registry.records.differences import MOST, changed
from registry.records.models import Draft, Record, Version

# Names of content codings that the front adds to an ETag.
_CODINGS = frozenset({"br", "zstd", "gzip"})
# What is remembered of a draft's past: whoever read it longer ago reads it whole.
REMEMBERED = 30


def etag_of(draft: Draft) -> str:
    return f"{draft.digest}.{draft.revision}"


async def match(
    session: AsyncSession, if_match: str | None, record: Record, draft: Draft | None, before: Version | None
) -> None:
    """Hold what the sender read against the draft or, while there is none, the newest version."""
    present = etag_of(draft) if draft else before.commit if before else ""
    sent = _sent(if_match)
    if _matches(sent, present):
        return
    since = _draft_since(draft, sent) if draft else await _version_since(session, record, before, sent)
    raise _failed(present, since)


def match_etag(if_match: str | None, present: str) -> None:
    """Hold what the sender read against the ETag of something else than a record."""
    if not _matches(_sent(if_match), present):
        raise _failed(present, {})


def match_draft(if_match: str | None, draft: Draft | None) -> None:
    """Hold what the sender read against the draft. Where there is none, the workflow says so."""
    sent = _sent(if_match)
    if draft is not None and not _matches(sent, etag_of(draft)):
        raise _failed(etag_of(draft), _draft_since(draft, sent))


def match_bytes(if_match: str | None, draft: Draft | None) -> None:
    """Hold the bytes that the sender read against the draft's: what stands beside them may have changed."""
    sent = _sent(if_match)
    if draft is not None and not _matches([tag.partition(".")[0] for tag in sent], draft.digest):
        raise _failed(etag_of(draft), _draft_since(draft, sent))


async def match_version(
    session: AsyncSession, if_match: str | None, record: Record, before: Version | None
) -> None:
    """Hold what the sender read against the newest version."""
    sent = _sent(if_match)
    if not _matches(sent, before.commit if before else ""):
        raise _failed(before.commit if before else None, await _version_since(session, record, before, sent))


def remember(draft: Draft, pointers: Iterable[str]) -> None:
    """Note what the revision of the draft that is about to be kept changes."""
    entry = {
        "revision": draft.revision,
        "digest": draft.digest,
        "by": draft.author,
        "at": instant(draft.updated_at),
        "changed": list(pointers)[:MOST],
    }
    draft.trail = [*(draft.trail or []), entry][-REMEMBERED:]


def _sent(if_match: str | None) -> list[str]:
    """RFC 9110, section 13.1.1; a suffix that names a content coding is left out of the comparison."""
    if not if_match:
        raise PreconditionRequired(
            "Send `If-Match` with the ETag that you read, so that nobody's work is lost."
        )
    tags = []
    for tag in if_match.split(","):
        stem = tag.strip().removeprefix("W/").strip('"')
        bare, dash, coding = stem.rpartition("-")
        tags.append(bare if dash and coding in _CODINGS and bare else stem)
    return tags


def _matches(sent: Iterable[str], present: str) -> bool:
    return bool(present) and any(tag in (present, "*") for tag in sent)


def _failed(present: str | None, since: dict[str, Any]) -> PreconditionFailed:
    return PreconditionFailed(
        "Somebody changed it since. Read it again, then decide.", present=present, **since
    )


def _draft_since(draft: Draft, sent: Iterable[str]) -> dict[str, Any]:
    """What the draft's revisions since the one that was read changed, by whom and when the last did."""
    known = {f"{entry['digest']}.{entry['revision']}": entry["revision"] for entry in draft.trail or ()}
    read = max((known[tag] for tag in sent if tag in known), default=None)
    if not draft.trail:
        return {}
    told = {"changed_by": draft.trail[-1]["by"], "changed_at": draft.trail[-1]["at"]}
    if read is None:
        return told
    later = [entry for entry in draft.trail if entry["revision"] > read]
    pointers = sorted({pointer for entry in later for pointer in entry["changed"]})
    return {"changed": pointers[:MOST], **told}


async def _version_since(
    session: AsyncSession, record: Record, before: Version | None, sent: Iterable[str]
) -> dict[str, Any]:
    """What the newest version changed against the one that was read, where that is one of the record's."""
    if before is None:
        return {}
    of_record = select(Version).where(Version.record_pk == record.pk, Version.commit.in_(list(sent)[:8]))
    read = await session.scalar(of_record.order_by(Version.pk.desc()).limit(1))
    told = {"changed_at": instant(before.at)}
    if read is None:
        return told
    was, now = msgspec.json.decode(read.document), msgspec.json.decode(before.document)
    return {"changed": changed(was, now), **told}
