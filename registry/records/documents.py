"""From a submission to the document that is published: what the registry stamps, and what it sets aside.
Pure.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registry.clock import instant
from registry.errors import Finding
from registry.ids import PREFIX, is_id

SCHEMA = "candor-record/1"
DocumentJson = dict[str, Any]

_TAG = re.compile(r"[a-z][a-z0-9-]*:[^\s/][^\s]*")
_TAG_FIELDS = frozenset(
    {
        "tag",
        "tags",
        "against",
        "affiliation",
        "business_functions",
        "cause",
        "class",
        "group",
        "lifecycle",
        "metric",
        "modality",
        "motive",
        "nature",
        "platforms",
        "ref",
        "rights",
        "role",
        "safeguard",
        "sectors",
        "severity",
        "target_tags",
        "tasks",
        "type",
        "method",
    }
)
# Withheld from the public unless a provider says otherwise (records.md, "Who sees it").
SET_ASIDE = (("content", "filings"), ("content", "contacts"), ("content", "times", "aware"))
ASIDE = "set-aside"
"""The id of the restricted part that holds them."""
_LONGEST_SCHEME, _LONGEST_SOURCE = 100, 400
_MOST_NAMES = 100
NOT_IN_DOCUMENT = frozenset({"handling", "restricted"})
STAMPED = frozenset(
    {
        "schema",
        "id",
        "version",
        "origin",
        "provider",
        "provider_sector",
        "published",
        "modified",
        "updated",
        "withdrawal",
    }
)


@dataclass(frozen=True, slots=True)
class Publisher:
    """What a document says of the organisation that publishes it, where attribution allows."""

    slug: str
    name: str
    domain: str | None = None
    verified: bool = False
    sector: str | None = None

    def shown(self, attribution: str) -> DocumentJson:
        if attribution == "named":
            named = {"slug": self.slug, "name": self.name, "verified": self.verified}
            return {"provider": {**named, "domain": self.domain} if self.domain else named}
        if attribution == "sector" and self.sector:
            return {"provider_sector": self.sector}
        return {}


def draft(
    submission: Mapping[str, Any],
    *,
    id: str,
    origin: str,
    publisher: Publisher,
    prev: str | None,
    beside: Sequence[Publisher] = (),
) -> DocumentJson:
    """The draft document: what co-publishers approve and what is signed. `beside` are those co-publishers."""
    out = NOT_IN_DOCUMENT | STAMPED | {"co_providers"}
    document = {key: value for key, value in submission.items() if key not in out}
    attribution = document.get("attribution", "named")
    return {
        "schema": SCHEMA,
        "id": id,
        "origin": origin,
        **publisher.shown(attribution),
        **document,
        **_jointly(attribution, beside),
        "prev": prev,
    }


def jointly(draft: Mapping[str, Any], beside: Sequence[Publisher]) -> DocumentJson:
    """A draft, or a document, with other co-publishers."""
    document = {key: value for key, value in draft.items() if key != "co_providers"}
    return {**document, **_jointly(document.get("attribution", "named"), beside)}


def _jointly(attribution: str, beside: Sequence[Publisher]) -> DocumentJson:
    # They would give each other away, and the provider with them.
    if attribution != "named" or not beside:
        return {}
    return {"co_providers": [one.shown("named")["provider"] for one in beside]}


def slugs_of(document: Mapping[str, Any]) -> list[str]:
    """The organisations that a document shows as its publishers, once each."""
    shown = [document.get("provider"), *(document.get("co_providers") or ())]
    slugs = (one.get("slug") for one in shown if isinstance(one, dict))
    # Another registry's document may hold anything here.
    return list(dict.fromkeys(slug[:64] for slug in slugs if isinstance(slug, str)))


def source_of(document: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The scheme and id under which the source of an imported document is known."""
    source = document.get("source")
    if not isinstance(source, dict):
        return None, None
    scheme, id = source.get("scheme"), source.get("id")
    if not (isinstance(scheme, str) and isinstance(id, str)):
        return None, None
    if len(scheme) > _LONGEST_SCHEME or len(id) > _LONGEST_SOURCE:
        return None, None
    return scheme, id


def names_of(document: Mapping[str, Any]) -> list[str]:
    """What a record is known as elsewhere, as names that can be compared: its source, and the aliases that
    mean the same and not a part of it or more.
    """
    aliases = document.get("aliases")
    same = [
        one
        for one in (aliases if isinstance(aliases, list) else ())
        if isinstance(one, dict) and one.get("type", "same") == "same"
    ]
    found: dict[str, None] = {}
    for one in (document.get("source"), *same):
        if isinstance(one, dict) and isinstance(one.get("scheme"), str) and isinstance(one.get("id"), str):
            found[name_of(one["scheme"], one["id"])] = None
    return list(found)[:_MOST_NAMES]


def name_of(scheme: str, id: str) -> str:
    """A name elsewhere as it is compared: without case, its spaces tidied, cut to what is kept."""
    return " ".join(f"{scheme}:{id}".casefold().split())[:300]


def publish(
    draft: Mapping[str, Any], *, number: int | str, at: datetime, before: Mapping[str, Any] | None
) -> DocumentJson:
    """The public document of version `number`. `before` is the version before it.

    `published` is the time of version 1; `modified` moves only when the meaning changes, so not with an
    editorial revision; `updated` is this version's own time.
    """
    moment = instant(at)
    document = {key: value for key, value in draft.items() if key != "prev"}
    keeps_meaning = before is not None and document.get("revision", {}).get("type") == "editorial"
    return {
        **document,
        "version": number,
        "published": before["published"] if before else moment,
        "modified": before["modified"] if before and keeps_meaning else moment,
        "updated": moment,
    }


