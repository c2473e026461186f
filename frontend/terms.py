"""Tags and references as pages show them: what they are called and where they lead."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from frontend.urls import Urls
from registry.records import queries
from registry.records.documents import links_of
from registry.taxonomies.vocabulary import Vocabulary, split_tag

LONGEST_NAME = 24
"""In characters: a longer name of a vocabulary does not fit on a tag."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The vocabulary in use, as templates ask it."""

    vocabulary: Vocabulary
    urls: Urls

    def is_tag(self, value: Any) -> bool:
        return isinstance(value, str) and split_tag(value) is not None

    def label(self, tag: str) -> str:
        return self.vocabulary.label(tag)

    def definition(self, tag: str) -> str:
        term = self.vocabulary.term(tag)
        return term.definition if term else ""

    def namespace(self, tag: str) -> str:
        """The name of the vocabulary that a tag belongs to; its namespace where the name is a title."""
        namespace = tag.partition(":")[0]
        taxonomy = self.vocabulary.taxonomy(namespace)
        return taxonomy.name if taxonomy and len(taxonomy.name) <= LONGEST_NAME else namespace

    def title(self, namespace: str) -> str:
        """The name of a vocabulary in full; its namespace where it is not here."""
        taxonomy = self.vocabulary.taxonomy(namespace)
        return taxonomy.name if taxonomy else namespace

    def grouped(self, tags: Sequence[str]) -> Sequence[tuple[str, Sequence[str]]]:
        """Tags by the name of their vocabulary, in order of appearance; what is no tag stands under none."""
        groups: dict[str, list[str]] = {}
        for tag in tags:
            groups.setdefault(self.namespace(tag) if self.is_tag(tag) else "", []).append(tag)
        return list(groups.items())

    def url(self, tag: str) -> str:
        """The term's page; of a tag that no vocabulary here holds, the records that bear it."""
        if self.vocabulary.term(tag) is not None:
            return self.urls.term(tag)
        return self.urls.records((("tag", tag),))

    def rank(self, tag: str) -> tuple[int, int]:
        """The place of a tag on its scale and the length of the scale; (0, 0) of a tag that is on none."""
        scale = self.vocabulary.tags(tag.partition(":")[0])
        return (scale.index(tag) + 1, len(scale)) if tag in scale else (0, 0)


@dataclass(frozen=True, slots=True)
class Target:
    """A record that is referred to: its title and kind when it may be read here, else only its id."""

    id: str
    url: str
    title: str = ""
    kind: str = ""
    version: str = ""
    part: str = ""


@dataclass(frozen=True)
class References:
    """The records that one record refers to, with their titles. `home` is the origin of the one that does."""

    urls: Urls
    home: str
    found: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)

    def target(self, reference: Any) -> Target | None:
        """What stands behind a reference; None of what is none."""
        if not isinstance(reference, Mapping) or not isinstance(reference.get("id"), str):
            return None
        id, origin = reference["id"], str(reference.get("origin") or self.home)
        document = self.found.get((origin, id), {})
        return Target(
            id,
            self.urls.reference(reference, self.home),
            str(document.get("title", "")),
            str(document.get("kind", "")),
            str(reference.get("version", "")),
            str(reference.get("part", "")),
        )


async def references(session: AsyncSession, urls: Urls, document: Mapping[str, Any]) -> References:
    """Look up every record that a document refers to, in one query."""
    keys: Iterable[tuple[str, str]] = {(origin, id) for _, origin, id in links_of(document)}
    rows = await queries.documents(session, sorted(keys))
    found = {key: msgspec.json.decode(row.document) for key, row in rows.items() if row is not None}
    return References(urls, str(document.get("origin", "")), found)
