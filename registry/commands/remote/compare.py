"""A file and its record at the registry: whether they say the same, and in what they differ. Pure."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.canonical import canonical
from registry.records import documents
from registry.records.content import native
from registry.records.content.check import check

CLEAR = {"tlp": "CLEAR"}
_NOT_AUTHORS = documents.STAMPED | {"prev"}


@dataclass(frozen=True, slots=True)
class Remote:
    """A record as the registry has it: what is worked on, or what a revision starts from.

    `state` is the draft's step; `none` where there is no draft. `comments` are what it was returned with.
    """

    id: str
    document: Mapping[str, Any]
    handling: Mapping[str, Any]
    restricted: Sequence[Mapping[str, Any]]
    etag: str
    state: str
    comments: Sequence[Mapping[str, Any]] = ()

    @property
    def drafted(self) -> bool:
        return self.state != "none"

    @property
    def waits(self) -> bool:
        """Whether somebody has to publish it: what is scheduled goes out by itself."""
        return self.drafted and "embargo_until" not in self.handling


def submission_of(remote: Remote) -> dict[str, Any]:
    """What a file of the record says: without what the registry stamps, and with what it set aside back in
    its place.
    """
    fields = {key: value for key, value in remote.document.items() if key not in _NOT_AUTHORS}
    if "co_providers" in fields:
        fields["co_providers"] = [_slug(each) for each in fields["co_providers"]]
    parts = []
    for part in remote.restricted:
        # As it is set aside by default: pushed again from its own place, it comes to the same.
        if part["id"] == documents.ASIDE and {**part, "content": None} == _DEFAULT and _all_aside(part):
            fields = _laid(fields, part["content"])
        else:
            parts.append(dict(part))
    if parts:
        fields["restricted"] = parts
    if remote.handling and dict(remote.handling) != CLEAR:
        fields["handling"] = dict(remote.handling)
    return fields


_DEFAULT = {"id": documents.ASIDE, "tlp": "RED", "content": None}


def _all_aside(part: Mapping[str, Any]) -> bool:
    content = {"content": {}, **part["content"]}
    return bool(documents.set_aside(content)[1] == part["content"])


def _slug(co_provider: Any) -> Any:
    return co_provider.get("slug") if isinstance(co_provider, dict) else co_provider


def _laid(below: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    laid = dict(below)
    for key, item in patch.items():
        under = laid.get(key)
        laid[key] = _laid(under, item) if isinstance(item, dict) and isinstance(under, dict) else item
    return laid


def wanted(submission: Mapping[str, Any], remote: Remote) -> dict[str, Any] | None:
    """What a file of the record would say once the submission is taken, in the registry's normal form; None
    where the submission has errors.

    What a submission does not say stays as it is: handling, restricted parts, and what was set aside.
    """
    raw = dict(submission)
    checked = check(raw, vocabulary=None, previous=remote.document, own_id=remote.id, sources=True)
    if checked.submission is None:
        return None
    public, aside = documents.set_aside(dict(checked.submission))
    parts = public.pop("restricted", []) if "restricted" in raw else list(remote.restricted)
    handling = {**CLEAR, **public.pop("handling", {})} if "handling" in raw else dict(remote.handling)
    if "embargo_until" not in handling and "embargo_until" in remote.handling:
        # The registry's own note of a schedule.
        handling["embargo_until"] = remote.handling["embargo_until"]
    if "revision" not in public and "revision" in remote.document:
        public["revision"] = remote.document["revision"]
    if not remote.drafted:
        # Said of the version that is there already, if nothing else changed.
        public.pop("revision", None)
    if public.get("attribution", "named") != "named":
        public.pop("co_providers", None)
    return submission_of(
        Remote(
            remote.id,
            public,
            handling,
            documents.with_aside(parts, aside),
            remote.etag,
            remote.state,
        )
    )


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return canonical(_sorted_parts(one)) == canonical(_sorted_parts(other))


def _sorted_parts(fields: Mapping[str, Any]) -> dict[str, Any]:
    if "restricted" not in fields:
        return dict(fields)
    return {**fields, "restricted": sorted(fields["restricted"], key=lambda part: str(part.get("id")))}


def difference(before: Mapping[str, Any], after: Mapping[str, Any], *, old: str, new: str) -> list[str]:
    """The lines of a unified diff between two submissions, written as files."""
    lines = difflib.unified_diff(
        native.write(_ordered(before)).splitlines(),
        native.write(_ordered(after)).splitlines(),
        old,
        new,
        lineterm="",
        n=2,
    )
    return list(lines)


def _ordered(value: Any) -> Any:
    """In one order of fields: the order in which they were written is no difference."""
    if isinstance(value, Mapping):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return [_ordered(item) for item in value] if isinstance(value, list) else value
