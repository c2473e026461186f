from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Event(StrEnum):
    """What happened to a record last."""

    NEW = "new"
    REVISED = "revised"
    WITHDRAWN = "withdrawn"
    REINSTATED = "reinstated"


@dataclass(frozen=True, slots=True)
class Author:
    """Who publishes. `url` is absolute."""

    name: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Category:
    """`term` says it in full (`misuse:fraud`), `scheme` is an absolute address that tells the vocabulary."""

    term: str
    scheme: str
    label: str


@dataclass(frozen=True, slots=True)
class Source:
    """The registry that published what is only copied here: its feed of everything, by the id that it bears
    there, and the addresses of that feed without its suffix and of the registry itself.
    """

    origin: str
    feed_id: str
    feed_url: str
    home: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One record, or one version of it, as every format tells it.

    `id` is an absolute URI that never changes. `summary` is plain text, `content` sanitised HTML with
    absolute links only. Both addresses are absolute: `url` for a person, `document_url` for the JSON. `via`
    is where an imported record comes from, `source` the registry of one that is another's. Times are aware
    and in UTC. `revision` is the version's (type, note), as far as there is one.
    """

    id: str
    event: Event
    title: str
    summary: str
    content: str
    url: str
    document_url: str
    published: datetime
    updated: datetime
    origin: str
    record: str
    kind: str
    version: int
    basis: str
    language: str = "en"
    authors: Sequence[Author] = ()
    categories: Sequence[Category] = ()
    via: str | None = None
    rights: str | None = None
    severity: str | None = None
    revision: tuple[str | None, str | None] = (None, None)
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as all writers see it.

    `url` is the canonical address of this very feed in the format that is written, `home` the page that shows
    the same to a person. `updated` is the newest change in it, None while nothing was ever in it. `full`
    tells whether content is given or summaries only.
    """

    id: str
    title: str
    description: str
    url: str
    home: str
    registry: Author
    origin: str
    updated: datetime | None
    entries: Sequence[Entry] = field(default_factory=tuple)
    about: str = ""
    full: bool = True
