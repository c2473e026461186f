"""The second layer of the check: what the shape cannot say. Each rule is a function over one walked record.

A rule yields findings and changes nothing. It meets content that has other mistakes too, so it looks before
it takes. To add one: write it here or in a neighbour, and name it in `RULES`.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from registry.errors import Finding
from registry.records.content.common import (
    Absent,
    Alias,
    Element,
    Reference,
    Translation,
)
from registry.records.content.measures import (
    Circumstances,
    Rule,
    dates_in_order,
    metrics_make_sense,
    ranges_upright,
    scores_readable,
    warning,
)
from registry.records.content.outline import Parts, known_path
from registry.records.content.submission import KINDS, Handling, Restricted
from registry.records.content.values import looks_like_tag
from registry.taxonomies.vocabulary import Vocabulary


def known_tags(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """Tags are terms of a vocabulary that is loaded here, and of one that belongs in the field."""
    vocabulary = around.vocabulary
    if vocabulary is None:
        return
    not_loaded: set[str] = set()
    for pointer, value, field in parts.tags:
        tag = value.strip()
        namespace, colon, _ = tag.partition(":")
        if not colon or not looks_like_tag(tag):
            if not field.or_text:
                continue
            if (full := f"{field.namespaces[0]}:{tag}" if field.namespaces else "") and vocabulary.known(
                full
            ):
                yield warning("tag-as-text", pointer, f"{tag!r} is a known term.", f"Write {full}.")
            continue
        if vocabulary.known(tag):
            term = vocabulary.term(tag)
            if term is not None and term.deprecated_by:
                yield warning(
                    "deprecated-tag",
                    pointer,
                    f"{tag} is out of use.",
                    f"Use {namespace}:{term.deprecated_by}.",
                )
        elif vocabulary.version(namespace) is None and (field.or_text or namespace in field.namespaces):
            continue  # plain words with a colon, or a vocabulary that this registry has not loaded
        elif vocabulary.version(namespace) is None and (around.lenient or namespace in vocabulary.spoken_of):
            # A copied record may hold a hundred tags of one such vocabulary: it is said once.
            if namespace not in not_loaded:
                not_loaded.add(namespace)
                yield warning(
                    "unknown-vocabulary",
                    pointer,
                    f"The vocabulary {namespace} is not loaded here; its tags are kept.",
                    "Load it with `candor taxonomy import`.",
                )
            continue
        else:
            near = nearest_tags(vocabulary, tag)
            yield Finding(
                "unknown-tag",
                pointer,
                f"{tag} is not in a vocabulary that this registry knows.",
                f"Nearest: {', '.join(near)}." if near else None,
            )
            continue
        if field.namespaces and namespace not in field.namespaces:
            usual = " or ".join(f"{name}:" for name in field.namespaces)
            yield warning(
                "unusual-namespace", pointer, f"{tag} is unusual here.", f"This field takes {usual} tags."
            )


@lru_cache(maxsize=4096)
def nearest_tags(vocabulary: Vocabulary, tag: str) -> tuple[str, ...]:
    """The known tags nearest to one, best first. Imports ask for the same ones again and again."""
    return tuple(vocabulary.nearest(tag))


def ids_unique(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """No two elements of a list bear one id, and no record is referred to twice in one list."""
    for pointer, items, kind in parts.lists:
        if not (issubclass(kind, Element) or kind in (Reference, Alias)):
            continue
        seen: dict[Any, int] = {}
        for index, item in enumerate(items):
            if not isinstance(item, dict) or item.get("id") is None:
                continue
            key = (
                item["id"]
                if issubclass(kind, Element)
                else tuple(str(item.get(name)) for name in ("origin", "scheme", "id", "version", "part"))
            )
            first = seen.setdefault(key, index)
            if first == index:
                continue
            if issubclass(kind, Element):
                yield Finding(
                    "duplicate-element-id",
                    f"{pointer}/{index}/id",
                    f"The id {item['id']!r} is already that of element {first}.",
                    "Give it another one, or none to have one assigned.",
                )
            else:
                yield warning(
                    "repeated", f"{pointer}/{index}", f"This repeats element {first}.", "Leave it out."
                )


def elements_say_something(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """No element of a list is empty."""
    for pointer, items, kind in parts.lists:
        if not issubclass(kind, Element):
            continue
        for index, item in enumerate(items):
            if isinstance(item, dict) and not item.keys() - {"id"}:
                name = pointer.rpartition("/")[2]
                yield Finding(
                    "empty-element",
                    f"{pointer}/{index}",
                    f"This element of {name} says nothing.",
                    "Write something in it or leave it out.",
                )


def references_point_elsewhere(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """A record does not refer to itself, and a `part` names something that records have."""
    for pointer, reference in parts.of(Reference):
        id, part = reference.get("id"), reference.get("part")
        if isinstance(id, str) and id.startswith("source:") and not around.sources:
            yield Finding(
                "source-reference",
                f"{pointer}/id",
                "References by source are resolved in imports only.",
                "Write the id that this registry gave the record.",
            )
        if around.own_id and id == around.own_id and not reference.get("origin"):
            yield Finding(
                "self-relation", f"{pointer}/id", "The record refers to itself.", "Name another record."
            )
        if isinstance(part, str) and not known_path(KINDS, part):
            yield Finding(
                "dangling-part",
                f"{pointer}/part",
                f"No record has a part {part[:80]!r}.",
                "Name the fields and element ids on the way, such as /content/prohibited_uses/3.",
            )


def absences_true(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """What is declared absent is a field of this kind and is not there."""
    for pointer, absent in parts.of(Absent):
        target = absent.get("pointer")
        if not isinstance(target, str) or not target.startswith("/"):
            continue
        if not known_path((parts.kind,), target):
            yield Finding(
                "dangling-pointer", f"{pointer}/pointer", f"A {parts.kind} has no field {target[:80]!r}."
            )
        elif resolve(parts.data, target) is not None:
            yield warning(
                "absent-but-present", f"{pointer}/pointer", f"{target[:80]} is there.", "Leave this out."
            )


def resolve(document: Any, part: str) -> Any:
    """What a part pointer names in a document: list elements by their `id`. None when there is nothing."""
    value = document
    for token in part.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list):
            value = next(
                (
                    item
                    for item in value
                    if (isinstance(item, dict) and item.get("id") == name) or item == name
                ),
                None,
            )
        else:
            return None
    return value


def translations_differ(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """One translation a language, and none into the record's own."""
    seen = {parts.data.get("language") or "en"}
    for pointer, translation in parts.of(Translation):
        language = translation.get("language")
        if language in seen:
            yield Finding(
                "repeated-language", f"{pointer}/language", f"{language} is there already.", "Keep one."
            )
        seen.add(language)


