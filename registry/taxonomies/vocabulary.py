"""Terms, crosswalks, taxonomies, and the snapshot of them all that the rest of the registry asks.

A tag is `namespace:term` or `namespace:term/subterm`; a parent matches its children. Everything here is pure:
a `Vocabulary` is built from taxonomies once, never changes, and may be shared between threads.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, cast, get_args

from registry.canonical import canonical, digest

Match = Literal["exact", "close", "broad", "narrow", "related"]
MATCHES: tuple[Match, ...] = get_args(Match)
# Most published mappings say no more than `related`. It widens no search, but is worth showing.
_INVERSE: Mapping[Match, Match] = {
    "exact": "exact",
    "close": "close",
    "broad": "narrow",
    "narrow": "broad",
    "related": "related",
}

MAX_TAG = 200
NAMESPACE_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]*"
# What may stand in a path of a URL without escaping, so that a tag is its own address.
_STEP = r"[A-Za-z0-9][A-Za-z0-9._~-]*"
TERM_PATTERN = rf"{_STEP}(?:/{_STEP})*"
TAG_PATTERN = rf"^{NAMESPACE_PATTERN}:{TERM_PATTERN}$"
_NAMESPACE = re.compile(NAMESPACE_PATTERN)
_TERM = re.compile(TERM_PATTERN)
_TAG = re.compile(TAG_PATTERN)
_NOTHING: Mapping[str, str] = MappingProxyType({})


def split_tag(tag: str) -> tuple[str, str] | None:
    """`(namespace, term)` of a well-formed tag, None of anything else."""
    if len(tag) > MAX_TAG or _TAG.fullmatch(tag) is None:
        return None
    namespace, _, term = tag.partition(":")
    return namespace, term


def is_namespace(text: str) -> bool:
    return _NAMESPACE.fullmatch(text) is not None


def is_term_id(text: str) -> bool:
    return len(text) < MAX_TAG and _TERM.fullmatch(text) is not None


def path_ancestors(tag: str) -> tuple[str, ...]:
    """The broader tags that the path itself names, nearest first: `a:b/c/d` lies under `a:b/c` and `a:b`."""
    steps = tag.split("/")
    return tuple("/".join(steps[:length]) for length in range(len(steps) - 1, 0, -1))


@dataclass(frozen=True, slots=True)
class Term:
    """One entry of a taxonomy.

    `parents` and `deprecated_by` are ids of the same taxonomy, `labels` go by language tag.
    """

    id: str
    label: str
    definition: str = ""
    parents: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    alt_labels: tuple[str, ...] = ()
    deprecated_by: str | None = None
    refs: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Without what is empty."""
        value = {
            "id": self.id,
            "label": self.label,
            "definition": self.definition,
            "parents": list(self.parents),
            "labels": dict(self.labels),
            "alt_labels": list(self.alt_labels),
            "deprecated_by": self.deprecated_by,
            "refs": list(self.refs),
        }
        return {key: item for key, item in value.items() if item}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Term":
        return cls(
            id=value["id"],
            label=value["label"],
            definition=value.get("definition", ""),
            parents=tuple(value.get("parents", ())),
            labels=MappingProxyType(dict(value.get("labels", {}))),
            alt_labels=tuple(value.get("alt_labels", ())),
            deprecated_by=value.get("deprecated_by"),
            refs=tuple(value.get("refs", ())),
        )


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """`target` seen from `source`, both full tags; `broad` calls the target the broader one (SKOS)."""

    source: str
    target: str
    match: Match

    def as_json(self) -> dict[str, Any]:
        return {"from": self.source, "to": self.target, "match": self.match}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Crosswalk":
        return cls(value["from"], value["to"], cast(Match, value["match"]))


