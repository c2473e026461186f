"""What leaves the house, built field by field. Documents leave as the bytes they were published as."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from registry.canonical import digest
from registry.clock import instant
from registry.errors import Finding
from registry.moderation.screening.models import ScreeningHit
from registry.records.alike import Alike
from registry.records.drafts import DraftState
from registry.records.erasure import Erased
from registry.records.groups import Key
from registry.records.identity import Identity
from registry.records.list_queries import Changed
from registry.records.queries import Stored
from registry.records.suppression import Withheld


def listing(items: Sequence[bytes], following: str | None) -> bytes:
    """`{items, next}` around documents that are JSON bytes already."""
    tail = f'"{following}"' if following else "null"
    return b'{"items":[' + b",".join(items) + b'],"next":' + tail.encode() + b"}"


def alike(found: Sequence[Alike]) -> bytes:
    """`{items, next}` of records that are like one, each with the reasons."""
    items = [
        b'{"record":' + one.stored.document + b',"reasons":' + msgspec.json.encode(reasons_of(one)) + b"}"
        for one in found
    ]
    return listing(items, None)


def reasons_of(one: Alike) -> list[dict[str, str]]:
    """What two records have in common; `label` where a tag is called something."""
    return [
        {"kind": reason.kind, "value": reason.value, **({"label": reason.label} if reason.label else {})}
        for reason in one.reasons
    ]


def listing_etag(rows: Sequence[Stored], *rest: object) -> str:
    """A validator for a list: it changes with any version in it, and with what else the answer depends on."""
    return digest("\n".join([*(row.commit for row in rows), *map(str, rest)]).encode())[:32]


def version_summary(row: Stored) -> dict[str, Any]:
    """One line of a record's history."""
    return {
        "version": row.label,
        "action": row.action,
        "commit": row.commit,
        "updated": instant(row.at),
        **({"seq": row.public_seq} if row.public_seq is not None else {}),
    }


def published(row: Stored) -> dict[str, Any]:
    """The answer to what makes a version: publishing, withdrawing, reinstating, leaving."""
    state = "withdrawn" if row.withdrawn else "published"
    return {
        "id": row.id,
        "kind": row.kind,
        "version": row.label,
        "commit": row.commit,
        "etag": row.commit,
        "state": state,
    }


def draft(state: DraftState) -> dict[str, Any]:
    """The answer to a draft that was taken, with the findings that did not stop it."""
    return {
        "id": state.id,
        "kind": state.kind,
        "state": state.step,
        "etag": state.etag,
        "findings": [finding.as_json() for finding in state.findings],
        **({"signatures": list(state.signatures)} if state.signatures else {}),
    }


def handling(state: DraftState) -> dict[str, Any]:
    """What stands beside a draft. Only `handling` and `restricted` can be put."""
    shown = {
        "state": state.step,
        "handling": dict(state.handling),
        "restricted": list(state.restricted),
        "comments": list(state.comments),
        "approvals": list(state.approvals),
        "schedule": dict(state.schedule) if state.schedule else None,
        "missed": dict(state.missed) if state.missed else None,
        "authors": list(state.authors),
        "approved_by": state.approved_by,
        "screening": [hit(row) for row in state.hits],
        "signatures": list(state.signatures) or None,
    }
    return {key: value for key, value in shown.items() if value is not None}


def validation(submission: Mapping[str, Any] | None, findings: Sequence[Finding]) -> dict[str, Any]:
    """What `POST /validate` says; nothing is stored."""
    valid = submission is not None and all(finding.severity != "error" for finding in findings)
    return {"valid": valid, "findings": [finding.as_json() for finding in findings]}


def change(row: Changed) -> dict[str, Any]:
    return {
        "seq": row.seq,
        "origin": row.origin,
        "id": row.id,
        "version": row.version,
        "kind": row.kind,
        "action": row.action,
        "at": instant(row.at),
    }


def erased(state: Erased) -> dict[str, Any]:
    """The answer to erasing a record."""
    return {"id": state.id, "erased": True, "code": state.code}


def withheld(state: Withheld) -> dict[str, Any]:
    """The answer to suppressing a record, or to showing it again."""
    return {
        "id": state.id,
        "suppressed": state.code is not None,
        **({"code": state.code} if state.code else {}),
    }


def hit(row: ScreeningHit) -> dict[str, Any]:
    """What screening found in a draft, and what became of it."""
    return {
        "number": row.number,
        "rule": row.rule,
        "pointer": row.pointer,
        "message": row.message,
        "suggestion": row.suggestion,
        "state": row.state,
        **({"resolved_by": row.resolved_by, "reason": row.reason} if row.resolved_by else {}),
    }


def key(of: Key) -> dict[str, Any]:
    """A record by its name."""
    origin, id = of
    return {"origin": origin, "id": id}


def identity(found: Identity) -> dict[str, Any]:
    """What is known of a record's others."""
    return {
        **key((found.of.origin, found.of.id)),
        "items": [
            {
                **key((other.stored.origin, other.stored.id)),
                "kind": other.stored.kind,
                "version": other.stored.number,
                "grounds": list(other.grounds),
            }
            for other in found.others
        ],
        "claims": [{"by": key(claim.by), "of": key(claim.of)} for claim in found.claims],
        "larger": found.larger,
        "next": None,
    }