def handling_complete(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """Who is meant is named: groups for AMBER, people for RED."""
    for kind in (Handling, Restricted):
        for pointer, item in parts.of(kind):
            tlp = item.get("tlp")
            if tlp in ("AMBER", "AMBER+STRICT") and not item.get("groups") and not item.get("people"):
                yield warning(
                    "nobody-named", pointer, f"TLP:{tlp} without groups is for nobody.", "Add groups."
                )
            if tlp == "RED" and not item.get("people"):
                yield warning("nobody-named", pointer, "TLP:RED without people is for nobody.", "Add people.")


def stance_supported(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """A response brings what its stance announces."""
    content = parts.data.get("content")
    if parts.kind != "response" or not isinstance(content, dict):
        return
    stance = content.get("stance")
    proposes = content.get("proposes") or {}
    if stance == "evaluates" and not (content.get("effectiveness") or content.get("metrics")):
        yield warning(
            "stance-without-support",
            "/content/stance",
            "An evaluation brings a result.",
            "Add effectiveness.",
        )
    if stance == "classifies" and not (isinstance(proposes, dict) and proposes.get("classifications")):
        yield warning(
            "stance-without-support",
            "/content/stance",
            "A classification brings tags.",
            "Add proposes.classifications.",
        )


_RECOMMENDED: dict[str, tuple[str, ...]] = {
    "incident": (
        "/systems",
        "/content/severity",
        "/content/nature",
        "/content/setting",
        "/content/times",
        "/content/harms",
        "/content/assertion",
    ),
    "weakness": ("/systems", "/content/class", "/content/status", "/content/severity"),
    "evaluation": ("/systems", "/content/instrument", "/content/results"),
    "mitigation": ("/content/safeguard", "/content/status", "/content/applies_to"),
    "lesson": ("/content/what_happened", "/content/recommendations"),
    "guideline": ("/content/applies_to",),
    "response": ("/content/text",),
}


def recommended_present(parts: Parts, around: Circumstances) -> Iterator[Finding]:
    """What readers and reporting duties look for is there, or declared absent."""
    declared = {absent.get("pointer") for _, absent in parts.of(Absent)}
    for pointer in ("/summary", "/references", *_RECOMMENDED.get(parts.kind, ())):
        value: Any = parts.data
        for token in pointer.split("/")[1:]:
            value = value.get(token) if isinstance(value, dict) else None
        if value in (None, [], {}, "") and pointer not in declared:
            name = pointer.rpartition("/")[2]
            yield warning(
                "missing-recommended",
                pointer,
                f"Readers look for {name}.",
                f"Add {name}, or say in absent[] why it is not there.",
            )


RULES: tuple[Rule, ...] = (
    known_tags,
    dates_in_order,
    metrics_make_sense,
    ranges_upright,
    scores_readable,
    ids_unique,
    elements_say_something,
    references_point_elsewhere,
    absences_true,
    translations_differ,
    handling_complete,
    stance_supported,
)
AUTHORS_RULES: tuple[Rule, ...] = (recommended_present,)
"""Rules for who writes a record, which would only make noise where somebody else's is copied."""