@dataclass(frozen=True)
class Taxonomy:
    """One version of one namespace. The order of `terms` is the publisher's; in scales it is the order of
    rank.

    `open` lists term ids under which any further path counts as known (`named` makes `actor:named/anything`
    known); an empty string there opens the whole namespace.
    """

    namespace: str
    version: str
    name: str
    publisher: str
    licence: str
    url: str | None = None
    terms: tuple[Term, ...] = ()
    crosswalks: tuple[Crosswalk, ...] = ()
    definition: str = ""
    open: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        value = {
            "namespace": self.namespace,
            "version": self.version,
            "name": self.name,
            "publisher": self.publisher,
            "licence": self.licence,
            "url": self.url,
            "definition": self.definition,
            "open": list(self.open),
            "terms": [term.as_json() for term in self.terms],
            "crosswalks": [crosswalk.as_json() for crosswalk in self.crosswalks],
        }
        return {key: item for key, item in value.items() if item or key == "terms"}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Taxonomy":
        return cls(
            namespace=value["namespace"],
            version=value["version"],
            name=value["name"],
            publisher=value["publisher"],
            licence=value["licence"],
            url=value.get("url"),
            terms=tuple(map(Term.from_json, value.get("terms", ()))),
            crosswalks=tuple(map(Crosswalk.from_json, value.get("crosswalks", ()))),
            definition=value.get("definition", ""),
            open=tuple(value.get("open", ())),
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON, in hex."""
        return digest(canonical(self.as_json()))


class Vocabulary:
    """A snapshot of one version of each namespace. The last given of a namespace counts."""

    def __init__(self, taxonomies: Iterable[Taxonomy] = ()) -> None:
        self._taxonomies = {taxonomy.namespace: taxonomy for taxonomy in taxonomies}
        self._terms: dict[str, Term] = {}
        self._parents: dict[str, tuple[str, ...]] = {}
        self._children: dict[str, list[str]] = {}
        self._crosswalks: dict[str, dict[str, Match]] = {}
        self._ancestors: dict[str, tuple[str, ...]] = {}
        for taxonomy in self._taxonomies.values():
            self._terms.update((f"{taxonomy.namespace}:{term.id}", term) for term in taxonomy.terms)
        for tag, term in self._terms.items():
            self._place(tag, term)
        for taxonomy in self._taxonomies.values():
            for crosswalk in taxonomy.crosswalks:
                self._crosswalks.setdefault(crosswalk.source, {})[crosswalk.target] = crosswalk.match
        for source, targets in list(self._crosswalks.items()):
            for target, match in list(targets.items()):
                # What the other side says of itself weighs more than what is concluded from here.
                self._crosswalks.setdefault(target, {}).setdefault(source, _INVERSE[match])

    def _place(self, tag: str, term: Term) -> None:
        namespace = tag.partition(":")[0]
        above = [f"{namespace}:{parent}" for parent in term.parents]
        for step in path_ancestors(tag):
            # Steps of a path that are no terms have the term below them too, up to the first that is one.
            if step in self._terms:
                above.append(step)
                break
            self._children.setdefault(step, []).append(tag)
        self._parents[tag] = tuple(dict.fromkeys(above))
        for parent in self._parents[tag]:
            self._children.setdefault(parent, []).append(tag)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """In alphabetical order."""
        return tuple(sorted(self._taxonomies))

    def taxonomy(self, namespace: str) -> Taxonomy | None:
        return self._taxonomies.get(namespace)

    def version(self, namespace: str) -> str | None:
        """The version that this snapshot holds; None of an unknown namespace."""
        taxonomy = self._taxonomies.get(namespace)
        return taxonomy.version if taxonomy else None

    def term(self, tag: str) -> Term | None:
        return self._terms.get(tag)

    def tags(self, namespace: str) -> tuple[str, ...]:
        """Every tag of a namespace, in the publisher's order."""
        taxonomy = self._taxonomies.get(namespace)
        return tuple(f"{namespace}:{term.id}" for term in taxonomy.terms) if taxonomy else ()

    def known(self, tag: str) -> bool:
        """Whether the tag is a term, deprecated or not, or well-formed in an open part of a namespace."""
        if tag in self._terms:
            return True
        parts = split_tag(tag)
        if parts is None or (taxonomy := self._taxonomies.get(parts[0])) is None:
            return False
        return any(not prefix or parts[1].startswith(f"{prefix}/") for prefix in taxonomy.open)

    @cached_property
    def spoken_of(self) -> frozenset[str]:
        """Namespaces that are not loaded here and that crosswalks lead to: their tags cannot be checked."""
        named = {tag.partition(":")[0] for tag in self._crosswalks}
        return frozenset(named - self._taxonomies.keys())

    @cached_property
    def crosswalked_tags(self) -> frozenset[str]:
        """Every tag that a crosswalk speaks of, loaded here or not, and all above them."""
        return frozenset(self._crosswalks).union(*map(self.ancestors, self._crosswalks))

    def spelled(self, tag: str) -> str:
        """The tag as its taxonomy writes it, however it was written here; an unknown one as it is."""
        return tag if tag in self._terms else self._by_case.get(tag.casefold(), tag)

    @cached_property
    def _by_case(self) -> dict[str, str]:
        return {tag.casefold(): tag for tag in self._terms}

    def label(self, tag: str) -> str:
        """What to show for a tag; for an unknown one the last step of its path, readable."""
        if term := self._terms.get(tag):
            return term.label
        return tag.rpartition(":")[2].rpartition("/")[2].replace("-", " ")

    def parents(self, tag: str) -> tuple[str, ...]:
        """The tags directly above, by `parents` and by path."""
        return self._parents.get(tag, path_ancestors(tag)[:1])

    def _above(self, tag: str) -> tuple[str, ...]:
        return (*self._parents.get(tag, ()), *path_ancestors(tag))

    def children(self, tag: str) -> tuple[str, ...]:
        """The tags directly below, in the publisher's order."""
        return tuple(self._children.get(tag, ()))

    def ancestors(self, tag: str) -> tuple[str, ...]:
        """Every broader tag, nearest first, without the tag itself. A loop in the data ends where it closes.

        Of an unknown tag these are the tags that its path names, so that `misuse:fraud` finds what a peer
        with a newer vocabulary calls `misuse:fraud/something-new`.
        """
        if tag not in self._ancestors:
            found = self._closure(tag, self._above)
            if tag not in self._terms:
                return found  # any text may be asked for: remember only what is bounded
            self._ancestors[tag] = found
        return self._ancestors[tag]

    def descendants(self, tag: str) -> tuple[str, ...]:
        """Every narrower tag, nearest first, without the tag itself."""
        return self._closure(tag, self.children)

    @staticmethod
    def _closure(tag: str, step: Any) -> tuple[str, ...]:
        found: dict[str, None] = {}
        ring: Sequence[str] = step(tag)
        while ring:
            fresh = [other for other in dict.fromkeys(ring) if other != tag and other not in found]
            found.update(dict.fromkeys(fresh))
            ring = [far for other in fresh for far in step(other)]
        return tuple(found)

    def crosswalked(self, tag: str, matches: Sequence[str] = ("exact", "close")) -> tuple[str, ...]:
        """The tags of other taxonomies that mean the same or, by `matches`, something close, broader or
        narrower.

        A crosswalk is read in both directions. Only `exact` is carried on through a third term, as in SKOS:
        two terms that are each close to a third need not be close to each other.
        """
        same = [tag]
        if "exact" in matches:
            same += self._closure(tag, self._exact)
        found = dict.fromkeys(same[1:])
        for other in same:
            for target, match in self._crosswalks.get(other, {}).items():
                if match in matches and target != tag:
                    found.setdefault(target)
        return tuple(found)

    def _exact(self, tag: str) -> list[str]:
        return [target for target, match in self._crosswalks.get(tag, {}).items() if match == "exact"]

    def crosswalks(self, tag: str) -> tuple[Crosswalk, ...]:
        """What is said directly about a tag, each seen from it."""
        return tuple(Crosswalk(tag, target, match) for target, match in self._crosswalks.get(tag, {}).items())

    def nearest(self, tag: str, limit: int = 3) -> list[str]:
        """The known tags that somebody who wrote `tag` most likely meant, best first; none when nothing is
        near.

        Ids, labels and alternative labels are compared; in the namespace that was written when there is such
        a one, else in all. A deprecated term is never proposed, its replacement is.
        """
        from rapidfuzz import fuzz, process

        namespace, _, wanted = tag.rpartition(":")
        names = self._names.get(namespace.lower()) if namespace else None
        if names is None:
            names = self._all_names
        hits = process.extract(
            _plain(wanted),
            names.keys(),
            scorer=fuzz.WRatio,
            limit=limit * 4,
            score_cutoff=65,
        )
        found: dict[str, None] = {}
        for name, _score, _index in hits:
            found.update(dict.fromkeys(names[name]))
        return list(found)[:limit]

    @cached_property
    def _names(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """By namespace in lower case: every name in plain words -> the tags that bear it."""
        groups: dict[str, dict[str, tuple[str, ...]]] = {}
        for taxonomy in self._taxonomies.values():
            names = groups.setdefault(taxonomy.namespace.lower(), {})
            for term in taxonomy.terms:
                tag = f"{taxonomy.namespace}:{term.deprecated_by or term.id}"
                last = term.id.rpartition("/")[2]
                for name in {_plain(text) for text in (term.id, last, term.label, *term.alt_labels)}:
                    names[name] = (*names.get(name, ()), tag)
        return groups

    @cached_property
    def _all_names(self) -> dict[str, tuple[str, ...]]:
        names: dict[str, tuple[str, ...]] = {}
        for group in self._names.values():
            for name, tags in group.items():
                if len(name) > 2:  # codes of countries and the like resemble everything
                    names[name] = names.get(name, ()) + tags
        return names

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex over what the snapshot holds, whatever the order in which it was given."""
        lines = [f"{namespace}\t{self._taxonomies[namespace].digest}" for namespace in self.namespaces]
        return digest("\n".join(lines).encode())


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.lower()).strip()