def withdraw(
    before: Mapping[str, Any], *, number: int, at: datetime, withdrawal: Mapping[str, Any]
) -> DocumentJson:
    """The version that says a record was withdrawn. The text stays, so that what was cited can be read."""
    document = {key: value for key, value in before.items() if key != "revision"}
    moment = instant(at)
    return {
        **document,
        "version": number,
        "withdrawal": dict(withdrawal),
        "modified": moment,
        "updated": moment,
    }


def leave(before: Mapping[str, Any], *, number: int, at: datetime, slug: str) -> DocumentJson:
    """The version that says an organisation no longer publishes this jointly."""
    left = [one for one in before.get("co_providers", ()) if one.get("slug") != slug]
    document = {key: value for key, value in before.items() if key != "co_providers"}
    moment = instant(at)
    note = f"{slug} no longer publishes this record jointly."
    return {
        **document,
        **({"co_providers": left} if left else {}),
        "version": number,
        "revision": {"type": "status", "note": note},
        "modified": moment,
        "updated": moment,
    }


def reinstate(before: Mapping[str, Any], *, number: int, at: datetime, note: str) -> DocumentJson:
    """The version that takes a withdrawal back."""
    document = {key: value for key, value in before.items() if key != "withdrawal"}
    moment = instant(at)
    revision = {"type": "status", **({"note": note} if note else {})}
    return {**document, "version": number, "revision": revision, "modified": moment, "updated": moment}


def set_aside(submission: DocumentJson) -> tuple[DocumentJson, DocumentJson]:
    """Split off what is not for the public by default: the rest, and a merge patch that would put it back."""
    patch: DocumentJson = {}
    for path in SET_ASIDE:
        holder: Any = submission
        for step in path[:-1]:
            holder = holder.get(step) if isinstance(holder, dict) else None
        if not isinstance(holder, dict) or path[-1] not in holder:
            continue
        submission = _without(submission, path)
        into = patch
        for step in path[:-1]:
            into = into.setdefault(step, {})
        into[path[-1]] = holder[path[-1]]
    return submission, patch


def unfit(submission: Mapping[str, Any]) -> list[Finding]:
    """Why no document can be made of a submission that is right in itself."""
    found: list[Finding] = []
    handling = submission.get("handling", {})
    if "tlp" not in handling and (handling.get("groups") or handling.get("people")):
        problem = "Groups and people are named, but not the level at which they may see it."
        hint = 'Add "tlp": "AMBER" for groups, "RED" for people.'
        found.append(Finding("tlp-missing", "/handling/tlp", problem, hint))
    if "content" not in set_aside(dict(submission))[0]:
        problem = "All of it is set aside for some readers, and nothing is left for the document."
        hint = "Add what everybody may know, such as severity, status or a chain of events."
        found.append(Finding("all-set-aside", "/content", problem, hint))
    return found


def with_aside(parts: Sequence[Mapping[str, Any]], aside: Mapping[str, Any]) -> list[DocumentJson]:
    """Restricted parts, with what was set aside laid over the part that holds it."""
    if not aside:
        return [dict(part) for part in parts]
    fresh: DocumentJson = {"id": ASIDE, "tlp": "RED", "content": {}}
    held = next((part for part in parts if part["id"] == ASIDE), fresh)
    rest = [dict(part) for part in parts if part["id"] != ASIDE]
    return [*rest, {**held, "content": _overlaid(held["content"], aside)}]


def _overlaid(value: Mapping[str, Any], patch: Mapping[str, Any]) -> DocumentJson:
    laid = dict(value)
    for key, item in patch.items():
        below = laid.get(key)
        laid[key] = _overlaid(below, item) if isinstance(item, dict) and isinstance(below, dict) else item
    return laid


def _without(value: DocumentJson, path: tuple[str, ...]) -> DocumentJson:
    if len(path) == 1:
        return {key: item for key, item in value.items() if key != path[0]}
    inner = _without(value[path[0]], path[1:])
    rest = {key: item for key, item in value.items() if key != path[0]}
    return {**rest, path[0]: inner} if inner else rest


# The walks below run over every value of every import: they gather into a list, which takes half the time of
# generators inside generators, and ask for `dict`, not `Mapping`.


def tags_of(document: Mapping[str, Any]) -> list[str]:
    """Every tag that a document bears anywhere, in order of first appearance, once each."""
    found: dict[str, None] = {}
    _gather_tags(document, "", found)
    return list(found)


def _gather_tags(value: Any, field: str, found: dict[str, None]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            # Texts are passed by without a call, as most of them bear no tag.
            if not isinstance(item, str):
                _gather_tags(item, key, found)
            elif key in _TAG_FIELDS and _TAG.fullmatch(item):
                found[item] = None
    elif isinstance(value, list):
        for item in value:
            if not isinstance(item, str):
                _gather_tags(item, field, found)
            elif field in _TAG_FIELDS and _TAG.fullmatch(item):
                found[item] = None


def links_of(document: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(role, origin, id) of every reference to another record, once each."""
    found: dict[tuple[str, str, str], None] = {}
    _gather_links(document, document.get("origin", ""), "", found)
    return list(found)


def _gather_links(value: Any, home: str, role: str, found: dict[tuple[str, str, str], None]) -> None:
    # Fields that only somebody else's registry knows may hold anything.
    if isinstance(value, dict):
        target, origin, kind = value.get("id"), value.get("origin", home), value.get("type")
        if role and isinstance(target, str) and target.startswith(PREFIX) and is_id(target):
            found[role, origin if isinstance(origin, str) else home, target] = None
        for key, item in value.items():
            if isinstance(item, dict | list):
                within = kind if key == "target" and isinstance(kind, str) else key
                _gather_links(item, home, within, found)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict | list):
                _gather_links(item, home, role, found)
