"""From a document to what it reports of safeguards and mitigations. Pure.

Three kinds of record report outcomes: incidents (`safeguards[]`), mitigations (`effectiveness[]`) and
responses that evaluate a mitigation. Documents of other registries may hold anything anywhere: what is not
shaped as records.md says reports nothing.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.ids import is_id, parse_id
from registry.taxonomies.vocabulary import path_ancestors, split_tag

Document = Mapping[str, Any]
Key = tuple[str, str]
"""(origin, id) of a record."""

DESCRIBED = "described"
"""The outcome of a mitigation's first row, which reports none: it holds what the mitigation is, and against
what.
"""
WORKING, PARTLY, FAILING, ABSENT, UNKNOWN = "working", "partly", "failing", "absent", "unknown"
GROUPS: Mapping[str, str] = {
    "worked": WORKING,
    "effective": WORKING,
    "partial": PARTLY,
    "degraded": PARTLY,
    "bypassed": FAILING,
    "ineffective": FAILING,
    "harmful": FAILING,
    "absent": ABSENT,
    "unknown": UNKNOWN,
}
"""Every outcome that can be reported, in the order in which they are told, with what it is counted among."""
OF_INCIDENTS = frozenset({"worked", "bypassed", "absent", "degraded", "unknown"})
OF_EFFECTS = frozenset({"effective", "partial", "ineffective", "harmful", "unknown"})

CIRCUMSTANCES = frozenset(
    {
        "action",
        "actor",
        "affected",
        "cause",
        "detection",
        "lifecycle",
        "metric",
        "modality",
        "motive",
        "org",
        "platform",
        "principle",
        "rights",
        "safeguard",
        "sector",
        "severity",
        "system",
        "system-role",
        "task",
    }
)
"""Namespaces that tell where and how something happened. A record's tags in any other name a danger, and so
what something may work against.
"""

LONGEST_SUBJECT = 300
LONGEST_POINTER = 120
_LONGEST_ORIGIN, _LONGEST_SLUG, _LONGEST_DOMAIN = 255, 64, 253
# What one document may report: ours have no more, and what others send is read no further.
MOST_CLAIMS = 1_000
MOST_SUBJECTS = 100
_MOST_PUBLISHERS = 100


@dataclass(frozen=True, slots=True)
class Claim:
    """One outcome that a document reports.

    `pointer` leads to it in the document. `safeguard` is the term it speaks of and `target` the mitigation
    record, one of them at least. `against` are tags, and records by `subject_of`. One that `inherits` does
    not say against what: it speaks of whatever its mitigation is against. `measured` tells that it comes with
    numbers, or names what it was found with.
    """

    number: int
    pointer: str
    outcome: str
    safeguard: str | None = None
    target: Key | None = None
    against: tuple[str, ...] = ()
    inherits: bool = False
    measured: bool = False

    @property
    def subjects(self) -> tuple[str, ...]:
        """What it is found by: `against`, and the broader tags that the paths of those name."""
        found: dict[str, None] = {}
        for one in self.against:
            found[one] = None
            if " " not in one:
                found.update(dict.fromkeys(path_ancestors(one)))
        return tuple(found)[: 2 * MOST_SUBJECTS]

    @property
    def safeguards(self) -> tuple[str, ...]:
        """`safeguard`, and the broader terms that its path names."""
        return (self.safeguard, *path_ancestors(self.safeguard)) if self.safeguard else ()


@dataclass(frozen=True, slots=True)
class Publisher:
    """An organisation that a document names as its publisher. `domain` is there where it is proven. Those
    that are not named have neither.
    """

    slug: str | None = None
    domain: str | None = None


def subject_of(origin: str, id: str) -> str:
    """A record as something to be found by, beside tags, which hold no space."""
    return f"{id} {origin}"


def claims_of(document: Document) -> list[Claim]:
    """What a document reports, in its order. Of a withdrawn one: nothing."""
    content = document.get("content")
    if not isinstance(content, Mapping) or document.get("withdrawal"):
        return []
    match document.get("kind"):
        case "incident":
            return _of_incident(document, content)
        case "mitigation":
            return _of_mitigation(document, content)
        case "response":
            return _of_response(document, content)
        case _:
            return []


def publishers_of(document: Document, signed: Collection[str] | None = None) -> list[Publisher]:
    """Who publishes a document, as it shows it: at least one, which may be nobody that is named.

    `signed` is given for a document of another registry, whose word for a domain is not taken: the domains
    whose keys signed it.
    """
    if document.get("attribution") in ("sector", "anonymous"):
        return [Publisher()]
    beside = document.get("co_providers")
    shown = [document.get("provider"), *(beside if isinstance(beside, list) else ())]
    named = [_publisher(one, signed) for one in shown[:_MOST_PUBLISHERS] if isinstance(one, Mapping)]
    return list(dict.fromkeys(named)) or [Publisher()]


def _publisher(shown: Mapping[str, Any], signed: Collection[str] | None) -> Publisher:
    slug, domain = shown.get("slug"), shown.get("domain")
    known = None
    if isinstance(domain, str) and 0 < len(domain) <= _LONGEST_DOMAIN:
        proven = shown.get("verified") is True if signed is None else domain.lower() in signed
        known = domain.lower() if proven else None
    return Publisher(slug[:_LONGEST_SLUG] if isinstance(slug, str) else "", known)


def dangers_of(document: Document) -> tuple[str, ...]:
    """The tags by which a record itself says what it is about, as far as they name a danger."""
    said = document.get("tags")
    tags = (tag for tag in (said if isinstance(said, list) else ()) if _is_tag(tag))
    return _few(tag for tag in tags if tag.partition(":")[0] not in CIRCUMSTANCES)


# --- by kind


def _of_incident(document: Document, content: Document) -> list[Claim]:
    # Most incidents report on none, and an import brings hundreds a second.
    if not (elements := _maps(content.get("safeguards"))):
        return []
    origin = _origin(document)
    itself = _records(origin, [{"id": document.get("id")}, *_list(content.get("exploits"))])
    used = [
        _map(one.get("target")) for one in _maps(document.get("relations")) if one.get("type") == "exploits"
    ]
    itself += [one for one in _records(origin, used) if one not in itself]
    about = _few((*itself, *dangers_of(document)))
    found: list[Claim] = []
    for element in elements:
        outcome, target = element.get("outcome"), _key(origin, element.get("mitigation"))
        safeguard = _tag(element.get("tag"))
        if outcome not in OF_INCIDENTS or not (safeguard or target):
            continue
        stated = [tag for tag in _list(element.get("against")) if _is_tag(tag)]
        found.append(
            Claim(
                len(found) + 1,
                _pointer("safeguards", element),
                outcome,
                safeguard,
                target,
                _few((*itself, *stated)) if stated else about,
            )
        )
        if len(found) == MOST_CLAIMS:
            break
    return found


def _of_mitigation(document: Document, content: Document) -> list[Claim]:
    origin, safeguard = _origin(document), _tag(content.get("safeguard"))
    itself = _key(origin, document)
    if itself is None:
        return []
    effects = _maps(content.get("effectiveness"))
    applies = _maps(content.get("applies_to"))
    against = [one["tag"] for one in applies if _is_tag(one.get("tag"))]
    against += _records(origin, [one["record"] for one in applies if "record" in one])
    if not against:
        stated = [one["against"] for one in effects if _is_tag(one.get("against"))]
        against = stated or list(dangers_of(document))
    found = [Claim(0, "", DESCRIBED, safeguard, itself, _few(against))]
    for element in effects[:MOST_CLAIMS]:
        if element.get("outcome") in OF_EFFECTS:
            pointer = _pointer("effectiveness", element)
            found.append(_effect(len(found), pointer, element, safeguard, itself))
    return found


def _of_response(document: Document, content: Document) -> list[Claim]:
    target = _key(_origin(document), content.get("about"))
    if content.get("stance") != "evaluates" or target is None:
        return []
    effect = _map(content.get("effectiveness"))
    # Whoever evaluates and does not say how it went still evaluated.
    outcome = effect.get("outcome") if effect.get("outcome") in OF_EFFECTS else "unknown"
    beside = {"metrics": _list(content.get("metrics")), "evidence": _list(content.get("evidence"))}
    said = {**effect, "outcome": outcome}
    for name, value in beside.items():
        said[name] = said.get(name) or value
    return [_effect(1, "/content/effectiveness" if effect else "/content", said, None, target)]


def _effect(number: int, pointer: str, said: Document, safeguard: str | None, target: Key) -> Claim:
    against = _tag(said.get("against"))
    return Claim(
        number,
        pointer,
        str(said["outcome"]),
        safeguard,
        target,
        (against,) if against else (),
        inherits=against is None,
        measured=is_measured(said),
    )


def is_measured(effect: Document) -> bool:
    """Whether an effect was measured: its author says so or does not say otherwise, and shows with what, in
    numbers or in evidence. To call something measured and show nothing is to believe it.
    """
    basis = effect.get("basis")
    if basis == "belief":
        return False
    if effect.get("metrics"):
        return True
    return basis in ("measured", "independent") and bool(effect.get("evidence"))


# --- reading whatever stands there


def _map(value: Any) -> Document:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _maps(value: Any) -> list[Document]:
    return [one for one in _list(value) if isinstance(one, Mapping)]


def _is_tag(value: Any) -> bool:
    return isinstance(value, str) and split_tag(value) is not None


def _tag(value: Any) -> str | None:
    return value if _is_tag(value) else None


def _origin(document: Document) -> str:
    return str(document.get("origin", ""))


def _key(home: str, reference: Any) -> Key | None:
    """The record that a reference names; None for what names none."""
    found = _map(reference)
    id, origin = found.get("id"), found.get("origin", home)
    if not (isinstance(id, str) and is_id(id) and parse_id(id) == id and isinstance(origin, str)):
        return None
    return (origin, id) if 0 < len(origin) <= _LONGEST_ORIGIN else None


def _records(home: str, references: Sequence[Any]) -> list[str]:
    keys = (_key(home, one) for one in references)
    return list(dict.fromkeys(subject_of(*key) for key in keys if key is not None))


def _few(values: Iterator[str] | Sequence[str]) -> tuple[str, ...]:
    kept = dict.fromkeys(one for one in values if len(one) <= LONGEST_SUBJECT)
    return tuple(kept)[:MOST_SUBJECTS]


def _pointer(name: str, element: Document) -> str:
    id = element.get("id")
    whole = f"/content/{name}/{id}" if isinstance(id, str) and id else f"/content/{name}"
    return whole if len(whole) <= LONGEST_POINTER else f"/content/{name}"
